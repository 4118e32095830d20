"""Sends an asset to a board, row by row, and compares every forecast with the integer reference in NumPy."""

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

OUT_OF_RANGE = 23  # the protocol's code for an impossible row
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Played:
    """Result of a replay, all of whose forecasts were equal to the reference's; otherwise it raises."""

    rows: int  # accepted by the board
    refused: int  # by the board and by the reference
    forecasts: int  # compared, each of ``horizon`` integers
    last: Int32s | None  # the last forecast, 2^-24 of health


def expected(model: DeviceModel, values: Singles) -> Int32s:
    """The reference's forecasts after each row from the ``window``-th on.

    Args:
        values: (n, inputs) rows in natural units, all acceptable.

    Returns:
        (max(0, n - window + 1), horizon) in units of 2^-24 of health.
    """
    codec = model.codec
    if len(values) < codec.window:
        return np.zeros((0, model.spec.horizon), np.int32)
    clean = clean_codes(codec, to_codes(codec, values))
    windows = np.lib.stride_tricks.sliding_window_view(clean, codec.window, axis=0)
    return run(model.spec, *encode_codes(codec, windows.transpose(0, 2, 1))).forecast


def play(board: Board, values: Singles) -> Iterator[tuple[int, bool]]:
    """Reset the board and push each row, numbered from 1; yields its number and whether the board accepted it."""
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
    """Send an asset and compare each forecast with the reference.

    Args:
        values: (n, inputs) rows in natural units, finite, oldest first.

    Raises:
        WrongModel: the board runs another model. Mismatch: it accepted other rows, or gave another forecast.
    """
    board.check_model(model.sha256)
    codec = model.codec
    acceptable_rows = acceptable(codec, values)
    reference = iter(expected(model, values[acceptable_rows]))
    accepted_count = forecasts = 0
    last: Int32s | None = None
    for number, accepted in play(board, values):
        if accepted != acceptable_rows[number - 1]:
            action = "accepts" if accepted else "refuses"
            raise Mismatch(
                f"row {number}: the board {action} it and this computer does not; the firmware is another one"
            )
        accepted_count += accepted
        if not accepted or accepted_count < codec.window:
            continue
        last = board.forecast()
        _compare(number, last, next(reference))
        forecasts += 1
    return Played(accepted_count, len(values) - accepted_count, forecasts, last)


def _compare(number: int, board: Int32s, reference: Int32s) -> None:
    wrong = np.flatnonzero(board != reference)
    if wrong.size:
        k = int(wrong[0])
        raise Mismatch(
            f"after row {number}, {k + 1} ahead: the board forecasts {board[k]}, this computer {reference[k]} "
            f"(units of 2^-24 of health); {wrong.size} of {len(reference)} differ: do not trust this board"
        )
