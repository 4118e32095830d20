"""The built file in an emulated CPU alone: the check of a release before it is published."""

import numpy as np
import pytest

from dlnet.device.board import Board
from dlnet.device.core import CoreLine
from dlnet.device.errors import Refused
from dlnet.device.replay import replay
from dlnet.errors import ToolError


def test_the_built_file_passes_its_self_test_and_replays_an_asset(elf, model, fleet_cell):
    board = Board(CoreLine(elf))
    board.self_test()
    assert replay(board, model, fleet_cell(model)[:60]).forecasts == 11


def test_it_answers_as_over_the_serial_line(elf, line):
    alone = CoreLine(elf)
    for words in (
        "help",
        "info",
        "input 3",
        "push 1",
        "cycle 1",
        "status",
        "value 1",
        "soh 1",
        "charge",
        "sample 0 3.3 1",
        "load 5 00",
    ):
        assert alone.exchange(words) == line.exchange(words)


def test_a_state_moves_from_one_to_the_other(elf, board, model, fleet_cell):
    values, alone = fleet_cell(model)[:55], Board(CoreLine(elf))
    for number, row in enumerate(values, start=1):
        board.push(number, row)
    alone.load(board.save())
    np.testing.assert_array_equal(alone.forecast(), board.forecast())


def test_a_refusal_is_a_refusal(elf):
    with pytest.raises(Refused, match="not ready"):
        Board(CoreLine(elf)).forecast()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ToolError, match="no such file"):
        CoreLine(tmp_path / "none.elf")
