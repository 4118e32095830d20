"""Boards of other tasks: the words of ``info``, names of commands, values in the task's unit, rising targets."""

from dataclasses import replace

import numpy as np
import pytest
from board_models import device_model

from dlnet.device.board import Board, Words
from dlnet.device.emulator import emulated
from dlnet.device.errors import DeviceError, Refused
from dlnet.device.line import Line
from dlnet.device.replay import replay
from dlnet.device.verify import synthetic_asset
from dlnet.export.reference import from_fixed
from dlnet.firmware.random_model import random_model
from tasks import changed

TARGET = {"name": "flank wear", "symbol": "VB max", "quantity": "wear", "unit": "um", "other_units": {"mm": 1000},
          "over_nominal": False, "direction": "rising", "range": [0, 300], "noise_floor": 0.5,
          "end_of_life": 200}  # fmt: skip
SHAPE = {"cell": "ltc", "hidden": 5, "features": 3, "relative": 1}
CHARGE_COMMANDS = ("charge", "sample 0 3.3 1", "features", "finish 1 2")


def task(time="hour", asset="milling cutter", target=TARGET):
    return changed(
        name="other",
        asset={"one": asset, "many": f"{asset}s"},
        time={"one": time, "many": f"{time}s", "unit": "h", "step": 1, "largest_gap": 2},
        target=target,
    )


@pytest.fixture(scope="module")
def cutter():
    return random_model(**SHAPE, quantities=task())


def fill(board, model):
    values = synthetic_asset(model)[: model.codec.window]
    for number, row in enumerate(values, 1):
        board.push(number, row)


def test_info_names_the_tasks_words_even_with_blanks(on_host):
    model = random_model(**SHAPE, quantities=task("operating hour", "heat pump"))
    line = on_host(model)
    answer = line.exchange("info")
    assert answer.startswith("ok info protocol=5 version=local counter=0 ")
    assert " asset=heat pump time=operating hour target=VB max unit=um model=random-" in answer
    board = Board(line)
    assert board.info.words == Words("heat pump", "operating hour", "VB max", "um")
    assert board.info.model == model.name
    assert (board.info.inputs, board.info.window, board.info.state) == (4, 50, len(board.save()))


def test_inputs_have_the_tasks_units(on_host, cutter):
    assert Board(on_host(cutter)).inputs() == [("VB max", "um"), *((f"feature {i}", "?") for i in range(3))]


def test_the_tasks_own_word_for_a_row_is_a_name_of_push(on_host, cutter):
    line = on_host(cutter)
    assert line.exchange("hour 1 12.5 0 0 0") == "ok hour last=1 held=1 ready=0 saturated=0 off_level=0 missing=0"
    assert line.exchange("push 2 12.5 0 0 0") == "ok push last=2 held=2 ready=0 saturated=0 off_level=0 missing=0"
    for word in ("cycle 3 12.5 0 0 0", "hours 3 12.5 0 0 0", "soh 1", "VB 1"):
        assert line.exchange(word) == "err 3 unknown command"


def test_batteries_keep_their_words(on_host):
    model = device_model("with_target", "ltc", "battery")
    line = on_host(model)
    board = Board(line)
    assert board.info.words == Words("cell", "cycle", "SoH", "1")
    row = " ".join(f"{value:.9f}" for value in synthetic_asset(model)[0])
    assert line.exchange(f"cycle 1 {row}") == "ok cycle last=1 held=1 ready=0 saturated=0 off_level=0 missing=0"
    fill_from = synthetic_asset(model)[1:50]
    for number, values in enumerate(fill_from, 2):
        board.push(number, values)
    assert line.exchange("soh 30") == line.exchange("value 30").replace("value", "soh")
    assert line.exchange("help").endswith(" charge sample features finish")
    assert line.exchange("charge") == "ok charge"


def test_commands_of_a_charge_are_unknown_where_no_input_is_of_one(on_host, cutter):
    line = on_host(cutter)
    for words in CHARGE_COMMANDS:
        assert line.exchange(words) == "err 3 unknown command"
    named = line.exchange("help").split()[2:]
    assert named == ["info", "status", "input", "push", "forecast", "value", "crossing", "selftest", "time", "save",
                     "load", "reset"]  # fmt: skip
    for name in named:
        assert not line.exchange(name).startswith("err 3")


