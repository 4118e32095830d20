"""A board says which forecasts rest on a saturated code: in its words, in ``Board``, in a replay."""

import numpy as np
import pytest
from board_models import device_model

from dlnet.device.board import Board
from dlnet.device.errors import LineLost, Mismatch
from dlnet.device.replay import play, replay
from dlnet.device.verify import synthetic_asset
from dlnet.export.path import device_path
from dlnet.export.reference import from_fixed

FEATURE, FIRST, LAST = 3, 52, 64


@pytest.fixture(scope="module")
def model():
    return device_model("with_target", "ltc", "saturated")


@pytest.fixture(scope="module")
def leaving(model):
    """Rows of an asset one of whose features leaves the range of its codes for a while."""
    values = synthetic_asset(model).copy()
    values[FIRST:LAST, FEATURE] = model.codec.offset[FEATURE] + 40000 * model.codec.unit[FEATURE]
    return values


def filled(line, values):
    board = Board(line)
    list(play(board, values))
    return board


def test_replies_that_rest_on_a_saturated_code_end_with_the_word(on_host, model, leaving):
    line = on_host(model)
    for count, word in ((FIRST, ""), (LAST, " saturated")):
        filled(line, leaving[:count])
        for command in ("forecast", "value 30", "crossing 0.3", "crossing 1.4"):
            assert line.exchange(command).endswith(word or tuple("0123456789e")), command
            assert line.exchange(command).count("saturated") == bool(word)
        assert f" saturated={bool(word):d}" in line.exchange("status")
    assert line.exchange("crossing 0.3") == "ok crossing none saturated"


def test_the_board_reads_numbers_and_flag_apart(on_host, model, leaving):
    board = filled(on_host(model), leaving[:LAST])
    path = device_path(model, leaving[:LAST], np.array([LAST]))
    assert path.flagged[0]
    assert board.held().saturated
    assert np.array_equal(board.forecast(), path.forecast(model)[0])
    assert board.crossing(1.4) == 0
    assert board.crossing(0.3) is None
    health = from_fixed(board.forecast())
    within = float((health[9] + health[-1]) / 2)
    assert board.crossing(within) == np.flatnonzero(health <= within)[0] + 1
    board.load(board.save())
    assert board.held().saturated
    assert not filled(board._line, leaving[:FIRST]).held().saturated


def test_a_replay_compares_the_flags_of_a_whole_asset(on_host, model, leaving):
    played = replay(Board(on_host(model)), model, leaving)
    assert 0 < played.apart.flagged < played.forecasts == len(leaving) - model.codec.window + 1


def test_replies_while_a_check_up_lasts_end_with_held(on_host, model):
    values = synthetic_asset(model).copy()
    values[FIRST : FIRST + 4, 0] -= 0.2
    line = on_host(model)
    for count, off in ((FIRST, 0), (FIRST + 3, 3), (FIRST + 5, 0)):
        board = filled(line, values[:count])
        assert board.held().off_level == off
        for command in ("forecast", "value 30", "crossing 0.3", "crossing 1.4"):
            assert line.exchange(command).endswith(" held") == bool(off), command
        path = device_path(model, values[:count], np.array([count]))
        assert np.array_equal(board.forecast(), path.forecast(model)[0])
        assert board.crossing(1.4) == 0
        assert board.crossing(0.3) is None
    assert replay(board, model, values).forecasts == len(values) - model.codec.window + 1


class Flips:
    """A line on which one board says the other of ``saturated``."""

    port = "flips"

    def __init__(self, line, wrong, right):
        self._line, self._wrong, self._right = line, wrong, right

    def exchange(self, text):
        return self._line.exchange(text).replace(f" saturated={self._right}", f" saturated={self._wrong}")


@pytest.mark.parametrize(("wrong", "right"), [(1, 0), (0, 1)])
def test_a_board_that_flags_other_windows_is_a_mismatch(on_host, model, leaving, wrong, right):
    board = Board(Flips(on_host(model), wrong, right))
    with pytest.raises(Mismatch, match=f"after row .*: the board says saturated={wrong}, this computer {right}"):
        replay(board, model, leaving)


@pytest.mark.parametrize("said", ["", " saturated=", " saturated=x"])
def test_a_reply_without_a_readable_flag_is_a_damaged_one(on_host, model, said):
    board = Board(on_host(model))
    whole = board._line
    board._line = Flips(whole, "", "")
    board._line.exchange = lambda text: whole.exchange(text).replace(" saturated=0", said)
    with pytest.raises(LineLost, match="'status' is damaged"):
        board.held()
