"""``dlnet release``: plan a release, claim its build, fetch its model, assemble its files."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import FORMS, Model, ModelArgument, Name, Out, commands, example, parse_model
from dlnet.errors import RegistryError
from dlnet.registry.names import DEFAULT

if TYPE_CHECKING:
    from dlnet.release.plan import ReleasePlan, Releases

app = commands("release", "Plan a release, claim its build, assemble its files.", "dlnet release plan")

Version = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="of the registered model")]
Claimant = Annotated[
    str,
    typer.Option("--claim", metavar="ID", envvar="DLNET_CLAIM", help="who builds, e.g. the id of the workflow's run"),
]
GitHub = Annotated[
    str | None, typer.Option("--github", metavar="OWNER/NAME", help="also check on GitHub whether the release exists")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="append key=value lines to FILE ($GITHUB_OUTPUT)")
]


@app.command(epilog=example("dlnet release plan --github OWNER/NAME"))
def plan(name: Name = DEFAULT, github: GitHub = None, as_json: Json = False, output: Output = None) -> None:
    """Compare champion with the last release; changes nothing."""
    _show(_releases(name, github).plan(), as_json, output)


@app.command(epilog=example("dlnet release claim --claim run-17 --github OWNER/NAME"))
def claim(
    claimant: Claimant, name: Name = DEFAULT, github: GitHub = None, as_json: Json = False, output: Output = None
) -> None:
    """Plan, and claim the build; only one caller gets the claim."""
    _show(_releases(name, github).claim(claimant), as_json, output)


@app.command("check-tag", epilog=example("dlnet release check-tag firmware-v7-1a2b3c4d --github OWNER/NAME"))
def check_tag(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="name of the release")],
    github: Annotated[str, typer.Option("--github", metavar="OWNER/NAME", help="where it will be released")],
) -> None:
    """Refuse a release whose git tag is of another commit."""
    from dlnet.release.published import Published
    from dlnet.release.tags import TAG

    if not TAG.fullmatch(tag):
        raise RegistryError(f"{tag[:100]!r}: not a release's tag; dlnet release plan prints it")
    published = Published.of_environment(github)
    published.check_tag(tag)
    print(f"{tag}: free, or of {published.commit[:12]}")


@app.command(epilog=example("dlnet release record 7 --claim run-17 --url https://example.org/releases/firmware-v7"))
def record(
    version: Version,
    claimant: Claimant,
    url: Annotated[str, typer.Option(help="address of the release")],
    name: Name = DEFAULT,
) -> None:
    """Record in the registry that a version is released."""
    from dlnet.release.plan import Releases

    print(f"recorded: {Releases(name).record(version, claimant, url)}")


@app.command(epilog=example("dlnet release fail 7 --claim run-17"))
def fail(version: Version, claimant: Claimant, name: Name = DEFAULT) -> None:
    """Give up a claim, so that the next run may build."""
    from dlnet.release.plan import Releases

    Releases(name).fail(version, claimant)
    print(f"{name} version {version} may be built again")


@app.command(epilog=example("dlnet release bundle --claim run-17 --out bundle.tar"))
def bundle(
    claimant: Claimant,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="file to write; an existing one is not replaced")],
    name: Name = DEFAULT,
    github: GitHub = None,
) -> None:
    """Claim the build, and write what it needs to one signed file."""
    from dlnet.errors import OutputError, RefusedError
    from dlnet.files import write_bytes
    from dlnet.release.pack import bundle_signer, claimed_bundle

    if out.exists():
        raise OutputError(f"{out}: exists; name another file")
    plan, content = claimed_bundle(_releases(name, github), claimant, bundle_signer())
    if content is None:
        raise RefusedError(plan.reason)
    write_bytes(out, content)
    print(f"{plan.reason}: {out}, {len(content):,} B")


@app.command(epilog=example("dlnet release fetch --model models:/dlnet-edge/7 --out build/model"))
def fetch(
    out: Out,
    model: Annotated[
        ModelArgument | None, typer.Option("--model", metavar="MODEL", parser=parse_model, help=f"{FORMS}")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE", help="instead: what dlnet release bundle wrote")
    ] = None,
    output: Output = None,
) -> None:
    """Write a version's files and lineage to a folder, checked."""
    from dlnet.release.fetch import check_out, check_out_bundle

    if bundle is not None and model is None:
        plan = check_out_bundle(bundle, out)
        _append(plan, output)
        print(f"{plan.reason}: {out}")
        return
    if model is None or bundle is not None:
        raise typer.BadParameter("give either --model or --bundle")
    if output is not None:
        raise typer.BadParameter("--output needs --bundle; of a version in the registry dlnet release plan writes it")
    if isinstance(model.source, Path):
        raise RegistryError(f"{model}: is a folder; fetch reads from the registry, so give {FORMS}")
    print(f"{check_out(str(model), out)}: {out}")


