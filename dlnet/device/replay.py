"""Sends an asset to a board, row by row, and compares every forecast with the integer reference in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlnet.device.board import Board, Held
from dlnet.device.errors import Mismatch, Refused
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import acceptable
from dlnet.export.path import Apart, DevicePath, compare, device_path
from dlnet.export.reference import Int32s

OUT_OF_RANGE = 23  # the protocol's code for an impossible row
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Played:
    """Result of a replay, all of whose forecasts were equal to the reference's; otherwise it raises."""

    rows: int  # accepted by the board
    refused: int  # by the board and by the reference
    forecasts: int  # compared, each of ``horizon`` integers
    last: Int32s | None  # the last forecast, 2^-24 of health
    apart: Apart  # from the float path that ``dlnet forecast`` takes


def _path(model: DeviceModel, values: Singles) -> DevicePath:
    return device_path(model, values, np.arange(model.codec.window, len(values) + 1))


def play(board: Board, values: Singles) -> Iterator[tuple[int, Held | None]]:
    """Reset the board and push each row, numbered from 1; yields its number and what the board then holds, or None
    where it refused the row."""
    board.reset()
    for number, row in enumerate(values, start=1):
        try:
            held = board.push(number, row)
        except Refused as refusal:
            if refusal.code != OUT_OF_RANGE:
                raise
            yield number, None
        else:
            yield number, held


def replay(board: Board, model: DeviceModel, values: Singles) -> Played:
    """Send an asset and compare each forecast with the reference.

    Args:
        values: (n, inputs) rows in natural units, NaN where not measured, oldest first.

    Raises:
        WrongModel: the board runs another model. Mismatch: it accepted other rows, or gave another forecast or flag.
        ParityError: the reference itself is far from ``dlnet forecast`` in a window that it does not flag.
    """
    board.check_model(model.sha256)
    codec = model.codec
    acceptable_rows = acceptable(codec, values)
    apart, path = compare(model, values), _path(model, values[acceptable_rows])
    flags = zip(path.flagged.tolist(), path.off.tolist(), path.missing.tolist(), strict=True)
    reference = zip(path.forecast(model), flags, strict=True)
    accepted_count = forecasts = 0
    last: Int32s | None = None
    for number, held in play(board, values):
        accepted = held is not None
        if accepted != acceptable_rows[number - 1]:
            action = "accepts" if accepted else "refuses"
            raise Mismatch(
                f"row {number}: the board {action} it and this computer does not; the firmware is another one"
            )
        accepted_count += accepted
        if held is None or accepted_count < codec.window:
            continue
        last, (wanted, (flag, off, missing)) = board.forecast(), next(reference)
        _compare(number, last, wanted)
        if held.saturated != flag:
            raise Mismatch(f"after row {number}: the board says saturated={held.saturated:d}, this computer {flag:d}")
        if held.off_level != off:
            raise Mismatch(f"after row {number}: the board says off_level={held.off_level}, this computer {off}")
        if held.missing != missing:
            raise Mismatch(f"after row {number}: the board says missing={held.missing}, this computer {missing}")
        forecasts += 1
    return Played(accepted_count, len(values) - accepted_count, forecasts, last, apart)


def _compare(number: int, board: Int32s, reference: Int32s) -> None:
    wrong = np.flatnonzero(board != reference)
    if wrong.size:
        k = int(wrong[0])
        raise Mismatch(
            f"after row {number}, {k + 1} ahead: the board forecasts {board[k]}, this computer {reference[k]} "
            f"(units of 2^-24 of health); {wrong.size} of {len(reference)} differ: do not trust this board"
        )
