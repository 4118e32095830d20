"""Models with a form on QEMU's board: a life row by row, and one that goes on after a reset from its saved state."""

import helper_paths
import numpy as np
import pytest

from dlnet.device.board import Board
from dlnet.device.emulator import emulated
from dlnet.device.line import Line
from dlnet.device.replay import play, replay
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import random_model

helper_paths.use("firmware")
from firmware_models import asset  # noqa: E402

FORMS = {
    "quadratic": RandomForm("quadratic", history=(100, 150), youth=(5, 15)),
    "forest": RandomForm("forest", age=True, trees=5),
    "blend": RandomForm("linear", history=(20,), weight=19661),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_a_life_gives_the_reference_to_the_last_bit(built, name):
    model = random_model(hidden=5, features=4, relative=2, form=FORMS[name])
    values = asset(model, 230, seed=6, spikes=0.0).astype(np.float32)
    with emulated(built(model) / "dlnet_monitor.ino.elf") as port, Line(port, 10) as line:
        board = Board(line)
        played = replay(board, model, values)
        assert played.forecasts == played.rows - 49
        assert played.rows > 200
        state = board.save()
        board.reset()
        board.load(state)
        assert np.array_equal(board.forecast(), played.last)
        board.self_test()
        assert sum(held is not None for _, held in play(board, values[:60])) > 50
