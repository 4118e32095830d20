"""``dlnet firmware`` and ``dlnet sketch``: a model's C++ header, and the sketch built with a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dlnet.cli.arguments import UNNAMED, Model, Out, commands, example

if TYPE_CHECKING:
    from dlnet.export.edge import DeviceModel
    from dlnet.export.reference import Int16s, Int32s
    from dlnet.firmware.measure import Figures

SYNTHETIC_WINDOWS = 200
Counter = Annotated[
    int,
    typer.Option("--counter", metavar="N", min=0, help="security counter of the release; 0: no release"),
]

app = commands()


@app.command(epilog=example("dlnet firmware --model models/edge/NAME --out build --prove"))
def firmware(
    out: Out,
    model: Model = UNNAMED,
    counter: Counter = 0,
    prove: Annotated[
        bool,
        typer.Option("--prove", help="compile it, compare with the reference, print its costs"),
    ] = False,
) -> None:
    """Write a model as C++ for a sketch: model_data.h and model.json."""
    from dlnet.cli.models import chosen, opened_edge
    from dlnet.firmware.bundle import DOCUMENT, HEADER, write_bundle
    from dlnet.outputs import added_files

    model = chosen(model)
    with opened_edge(model) as opened:
        device = replace(opened.device, counter=counter)
    with added_files(out, (HEADER, DOCUMENT), "dlnet firmware", model.folders) as folder:
        write_bundle(device, folder)
    print(f"{device.name}, version {device.version}: {device.spec.parameters} parameters")
    print(f"{out / HEADER}: include it after DLNet.h; inputs: {', '.join(device.codec.names)}")
    print(f"{out / DOCUMENT}: SHA-256 {device.sha256}")
    if prove:
        _prove(device)


@app.command(epilog=example("dlnet sketch --model models/edge/NAME --board emulated --out build/emulated"))
def sketch(
    board: Annotated[Literal["emulated", "nano33ble"], typer.Option()],
    out: Out,
    model: Model = UNNAMED,
    counter: Counter = 0,
    builder: Annotated[
        Literal["arduino-builder", "arduino-cli"] | None, typer.Option(help="default: what is installed")
    ] = None,
) -> None:
    """Build the sketch with a model, and check the image."""
    from dlnet.cli.models import chosen, opened_edge
    from dlnet.device.make import make
    from dlnet.outputs import replaced_dir

    model = chosen(model)
    with opened_edge(model) as opened:
        device = replace(opened.device, counter=counter)
    with replaced_dir(out, "dlnet sketch", model.folders) as folder:
        image = make(device, board, builder, folder)
    print(f"{out / image.elf.name}: {device.name}, version {device.version}")
    for size in image.sizes:
        print(f"{size.part}: {size.bytes:,} B of {size.most:,} B")
    print(f"self test passed, {image.played.forecasts} forecasts equal to the reference's: {image.where}")


def _prove(model: DeviceModel) -> None:
    from dlnet.cost.device import CLOCK_MHZ
    from dlnet.firmware.measure import measure
    from dlnet.firmware.prove import prove_arm, prove_host, prove_life, prove_others

    z, anchor = windows(model)
    prove_host(model, z, anchor)
    apart = prove_life(model)
    figures = measure(model, prove_arm(model, z, anchor))
    proven, left_out = prove_others(model, z, anchor)
    agree = ", ".join(["this machine", "both paths on an emulated Cortex-M4", *proven])
    print(f"{len(z)} windows: equal to the reference on {agree}")
    for core, flash in proven.items():
        print(f"{core}: {len(z)} windows compared; flash, engine and model: {flash:,} B")
    for one in left_out:
        print(one)
    print(f"a made-up life, until beyond the range of codes, {apart}")
    print("\n".join(lines(figures, CLOCK_MHZ)))


def windows(model: DeviceModel) -> tuple[Int16s, Int32s]:
    """The model's golden windows (N, T, C) with their anchors (N,), then synthetic windows of random int16."""
    import numpy as np

    from dlnet.firmware.self_test import synthetic_windows

    synthetic = synthetic_windows(model.spec, SYNTHETIC_WINDOWS)
    z = np.concatenate([model.golden[0], synthetic])
    return z, np.concatenate([model.golden[1], np.full(len(synthetic), 1 << 24, np.int32)])


def lines(figures: Figures, clock_mhz: float) -> list[str]:
    """The figures as lines of text."""
    engine, forecast = (run.cycles.milliseconds(clock_mhz) for run in (figures.engine, figures.forecast))
    return [
        f"flash, engine and model: {figures.flash_engine:,} B; with the front end: {figures.flash_monitor:,} B",
        f"RAM, one monitor: {figures.ram:,} B; deepest stack: {figures.stack:,} B",
        f"instructions a forecast: {figures.engine.instructions:,}; with encoding: {figures.forecast.instructions:,}; "
        f"a row pushed: {figures.push.instructions:,}",
        f"modelled ms a forecast at {clock_mhz:g} MHz, flash cache off: {engine.cache_off:.2f}; "
        f"with encoding: {forecast.cache_off:.2f}",
    ]