@app.command(epilog=example("dlnet release assets --model build/model --build build/nano33ble --out build/release"))
def assets(
    model: Model,
    build: Annotated[Path, typer.Option(metavar="DIR", help="folder that dlnet sketch --board nano33ble wrote")],
    out: Out,
    tag: Annotated[str, typer.Option(help="name of the release")] = "local build",
) -> None:
    """Assemble the release: images, header, card, checksums."""
    from dlnet.cli.firmware import windows
    from dlnet.device.board import Board
    from dlnet.device.core import CoreLine
    from dlnet.device.make import read_sizes
    from dlnet.export.saved import SavedEdge
    from dlnet.firmware.measure import measure
    from dlnet.firmware.prove import prove_arm
    from dlnet.outputs.marker import files_of
    from dlnet.release.assets import BUILT, AssetsConfig, Release, assemble, evaluated, lineage
    from dlnet.release.sbom import toolchain
    from dlnet.release.tags import parse_tag
    from dlnet.saved import load_as

    config = AssetsConfig.load()
    with _checked_out(model) as folder:
        edge, evaluation, tags = load_as(folder, SavedEdge), evaluated(folder), lineage(folder)
    released = parse_tag(tag)
    device = replace(edge.device, counter=released.counter) if released else edge.device
    elf = build / f"{BUILT}.elf"
    told, parts = Board(CoreLine(elf)).info, toolchain(elf)
    figures = measure(device, prove_arm(device, *windows(device))).costs(config.cost.clock_mhz)
    sizes = [(size.part, size.bytes, size.most) for size in read_sizes(build)]
    release = Release(tag, device, edge.document, evaluation, tags, figures, sizes, told, parts)
    verdict = assemble(build, release, config.publish.budget, out, model.folders)
    print("\n".join(verdict.held))
    print(f"{out}: " + ", ".join(files_of(out)))


@contextmanager
def _checked_out(model: ModelArgument) -> Iterator[Path]:
    """The folder of a model; a version of the registry as ``fetch`` writes it, in a temporary one."""
    if isinstance(model.source, Path):
        yield model.source
        return
    from dlnet.release.fetch import check_out

    with tempfile.TemporaryDirectory(prefix="dlnet-") as name:
        check_out(str(model), Path(name) / "model")
        yield Path(name) / "model"


def _releases(name: str, repository: str | None) -> Releases:
    from dlnet.release.plan import Releases
    from dlnet.release.published import Published

    if repository is None:
        return Releases(name)
    published = Published.of_environment(repository)
    return Releases(name, exists=published.exists, check_tag=published.check_tag)


def _append(plan: ReleasePlan, output: Path | None) -> None:
    if output is not None:
        with output.open("a") as stream:
            stream.write(plan.lines())


def _show(plan: ReleasePlan, as_json: bool, output: Path | None) -> None:
    _append(plan, output)
    if as_json:
        json.dump(asdict(plan), sys.stdout, indent=1)
        print()
        return
    print(plan.reason)
    print(f"last released: {f'version {plan.released}' if plan.released else 'none'}")
