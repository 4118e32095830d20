"""The monitor's refusals and answers; every refusal leaves it as it was."""

import numpy as np
import pytest
from firmware_models import asset, shaped

from dlnet.firmware.host import STATUS, CompiledModel
from dlnet.firmware.toolchain import LIBRARY


def filled(monitor, count=60, seed=0):
    values = asset(monitor.model, count, seed)
    for number, row in enumerate(values, 1):
        assert monitor.push(number, row) == "ok"
    return values


def test_not_ready_until_the_window_is_full(monitor):
    values = asset(monitor.model, 50)
    for number, row in enumerate(values, 1):
        assert monitor.forecast() is None
        assert monitor.crossing(0.8) == ("not ready", -1)
        assert monitor.push(number, row) == "ok"
    assert monitor.forecast() is not None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"time": 60}, "out of order"),
        ({"time": 3}, "out of order"),
        ({0: np.inf}, "not a number"),
        ({5: np.inf}, "not a number"),
        ({8: -np.inf}, "not a number"),
        ({0: 0.0499}, "out of range"),
        ({0: 1.5001}, "out of range"),
        ({0: 1050.0}, "out of range"),
        ({3: 1e30}, "out of range"),
        ({3: -3.4e38}, "out of range"),
    ],
)
def test_what_is_refused_changes_nothing(monitor, change, status):
    values = filled(monitor)
    state = monitor.save()
    row = values[-1].copy()
    for index, value in change.items():
        if index != "time":
            row[index] = value
    assert monitor.push(change.get("time", 61), row) == status
    assert monitor.save() == state


def test_gaps_between_rows_are_taken_and_do_not_count(monitor):
    values = asset(monitor.model, 60)
    filled(monitor)
    expected = monitor.forecast()
    monitor.clear()
    for number, row in enumerate(values):
        assert monitor.push(7 * number + 2**31, row) == "ok"
    assert np.array_equal(monitor.forecast(), expected)


def test_the_last_number_of_all_is_taken_once(monitor):
    row = asset(monitor.model, 1)[0]
    assert monitor.push(2**32 - 1, row) == "ok"
    assert monitor.push(2**32 - 1, row) == "out of order"
    monitor.clear()
    assert monitor.push(0, row) == "ok"
    assert monitor.push(0, row) == "out of order"


def test_crossing_is_the_first_row_at_or_below(monitor):
    filled(monitor)
    ahead = monitor.forecast()
    start = ahead[0] + (ahead[0] - ahead[1])
    for threshold in np.linspace(ahead[-1] - 1e-4, start + 1e-3, 40, dtype=np.float32):
        below = np.flatnonzero(ahead <= threshold)
        status, rows = monitor.crossing(float(threshold))
        if threshold >= start + 1e-6:
            assert (status, rows) == ("ok", 0)
        elif len(below) == 0:
            assert (status, rows) == ("beyond horizon", -1)
        elif threshold < start - 1e-6:
            assert (status, rows) == ("ok", below[0] + 1)


@pytest.mark.parametrize(
    ("threshold", "status"), [(np.nan, "not a number"), (-0.1, "out of range"), (2.1, "out of range")]
)
def test_crossing_of_a_threshold_that_is_none(monitor, threshold, status):
    filled(monitor)
    assert monitor.crossing(threshold) == (status, -1)


def test_texts_of_the_statuses_are_those_of_the_library():
    source = (LIBRARY / "dlnet_status.h").read_text()
    assert [line.split('"')[1] for line in source.splitlines() if 'return "' in line][:-1] == list(STATUS)


def test_a_saved_state_goes_on_where_it_stopped(monitor):
    values = filled(monitor, 80)
    expected = monitor.forecast()
    monitor.clear()
    for number, row in enumerate(values[:70], 1):
        monitor.push(number, row)
    state = monitor.save()
    monitor.clear()
    assert monitor.load(state) == "ok"
    for number, row in enumerate(values[70:], 71):
        assert monitor.push(number, row) == "ok"
    assert np.array_equal(monitor.forecast(), expected)


def test_a_state_half_full_goes_on_too(monitor):
    values = asset(monitor.model, 55)
    for number, row in enumerate(values[:4], 1):
        monitor.push(number, row)
    state = monitor.save()
    monitor.clear()
    assert monitor.load(state) == "ok"
    for number, row in enumerate(values[4:], 5):
        monitor.push(number, row)
    got = monitor.forecast()
    monitor.clear()
    for number, row in enumerate(values, 1):
        monitor.push(number, row)
    assert np.array_equal(got, monitor.forecast())


def broken(state, change):
    if change == "a bit anywhere":
        return [(state[:i] + bytes([state[i] ^ 16]) + state[i + 1 :]) for i in range(12, len(state), 37)]
    return {"short": [state[:-1], state[:11], b""], "long": [state + b"\0"], "format": [b"DLN\1" + state[4:]]}[change]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("a bit anywhere", "bad checksum"),
        ("short", "bad size"),
        ("long", "bad size"),
        ("format", "bad format"),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(monitor, change, status):
    filled(monitor)
    state = monitor.save()
    monitor.clear()
    before = monitor.save()
    for one in broken(state, change):
        assert monitor.load(one) == status
        assert monitor.save() == before


def test_a_state_of_another_model_is_refused(monitor):
    with CompiledModel(shaped("ltc-16")) as other:
        filled(other)
        state = other.save()
    assert monitor.load(state) == "other model"


def test_a_whole_state_that_no_monitor_wrote_is_refused(monitor):
    import struct
    import zlib

    filled(monitor)
    state = monitor.save()
    for offset, form, value in ((16, "<H", 51), (18, "<H", 51), (20, "<H", 7), (22, "B", 12), (23, "B", 11)):
        changed = struct.pack(form, value)
        forged = state[:offset] + changed + state[offset + len(changed) : -4]
        assert monitor.load(forged + struct.pack("<I", zlib.crc32(forged))) == "bad state"


def test_a_state_is_no_larger_than_the_monitor_and_its_frame(monitor):
    assert len(monitor.save()) == monitor.monitor_bytes + 16
    assert monitor.monitor_bytes == 12 + 2 * 9 * (50 + 6) + 2 * 10
