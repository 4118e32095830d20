"""Plays a cell to a board, cycle by cycle, and holds every forecast against the integer reference in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlnet.device.board import Board
from dlnet.device.errors import Mismatch, Refused
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import acceptable, clean_codes, encode_codes, to_codes
from dlnet.export.reference import Int32s, run

OUT_OF_RANGE = 23  # the protocol's code of a cycle that cannot be true
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Played:
    """What a replay came to; every forecast was equal, or there would have been an error."""

    cycles: int  # taken in by the board
    refused: int  # by the board and by this computer alike
    forecasts: int  # compared, each of ``horizon`` integers
    last: Int32s | None  # the last forecast, 2^-24 SoH


def expected(model: DeviceModel, values: Singles) -> Int32s:
    """What the reference forecasts after each cycle from the ``window``-th on.

    Args:
        values: (n, inputs) cycles in natural units, all acceptable.

    Returns:
        (max(0, n - window + 1), horizon) SoH in units of 2^-24.
    """
    codec = model.codec
    if len(values) < codec.window:
        return np.zeros((0, model.spec.horizon), np.int32)
    clean = clean_codes(codec, to_codes(codec, values))
    windows = np.lib.stride_tricks.sliding_window_view(clean, codec.window, axis=0)
    return run(model.spec, *encode_codes(codec, windows.transpose(0, 2, 1))).forecast


def play(board: Board, values: Singles) -> Iterator[tuple[int, bool]]:
    """Reset the board and push each cycle, numbered from 1; yields its number and whether the board took it in."""
    board.reset()
    for number, row in enumerate(values, start=1):
        try:
            board.push(number, row)
        except Refused as refusal:
            if refusal.code != OUT_OF_RANGE:
                raise
            yield number, False
        else:
            yield number, True


def replay(board: Board, model: DeviceModel, values: Singles) -> Played:
    """Play a cell and compare, forecast by forecast.

    Args:
        values: (n, inputs) cycles in natural units, finite, oldest first.

    Raises:
        WrongModel: the board runs another model. Mismatch: it took in another cycle, or forecast another number.
    """
    board.check_model(model.sha256)
    codec = model.codec
    good = acceptable(codec, values)
    truth = iter(expected(model, values[good]))
    taken = forecasts = 0
    last: Int32s | None = None
    for number, accepted in play(board, values):
        if accepted != good[number - 1]:
            does = "takes in" if accepted else "refuses"
            raise Mismatch(f"cycle {number}: the board {does} what this computer does not; its firmware is another one")
        taken += accepted
        if not accepted or taken < codec.window:
            continue
        last = board.forecast()
        _compare(number, last, next(truth))
        forecasts += 1
    return Played(taken, len(values) - taken, forecasts, last)


def _compare(number: int, found: Int32s, wanted: Int32s) -> None:
    wrong = np.flatnonzero(found != wanted)
    if wrong.size:
        k = int(wrong[0])
        raise Mismatch(
            f"after cycle {number}, {k + 1} ahead: the board says {found[k]}, this computer {wanted[k]} "
            f"(units of 2^-24 SoH); {wrong.size} of {len(wanted)} differ: do not trust this board"
        )
