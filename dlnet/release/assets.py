"""What a firmware release holds: images, the model's header, its card, checksums, how to flash and verify."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.config.publish import BudgetParams, PublishParams
from dlnet.errors import ModelError, RefusedError
from dlnet.export.documents import VersionRecord
from dlnet.export.edge import DeviceModel
from dlnet.export.saved import VERSION
from dlnet.files import atomic_dir, sha256, write_text
from dlnet.firmware.bundle import write_bundle
from dlnet.firmware.documents import DeviceCosts
from dlnet.gate.budget import within_budget
from dlnet.gate.verdict import Verdict
from dlnet.models.document import EVALUATION, Evaluated, ModelDocument
from dlnet.release.blockers import plain

BUILT, SHIPPED = "dlnet_monitor.ino", "dlnet-monitor-nano33ble"
KINDS = ("bin", "hex", "elf", "map")
CARD, GUIDE, SUMS = "MODEL-CARD.md", "FLASH.md", "SHA256SUMS"
MOST = 64 << 20  # bytes of one image's file
SCORES = ("mae", "rmse", "cell_mae")


class AssetsConfig(StageConfig):
    """What a release reads of params.yaml: the clock and the budget."""

    cost: CostParams
    publish: PublishParams


@dataclass(frozen=True)
class Release:
    """What the card tells.

    Attributes:
        tag: of the release. document: the model's own. evaluation: its errors as the pipeline measured them, if it
            is from the registry. lineage: the version's tags.
        figures: costs of the model, measured now. sizes: (part, bytes, room) of the image.
    """

    tag: str
    model: DeviceModel
    document: ModelDocument
    evaluation: Evaluated | None
    lineage: Mapping[str, str]
    figures: DeviceCosts
    sizes: Sequence[tuple[str, int, int]]


def assemble(build: Path, release: Release, budget: BudgetParams, out: Path) -> Verdict:
    """Write the folder ``out`` whole or not at all.

    Args:
        build: what ``dlnet sketch`` made for the real board.

    Raises:
        RefusedError: the model takes more than its budget. ModelError: a file of the build is missing or too large.
    """
    verdict = judge(release.figures, budget)
    if not verdict.passed:
        raise RefusedError(f"{release.model.name}: {'; '.join(verdict.reasons)}")
    with atomic_dir(out) as made:
        for kind in KINDS:
            shutil.copyfile(_image(build / f"{BUILT}.{kind}"), made / f"{SHIPPED}.{kind}")
        write_bundle(release.model, made)
        write_text(made / CARD, card(release, verdict))
        write_text(made / GUIDE, guide(release))
        sums = [f"{sha256(path)}  {path.name}\n" for path in sorted(made.iterdir())]
        write_text(made / SUMS, "".join(sums))
    return verdict


def judge(figures: DeviceCosts, budget: BudgetParams) -> Verdict:
    """Figures that were measured just now, against the budget."""
    return within_budget(figures.budgeted, "compiled and emulated", budget)


def lineage(folder: Path) -> Mapping[str, str]:
    """Tags of the version that ``dlnet fetch`` wrote to a folder; empty for a model that is not from there."""
    version = folder / VERSION
    return VersionRecord.read(version).tags if version.is_file() else {}


def evaluated(folder: Path) -> Evaluated | None:
    """``evaluation.json`` of a model out of the registry; None for one that is not from there.

    Raises:
        DocumentError: the file is damaged.
    """
    path = folder / EVALUATION
    return Evaluated.read(path) if path.is_file() else None


def _image(path: Path) -> Path:
    if not path.is_file():
        raise ModelError(f"{path}: no such file; dlnet sketch --board nano33ble makes it")
    if not 0 < path.stat().st_size <= MOST:
        raise ModelError(f"{path}: {path.stat().st_size:,} B is no image")
    return path


def card(release: Release, verdict: Verdict) -> str:
    """Model card: data, errors, what it takes, where it comes from."""
    model, data = release.model, release.document.data
    lines = [
        f"# {release.tag}",
        "",
        f"Model {model.name}, version {model.version}, SHA-256 of model.json `{model.sha256}`.",
        f"Trained on: {plain(data.label)}. It looks at {model.encoder.window} cycles and "
        f"forecasts the state of health (capacity / nominal capacity) of the next {model.encoder.horizon}.",
        "Rows of published data are not always consecutive cycles; a cell unlike the training cells may age otherwise.",
        "",
        *_errors(release),
        *_device(release.figures, verdict),
        *_image_sizes(release.sizes),
        *_lineage(release.lineage),
    ]
    return "\n".join(lines)


def _errors(release: Release) -> list[str]:
    """Of validation cells; of test cells too where the evaluate stage measured this model."""
    parts = {"validation": release.document.validation}
    if release.evaluation is not None:
        parts = {"validation": release.evaluation.validation, "test": release.evaluation.test}
    rows = [
        f"| {name} | " + " | ".join(f"{getattr(one, name):.5f}" for one in parts.values()) + " |" for name in SCORES
    ]
    return [
        "## Errors of SoH, int8 model",
        "",
        "| | " + " | ".join(f"{part} cells" for part in parts) + " |",
        "|---|" + "---|" * len(parts),
        *rows,
        "",
    ]


def _device(figures: DeviceCosts, verdict: Verdict) -> list[str]:
    whole = figures.monitor
    return [
        "## On the device",
        "",
        "Counted on an emulated Cortex-M4. Milliseconds are modelled, at 64 MHz; no board has measured them.",
        "",
        *(f"- {text}" for text in verdict.held),
        f"- with cleaning, encoding and saved state: flash {whole.flash_bytes_with_state:,} B, "
        f"{whole.forecast_instructions:,} instructions a forecast",
        "",
    ]


def _image_sizes(sizes: Sequence[tuple[str, int, int]]) -> list[str]:
    names = {"text": "flash", "data": "static RAM"}
    rows = [f"- {names.get(part, part)}: {taken:,} B of {most:,} B" for part, taken, most in sizes]
    return ["The whole image, Arduino core included:", "", *rows, ""] if rows else []


def _lineage(lineage: Mapping[str, str]) -> list[str]:
    rows = [f"| {key} | `{value.replace('`', '').replace('|', '')}` |" for key, value in sorted(lineage.items())]
    return ["## Where it comes from", "", "| | |", "|---|---|", *rows, ""] if rows else []


def guide(release: Release) -> str:
    """How to flash and verify."""
    return f"""# Flash and verify {release.tag}

1. Check what you downloaded: `sha256sum --check {SUMS}`, and who built it:
   `gh attestation verify {SHIPPED}.bin --repo OWNER/NAME`.
2. Connect the Arduino Nano 33 BLE (Sense); press its button twice if it does not answer. Then:
   `arduino-cli core install arduino:mbed_nano@4.6.0`
   `arduino-cli upload --fqbn arduino:mbed_nano:nano33ble --port PORT --input-file {SHIPPED}.bin`
3. Ask the board, with DLNet installed: `dlnet device --port PORT info` must show SHA-256
   `{release.model.sha256}`, and `dlnet device --port PORT selftest` must pass.
   Without it, any serial monitor does: send `info`, then `selftest`.

To build it yourself, put model_data.h beside dlnet_monitor.ino. `sha256sum model.json` gives the model's SHA-256.
"""
