"""The commands of a release's build: fetch a version, build its sketch, assemble what is published."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    """Add them to the sub-parsers of ``dlnet``."""
    fetch = commands.add_parser("fetch", help="a version's files and lineage into a folder, checked")
    fetch.add_argument("--model", required=True, metavar="MODEL", help="models:/NAME@ALIAS or models:/NAME/VERSION")
    fetch.add_argument("--out", type=Path, required=True, metavar="DIR")
    fetch.set_defaults(run=_fetch)
    sketch = commands.add_parser("sketch", help="build the sketch with a model in it, and check the image")
    sketch.add_argument("--model", required=True, metavar="DIR", help="models/edge/NAME, or of dlnet fetch")
    sketch.add_argument("--board", required=True, choices=("emulated", "nano33ble"))
    sketch.add_argument("--builder", choices=("arduino-builder", "arduino-cli"), help="default: what is installed")
    sketch.add_argument("--out", type=Path, required=True, metavar="DIR")
    sketch.set_defaults(run=_sketch)
    assets = commands.add_parser("assets", help="assemble a release: images, header, card, checksums")
    assets.add_argument("--model", required=True, metavar="DIR", help="models/edge/NAME, or of dlnet fetch")
    assets.add_argument("--build", type=Path, required=True, metavar="DIR", help="of dlnet sketch --board nano33ble")
    assets.add_argument("--tag", default="local build", help="name of the release")
    assets.add_argument("--out", type=Path, required=True, metavar="DIR")
    assets.set_defaults(run=_assets)


def _fetch(arguments: argparse.Namespace) -> int:
    from dlnet.release.fetch import check_out

    version = check_out(arguments.model, arguments.out)
    print(f"{version}: {arguments.out}")
    return 0


def _sketch(arguments: argparse.Namespace) -> int:
    from dlnet.cli.models import opened_edge
    from dlnet.device.make import make

    with opened_edge(arguments.model) as opened:
        model = opened.device
    made = make(model, arguments.board, arguments.builder, arguments.out)
    print(f"{made.elf}: {model.name}, version {model.version}")
    for size in made.sizes:
        print(f"{size.part}: {size.bytes:,} B of {size.most:,} B")
    print(f"self test passed, {made.played.forecasts} forecasts equal to the reference's: {made.where}")
    return 0


def _assets(arguments: argparse.Namespace) -> int:
    from dlnet.cli.firmware import windows
    from dlnet.cli.models import opened_edge
    from dlnet.device.make import read_sizes
    from dlnet.firmware.measure import measure
    from dlnet.firmware.prove import prove_arm
    from dlnet.release.assets import AssetsConfig, Release, assemble, evaluated, lineage

    config = AssetsConfig.load()
    with opened_edge(arguments.model) as opened:
        model, document = opened.device, opened.document
    figures = measure(model, prove_arm(model, *windows(model))).costs(config.cost.clock_mhz)
    sizes = [(size.part, size.bytes, size.most) for size in read_sizes(arguments.build)]
    folder = Path(arguments.model)
    release = Release(arguments.tag, model, document, evaluated(folder), lineage(folder), figures, sizes)
    verdict = assemble(arguments.build, release, config.publish.budget, arguments.out)
    print("\n".join(verdict.held))
    print(f"{arguments.out}: " + ", ".join(sorted(path.name for path in arguments.out.iterdir())))
    return 0
