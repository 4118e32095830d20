"""Checks a built image before it is shipped: self test on golden vectors, and the replay of a synthetic asset."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlnet.device.board import Board
from dlnet.device.core import CoreLine
from dlnet.device.emulator import emulated
from dlnet.device.line import Line
from dlnet.device.replay import Played, Singles, replay
from dlnet.export.edge import DeviceModel

BEYOND = 30  # rows played after the first forecast
SPREAD = 2000.0  # codes: standard deviation of synthetic rows around the centre of an input's range
TIMEOUT_S = 30.0


def verify(elf: Path, model: DeviceModel) -> Played:
    """Run self test and replay in an emulated CPU without peripherals; works for images of any board.

    Raises:
        DeviceError: the image rejects a command, differs from the reference, or holds another model.
    """
    return _check(Board(CoreLine(elf)), model)


def verify_emulated(elf: Path, model: DeviceModel) -> Played:
    """The same over the serial line of the emulated board, which the image must be built for."""
    with emulated(elf) as port, Line(port, TIMEOUT_S) as line:
        return _check(Board(line), model)


def _check(board: Board, model: DeviceModel) -> Played:
    board.check_release(model.version, model.counter)
    board.self_test()
    return replay(board, model, synthetic_asset(model))


def synthetic_asset(model: DeviceModel) -> Singles:
    """(window + 30, inputs) rows around the centre of each input's range, with falling health; always the same."""
    codec = model.codec
    count = codec.window + BEYOND
    codes = np.random.default_rng(0).normal(0, SPREAD, (count, codec.inputs))
    values = codec.offset + codes * codec.unit
    if codec.target is not None:
        values[:, 0] = model.quantities.target.from_health(np.linspace(1.0, 0.9, count))
    return np.asarray(values, np.float32)
