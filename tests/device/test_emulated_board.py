"""The sketch itself on the emulated board, over its serial line."""

import re
import time

import numpy as np
import pytest
from board_models import device_model
from curves import charge

from dlnet.data.features import FEATURES, charge_features
from dlnet.device.board import Board, Words, number
from dlnet.device.emulator import emulated
from dlnet.device.errors import Mismatch, NoAnswer, PortError, Refused, WrongModel
from dlnet.device.line import Line
from dlnet.device.replay import play, replay
from dlnet.export.path import DevicePath, device_path
from dlnet.export.reference import from_fixed
from dlnet.models.precision import Precision

GARBAGE = {
    b"\n": 3,
    b"     \n": 3,
    b"hello\n": 3,
    b"Info\n": 3,
    b"info 1\n": 4,
    b"push\n": 4,
    b"cycle\n": 4,
    b"hour 60 1\n": 3,
    b"push 60" + b" 1" * 23 + b"\n": 4,
    b"a " * 30 + b"\n": 4,
    b"\x00\n": 2,
    b"info\x7f\n": 2,
    b"\xff\xfe\xfd\n": 2,
    b"info\tinfo\n": 2,
    b"x" * 401 + b"\n": 1,
    b"push " * 5000 + b"\n": 1,
    b"value -1\n": 5,
    b"value 101\n": 6,
    b"value 4294967296\n": 5,
    b"soh -1\n": 5,
    b"soh 101\n": 6,
    b"soh 99999999999999999999\n": 5,
    b"crossing nan\n": 5,
    b"crossing 0x1p3\n": 5,
    b"crossing 3\n": 23,
    b"input 8\n": 6,
    b"save 1\n": 6,
    b"save 64\n": 7,
    b"save 4294967295\n": 6,
    b"load 64 00\n": 7,
    b"load 0 zz\n": 5,
    b"load 0 0\n": 6,
    b"load 0 " + b"AB" * 10 + b"\n": 5,
    b"features\n": 7,
    b"finish 60 1\n": 7,
    b"sample 1 2 inf\n": 5,
    b"charge 1\n": 4,
    b"charge 3.6 5 0.005 0.5 0.1 5\n": 6,
    b"load 0 " + b"00" * 190 + b"\n": None,
}


def code_of(reply):
    found = re.match(r"err (\d+) ", reply)
    return int(found[1]) if found else None


def fill(board, values):
    assert all(accepted for _, accepted in play(board, values))


def reference(model, values):
    """What NumPy makes of the rows of an asset, from the window-th on."""
    return device_path(model, values, np.arange(model.codec.window, len(values) + 1))


@pytest.fixture
def ready(board, model, fleet_cell):
    """A board that holds 50 rows, and their values."""
    values = fleet_cell(model)[:50]
    fill(board, values)
    return board, values


@pytest.fixture(scope="module")
def kept(elf, model, fleet_cell):
    """The same for tests that must change nothing: the board, its line, the values, state and forecast before."""
    values = fleet_cell(model)[:50]
    with emulated(elf) as port, Line(port, 10) as line:
        board = Board(line)
        fill(board, values)
        yield board, line, values, board.held(), board.forecast()


@pytest.fixture
def unchanged(kept):
    """Board, line and values; checks afterwards that nothing has changed."""
    board, line, values, held, ahead = kept
    yield board, line, values
    assert board.held() == held
    np.testing.assert_array_equal(board.forecast(), ahead)


def test_a_board_says_which_model_it_runs(board, model):
    info = board.info
    assert (info.model, info.version, info.sha256) == (model.name, "7", model.sha256)
    assert (info.inputs, info.window, info.horizon) == (8, 50, 100)
    assert info.words == Words("cell", "cycle", "SoH", "1")


def test_a_board_names_its_inputs_with_their_units(board, model):
    names = board.inputs()
    assert [name for name, _ in names] == list(model.codec.names)
    assert dict(names)["voltage mean"] == "V"
    assert dict(names)["CC charge time"] == "s"


def test_a_real_cell_replayed_gives_the_reference_to_the_last_bit(board, model, mit_cell):
    played = replay(board, model, mit_cell(model)[:400])
    assert (played.rows, played.forecasts, played.refused) == (400, 351, 0)


@pytest.mark.parametrize(
    ("track", "cell"), [("sensors_only", "liquid"), ("sensors_only", "ltc"), ("with_target", "liquid")]
)
def test_other_tracks_and_cells_too(built, mit_cell, track, cell):
    other = device_model(track, cell, f"{track} {cell}")
    with emulated(built(other) / "dlnet_monitor.ino.elf") as port, Line(port, 10) as line:
        assert replay(Board(line), other, mit_cell(other)[:120]).forecasts == 71