@pytest.mark.parametrize("word", ["load", "value", "time", "reset", "forecast"])
def test_a_command_is_not_hidden_by_a_tasks_word(on_host, word):
    line = on_host(random_model(**SHAPE, quantities=task(word)))
    board = Board(line)
    assert line.exchange("push 1 12.5 0 0 0") == "ok push last=1 held=1 ready=0 saturated=0 off_level=0 missing=0"
    assert not line.exchange(f"{word} 2 12.5 0 0 0").startswith("ok")
    board.load(board.save())
    assert board.held().held == 1
    board.reset()
    assert board.held().held == 0


def test_a_word_that_is_a_command_of_other_models_only_is_a_name_of_push(on_host):
    line = on_host(random_model(**SHAPE, quantities=task("sample")))
    assert line.exchange("sample 1 12.5 0 0 0") == "ok sample last=1 held=1 ready=0 saturated=0 off_level=0 missing=0"


def test_a_battery_whose_rows_are_charges_still_takes_samples(on_host):
    model = device_model(
        "with_target",
        "ltc",
        "battery",
        quantities=changed(time={"one": "charge", "many": "charges", "unit": "charge", "step": 1, "largest_gap": 2}),
    )
    line = on_host(model)
    assert line.exchange("charge") == "ok charge"
    assert line.exchange("sample 0 3.3 1.1") == "ok sample more"


def test_values_and_crossings_are_in_the_tasks_unit(on_host, cutter):
    line = on_host(cutter)
    board = Board(line)
    fill(board, cutter)
    ahead = cutter.quantities.target.from_health(from_fixed(board.forecast()))
    assert np.all(np.diff(ahead) >= 0)
    for row in (1, 30, board.info.horizon):
        assert float(board.ask(f"value {row}")) == pytest.approx(ahead[row - 1], rel=1e-6)
    threshold = float((ahead[40] + ahead[41]) / 2) if ahead[41] > ahead[40] else float(ahead[41])
    assert board.crossing(threshold) == np.flatnonzero(ahead >= threshold)[0] + 1
    assert board.crossing(0.0) == 0
    assert board.crossing(310.0) is None
    with pytest.raises(Refused, match="out of range"):
        board.crossing(350.0)


@pytest.mark.parametrize(("value", "code"), [("0", None), ("300", None), ("-0.001", 23), ("300.001", 23)])
def test_rows_beyond_the_tasks_limits_are_refused(on_host, cutter, value, code):
    reply = on_host(cutter).exchange(f"hour 1 {value} 0 0 0")
    assert reply.startswith(f"err {code} " if code else "ok hour ")


def test_a_board_of_the_earlier_protocol_is_named(on_host, cutter):
    line = on_host(cutter)

    class Old:
        port = "old"

        def exchange(self, text):
            return line.exchange(text).replace("protocol=5", "protocol=1")

    with pytest.raises(DeviceError, match="old: has protocol 1, this computer 5; flash firmware of the same release"):
        Board(Old())


@pytest.mark.parametrize("tracked", [True, False], ids=["with_target", "sensors_only"])
def test_a_rising_task_on_the_emulated_board_gives_the_reference_to_the_last_bit(built, tracked):
    model = random_model(**SHAPE, with_target=tracked, quantities=task())
    with emulated(built(model) / "dlnet_monitor.ino.elf") as port, Line(port, 10) as line:
        board = Board(line)
        board.self_test()
        assert board.info.words == Words("milling cutter", "hour", "VB max", "um")
        played = replay(board, model, synthetic_asset(model))
        assert (played.rows, played.refused, played.forecasts) == (80, 0, 31)
        ahead = model.quantities.target.from_health(from_fixed(board.forecast()))
        assert float(board.ask("value 100")) == pytest.approx(ahead[-1], rel=1e-6)


def test_the_board_reports_the_counter_of_its_release(on_host):
    model = replace(random_model(**SHAPE, quantities=task()), version="dlnet-edge/7", counter=999_999_999)
    info = Board(on_host(model)).info
    assert (info.version, info.counter) == ("dlnet-edge/7", 999_999_999)


def test_the_longest_texts_fit_the_answer_to_info(on_host):
    word, text = "w" * 19, "n" * 100
    target = {**TARGET, "symbol": "s" * 20, "unit": "u" * 20}
    model = random_model(**SHAPE, knots=(1, 2), quantities=task(word, word, target))
    board = Board(on_host(replace(model, name=text, version=text, counter=999_999_999)))
    assert (board.info.model, board.info.version) == (text, text)
    assert board.info.words == Words(word, word, "s" * 20, "u" * 20)
