"""A board takes rows that lack inputs, written ``?``: in its words, in ``Board``, in a replay."""

import numpy as np
import pytest
from board_models import device_model

from dlnet.device.board import Board, Held
from dlnet.device.errors import Mismatch
from dlnet.device.replay import replay
from dlnet.device.verify import synthetic_asset


@pytest.fixture(scope="module")
def model():
    return device_model("with_target", "ltc", "missing")


@pytest.fixture(scope="module")
def lacking(model):
    """Rows of an asset of whose inputs a third was not measured, the last row's second one among them."""
    values = synthetic_asset(model).copy()
    values[1:][np.random.default_rng(1).random(values[1:].shape) < 1 / 3] = np.nan
    values[-1, 1] = np.nan
    return values


class Forged:
    """A line on which one board says another number of missing inputs."""

    port = "forged"

    def __init__(self, line):
        self._line = line

    def exchange(self, text):
        return self._line.exchange(text).replace(" missing=0", " missing=1")


def test_a_question_mark_is_an_input_that_was_not_measured(on_host, model):
    line = on_host(model)
    first, *rest = (f"{value:.6f}" for value in synthetic_asset(model)[0])
    assert line.exchange(" ".join(["push 1 ?", *rest])).startswith("err 22 ")
    assert line.exchange(" ".join(["push 1", first, *rest])).endswith(" missing=0")
    assert line.exchange(" ".join(["push 2 ?", *rest])).endswith(" missing=1")
    assert line.exchange(" ".join(["push 3", *["?"] * (1 + len(rest))])).endswith(f" missing={1 + len(rest)}")
    assert line.exchange(" ".join(["push 4 ??", *rest])).startswith("err 5 ")


def test_a_replay_of_rows_with_gaps_is_equal_to_the_reference(on_host, model, lacking):
    board = Board(on_host(model))
    played = replay(board, model, lacking)
    assert played.refused == 0
    assert played.forecasts == len(lacking) - model.codec.window + 1
    assert board.held() == Held(len(lacking), model.codec.window, True, False, 0, int(np.isnan(lacking[-1]).sum()))
    assert board._line.exchange("forecast").endswith(" held")
    assert board._line.exchange("value 30").endswith(" held")


def test_a_board_that_lacks_other_inputs_is_a_mismatch(on_host, model, lacking):
    with pytest.raises(Mismatch, match="the board says missing=1, this computer 0"):
        replay(Board(Forged(on_host(model))), model, synthetic_asset(model))