def test_branches_low_rank_and_4_bits_together(built, mit_cell):
    precision = Precision(inner=4, step=8, gate=4, head=4)
    other = device_model("with_target", "liquid", "all at once", precision, branches=3, rank=4)
    with emulated(built(other) / "dlnet_monitor.ino.elf") as port, Line(port, 10) as line:
        assert replay(Board(line), other, mit_cell(other)[:120]).forecasts == 71


def test_the_forecast_is_there_after_the_fiftieth_row_and_not_before(board, model, fleet_cell):
    ready = []
    for row, values in enumerate(fleet_cell(model)[:50], start=1):
        ready.append(board.push(row, values).ready)
        if row == 49:
            with pytest.raises(Refused, match="not ready"):
                board.forecast()
    assert ready == [False] * 49 + [True]


def test_value_and_crossing_are_those_of_the_forecast(ready):
    board, _ = ready
    ahead = board.forecast()
    assert float(board.ask("value 30").split()[0]) == pytest.approx(from_fixed(ahead)[29], abs=1e-9)
    assert board.ask("soh 30") == board.ask("value 30")
    threshold = float(from_fixed(ahead)[40]) + 1e-7
    first = int(np.flatnonzero(from_fixed(ahead) <= np.float32(threshold))[0]) + 1
    assert board.crossing(threshold) == first
    assert board.crossing(1.9) == 0
    assert board.crossing(0.0) is None


@pytest.mark.parametrize("raw", GARBAGE)
def test_garbage_is_answered_by_its_code_and_changes_nothing(unchanged, raw):
    _, line, _ = unchanged
    assert code_of(line.exchange_bytes(raw)) == GARBAGE[raw]


@pytest.mark.parametrize(("number", "code"), [(50, 24), (1, 24), (0, 24)])
def test_a_row_out_of_order_changes_nothing(unchanged, number, code):
    board, _, values = unchanged
    with pytest.raises(Refused) as refusal:
        board.push(number, values[-1])
    assert refusal.value.code == code


@pytest.mark.parametrize(("value", "code"), [("nan", 5), ("0.01", 23), ("7", 23), ("-1", 23), ("inf", 5), ("1e0", 5)])
def test_a_row_that_cannot_be_changes_nothing(unchanged, value, code):
    _, line, values = unchanged
    rest = " ".join(map(number, values[-1][1:]))
    assert [code_of(line.exchange(f"{word} 51 {value} {rest}")) for word in ("push", "cycle")] == [code, code]


def test_a_gap_of_rows_is_taken(ready):
    board, values = ready
    assert board.push(70, values[-1]).last == 70


def test_a_saved_state_goes_on_after_a_restart(elf, model, fleet_cell):
    values = fleet_cell(model)[:80]
    with emulated(elf) as port, Line(port, 10) as line:
        first = Board(line)
        list(play(first, values[:60]))
        state = first.save()
    with emulated(elf) as port, Line(port, 10) as line:
        second = Board(line)
        assert second.held().held == 0
        assert second.load(state).last == 60
        for row in range(60, 80):
            second.push(row + 1, values[row])
        np.testing.assert_array_equal(second.forecast(), reference(model, values).forecast(model)[-1])


@pytest.mark.parametrize(("index", "code"), [(0, 27), (4, 28), (100, 29), (-1, 29)])
def test_a_damaged_state_is_refused_and_changes_nothing(unchanged, index, code):
    board, _, _ = unchanged
    state = bytearray(board.save())
    state[index] ^= 1
    with pytest.raises(Refused) as refusal:
        board.load(bytes(state))
    assert refusal.value.code == code


def test_a_load_that_was_broken_off_can_begin_again(ready):
    board, _ = ready
    before, state = board.forecast(), board.save()
    board.ask(f"load 0 {state[:64].hex()}")
    board.reset()
    assert board.load(state).held == 50
    np.testing.assert_array_equal(board.forecast(), before)


def test_reset_forgets_the_asset(ready):
    board, _ = ready
    board.reset()
    assert (board.held().last, board.held().held) == (0, 0)


def test_self_test_passes(board):
    board.self_test()


