"""Assembles a firmware release: images, the model's header, its card, checksums, the guide to flash and verify."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.config.publish import BudgetParams, PublishParams
from dlnet.device.board import Info
from dlnet.errors import ModelError, RefusedError
from dlnet.export.documents import VersionRecord
from dlnet.export.edge import DeviceModel
from dlnet.export.saved import VERSION
from dlnet.files import sha256, write_text
from dlnet.firmware.bundle import write_bundle
from dlnet.firmware.documents import DeviceCosts
from dlnet.gate.budget import within_budget
from dlnet.gate.verdict import Verdict
from dlnet.models.document import EVALUATION, Evaluated, ModelDocument
from dlnet.outputs import replaced_dir
from dlnet.registry.card import render
from dlnet.registry.names import BATTERY, KEY, edge_name, plain
from dlnet.release.record import RECORD, release_record
from dlnet.release.sbom import SBOM, Part, firmware_sbom
from dlnet.release.tags import RELEASED, is_release_of, parse_tag

BUILT, BOARD = "dlnet_monitor.ino", "nano33ble"
COMMAND = "dlnet release assets"
KINDS = ("bin", "hex", "elf", "map")
CARD, GUIDE, SUMS = "MODEL-CARD.md", "FLASH.md", "SHA256SUMS"
MOST = 64 << 20  # bytes of one image's file
TEMPLATES = Path(__file__).parent / "templates"


class AssetsConfig(StageConfig):
    """Sections of params.yaml that a release reads: the clock and the budget."""

    cost: CostParams
    publish: PublishParams


@dataclass(frozen=True)
class Release:
    """Content of a release's card.

    Attributes:
        tag: of the release. document: the model's own. evaluation: its errors as the pipeline measured them, if it
            is from the registry. lineage: the version's tags.
        figures: costs of the model, measured now. sizes: (part, bytes, most) of the image.
        told: what the image answers to ``info``. parts: what else the image is made from.
    """

    tag: str
    model: DeviceModel
    document: ModelDocument
    evaluation: Evaluated | None
    lineage: Mapping[str, str]
    figures: DeviceCosts
    sizes: Sequence[tuple[str, int, int]]
    told: Info
    parts: tuple[Part, ...]


def assemble(build: Path, release: Release, budget: BudgetParams, out: Path, inputs: Sequence[Path] = ()) -> Verdict:
    """Write the folder ``out``, completely or not at all.

    Args:
        build: folder that ``dlnet sketch`` wrote for the real board. inputs: other folders that ``out`` may not touch.

    Raises:
        RefusedError: the model exceeds its budget, the tag is that of another version's release, or version, counter or
            SHA-256 that the image carries are not those of the tag.
        ModelError: a file of the build is missing or too large.
        OutputError: ``out`` holds something else than an earlier result.
    """
    _check_tag(release)
    _check_image(release)
    shipped = image_name(release.model)
    verdict = check_budget(release.figures, budget)
    if not verdict.passed:
        raise RefusedError(f"{release.model.name}: {'; '.join(verdict.reasons)}")
    with replaced_dir(out, COMMAND, [build, *inputs]) as folder:
        for kind in KINDS:
            shutil.copyfile(_image(build / f"{BUILT}.{kind}"), folder / f"{shipped}.{kind}")
        write_bundle(release.model, folder)
        write_text(folder / CARD, card(release, verdict))
        write_text(folder / GUIDE, guide(release))
        write_text(folder / SBOM, _sbom(release, folder / f"{shipped}.bin"))
        release_record(release.tag, release.model, folder).write(folder / RECORD)
        sums = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
        write_text(folder / SUMS, "".join(sums))
    return verdict


def check_budget(figures: DeviceCosts, budget: BudgetParams) -> Verdict:
    """Compare measured figures with the budget."""
    return within_budget(figures.budgeted, "compiled and emulated", budget)


def lineage(folder: Path) -> Mapping[str, str]:
    """Tags of the version that ``dlnet release fetch`` wrote to a folder; empty for a model from elsewhere.

    Raises:
        RegistryError: the folder says that it is of a registered model that is never released.
    """
    path = folder / VERSION
    if not path.is_file():
        return {}
    version = VersionRecord.read(path)
    edge_name(version.name)
    return version.tags


def evaluated(folder: Path) -> Evaluated | None:
    """``evaluation.json`` of a model from the registry; None for one from elsewhere.

    Raises:
        DocumentError: the file is damaged.
    """
    path = folder / EVALUATION
    return Evaluated.read(path) if path.is_file() else None


def image_name(model: DeviceModel) -> str:
    """Name of the image's files: it names the task, so that nobody flashes the image of one task for another."""
    task = model.quantities.name
    return f"dlnet-monitor-{BOARD}" if task == BATTERY else f"dlnet-{task}-monitor-{BOARD}"


def _check_tag(release: Release) -> None:
    """Refuse the tag of a release (``firmware-...``) if it is of another version, content or counter than the model."""
    if not release.tag.startswith(RELEASED):
        return
    version, tag = release.model.version, parse_tag(release.tag)
    name, registered, number = version.partition("/")
    own = registered and is_release_of(release.tag, name, int(number))
    if not own or not tag or tag.key != release.lineage.get(KEY, tag.key)[:8]:
        raise RefusedError(f"{version}: {plain(release.tag)!r} is not the tag of its release")
    if tag.counter != release.model.counter:
        raise RefusedError(f"{release.tag}: the model is given counter {release.model.counter}, not {tag.counter}")


def _check_image(release: Release) -> None:
    """Refuse an image that states another model, version or counter on a board than the release will."""
    model, told = release.model, release.told
    stated = {"version": told.version, "counter": told.counter, "SHA-256": told.sha256}
    wanted = {"version": model.version, "counter": model.counter, "SHA-256": model.sha256}
    for name, value in wanted.items():
        if stated[name] != value:
            raise RefusedError(
                f"{plain(release.tag)}: the image carries {name} {plain(str(stated[name]))}, not {value}; build it "
                f"again: dlnet sketch --board {BOARD} --counter {model.counter}"
            )


def _sbom(release: Release, image: Path) -> str:
    label = release.document.data.label
    return firmware_sbom(release.tag, release.model, label, release.lineage, image, release.parts)


def _image(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"{path}: no such file; dlnet sketch --board nano33ble writes it")
    if not 0 < path.stat().st_size <= MOST:
        raise ModelError(f"{path}: {path.stat().st_size:,} B is not the size of an image")
    return path


def card(release: Release, verdict: Verdict) -> str:
    """Model card: data, errors, costs, lineage."""
    return render(TEMPLATES / "card.md.j2", **vars(release), verdict=verdict, plain=plain)


def guide(release: Release) -> str:
    """How to flash and verify."""
    image = image_name(release.model)
    text = render(TEMPLATES / "guide.md.j2", tag=release.tag, sha256=release.model.sha256, image=image, sums=SUMS)
    return text + "\n"
