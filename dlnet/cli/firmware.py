"""``dlnet firmware``: a model's header, and on request the proofs and figures of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlnet.cli.models import opened_edge
from dlnet.cost.device import CLOCK_MHZ
from dlnet.export.edge import DeviceModel
from dlnet.export.reference import Int16s, Int32s
from dlnet.firmware.bundle import DOCUMENT, HEADER, write_bundle
from dlnet.firmware.header import synthetic_windows
from dlnet.firmware.measure import Figures, measure
from dlnet.firmware.prove import prove_arm, prove_host

SYNTHETIC_WINDOWS = 200


def run(name: str, out: Path, *, prove: bool) -> int:
    """Write the files, and say what was written."""
    with opened_edge(name) as opened:
        model = opened.device
    write_bundle(model, out)
    print(f"{model.name}, version {model.version}: {model.spec.parameters} parameters")
    print(f"{out / HEADER}: include it after DLNet.h; inputs: {', '.join(model.codec.names)}")
    print(f"{out / DOCUMENT}: SHA-256 {model.sha256}")
    if prove:
        z, anchor = windows(model)
        prove_host(model, z, anchor)
        figures = measure(model, prove_arm(model, z, anchor))
        print(f"{len(z)} windows: the reference, this machine and both paths on an emulated Cortex-M4 agree")
        print("\n".join(lines(figures, CLOCK_MHZ)))
    return 0


def windows(model: DeviceModel) -> tuple[Int16s, Int32s]:
    """Golden windows of the model, then synthetic ones of any int16."""
    made = synthetic_windows(model.spec, SYNTHETIC_WINDOWS)
    z = np.concatenate([model.golden[0], made])
    return z, np.concatenate([model.golden[1], np.full(len(made), 1 << 24, np.int32)])


def lines(figures: Figures, clock_mhz: float) -> list[str]:
    """The figures, for reading."""
    engine, forecast = (run.cycles.milliseconds(clock_mhz) for run in (figures.engine, figures.forecast))
    return [
        f"flash, engine and model: {figures.flash_engine:,} B; with the front end: {figures.flash_monitor:,} B",
        f"RAM, one monitor: {figures.ram:,} B; deepest stack: {figures.stack:,} B",
        f"instructions a forecast: {figures.engine.instructions:,}; with encoding: {figures.forecast.instructions:,}; "
        f"a cycle pushed: {figures.push.instructions:,}",
        f"modelled ms a forecast at {clock_mhz:g} MHz, flash cache off: {engine.cache_off:.2f}; "
        f"with encoding: {forecast.cache_off:.2f}",
    ]