@pytest.mark.parametrize("table", ["sigmoid_table", "step_rows", "head_rows", "softplus_table", "input_scale"])
def test_self_test_fails_where_a_bit_of_a_table_is_flipped(built, tmp_path, table):
    from elftools.elf.elffile import ELFFile

    image = built() / "dlnet_monitor.ino.elf"
    content = bytearray(image.read_bytes())
    with image.open("rb") as stream:
        parsed = ELFFile(stream)
        symbols = [s for s in parsed.get_section_by_name(".symtab").iter_symbols() if table in s.name]
        assert len(symbols) == 1
        section = parsed.get_section(symbols[0]["st_shndx"])
        start = section["sh_offset"] + symbols[0]["st_value"] - section["sh_addr"]
    content[start + symbols[0]["st_size"] // 2] ^= 1
    damaged = tmp_path / "damaged.elf"
    damaged.write_bytes(content)
    with emulated(damaged) as port, Line(port, 10) as line, pytest.raises(Refused) as refusal:
        Board(line).self_test()
    assert refusal.value.code == 31


def test_timing_has_no_cycles_on_the_emulator(ready):
    board, _ = ready
    cycles, us = board.timing()
    assert cycles == 0
    assert us < 1_000_000


@pytest.mark.parametrize("seed", range(3))
def test_charge_features_streamed_to_the_board_are_those_of_python(board, seed):
    curve = charge(seed, step=8.0, noise=1e-3, two_steps=seed == 1, jitter=0.3)
    expected_features = charge_features(*curve)
    found = board.charge(zip(*curve, strict=True))
    np.testing.assert_allclose(found, [expected_features[name] for name in FEATURES], rtol=1e-8, atol=1.5e-8)


def test_a_finished_charge_is_a_row_like_any_other(board, model):
    curve = charge(5, step=8.0)
    features = charge_features(*curve)
    values = np.array([0.97, *(features[name] for name in model.codec.names[1:])], np.float32)
    board.charge(zip(*curve, strict=True))
    board.ask("finish 1 0.97")
    streamed = board.save()
    board.reset()
    board.push(1, values)
    codes = [np.frombuffer(state[20:-4], np.int16).astype(int) for state in (streamed, board.save())]
    assert np.abs(codes[0] - codes[1]).max() <= 1  # a code is 16 bits; rounding may fall on either side


@pytest.mark.parametrize(("words", "code"), [("finish 1", 4), ("finish 1 0.97 3", 4), ("finish 1 x", 5)])
def test_a_finished_charge_needs_exactly_the_other_inputs(board, line, words, code):
    board.charge(zip(*charge(5, step=8.0), strict=True))
    assert code_of(line.exchange(words)) == code
    assert board.held().held == 0


@pytest.mark.parametrize(("sample", "code"), [("0 3.3 1", 43), ("-5 3.3 1", 43)])
def test_a_sample_out_of_order_changes_nothing(board, line, sample, code):
    time_s, voltage, current = charge(2, step=8.0)
    board.ask("charge")
    clean = board.charge(zip(time_s, voltage, current, strict=True))
    board.ask("charge")
    for i, values in enumerate(zip(time_s, voltage, current, strict=True)):
        if i == 20:
            assert code_of(line.exchange(f"sample {sample}")) == code
        if board.ask("sample " + " ".join(number(value, 15) for value in values)) == "done":
            break
    np.testing.assert_array_equal([float(word) for word in board.ask("features").split()], clean)


def test_another_model_is_named(board, built, fleet_cell):
    other = device_model("with_target", "liquid", "another")
    with pytest.raises(WrongModel, match="the board runs random ltc version 7"):
        replay(board, other, fleet_cell(other)[:60])


def test_a_wrong_forecast_is_named(board, model, fleet_cell, monkeypatch):
    path = reference(model, fleet_cell(model)[:55])
    wrong = path.forecast(model)
    wrong[3, 17] += 1
    monkeypatch.setattr("dlnet.device.replay.device_path", lambda *_: path)
    monkeypatch.setattr(DevicePath, "forecast", lambda *_: wrong)
    with pytest.raises(Mismatch, match="after row 53, 18 ahead: .* 1 of 100 differ"):
        replay(board, model, fleet_cell(model)[:55])


def test_a_row_that_both_refuse_is_counted(board, model, fleet_cell):
    values = fleet_cell(model)[:60].copy()
    values[20, 0] = 3.0
    played = replay(board, model, values)
    assert (played.rows, played.refused, played.forecasts) == (59, 1, 10)


def test_a_port_without_a_board_is_named(tmp_path):
    with pytest.raises(PortError, match="cannot be opened"):
        Line(str(tmp_path / "none"))


def test_a_silent_port_is_named():
    import os
    import tty

    unnamed_end, serial_end = os.openpty()
    tty.setraw(serial_end)
    try:
        start = time.monotonic()
        with Line(os.ttyname(serial_end), 0.2) as line, pytest.raises(NoAnswer, match="no answer to 'info'"):
            Board(line)
        assert time.monotonic() - start < 5
    finally:
        os.close(unnamed_end)
        os.close(serial_end)
