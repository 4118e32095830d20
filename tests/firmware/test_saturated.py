"""Saturated codes are flagged by the compiled monitor and by NumPy alike, and the flag lasts as long as the window."""

import numpy as np
import pytest
from firmware_models import asset, shaped

from dlnet.errors import ParityError
from dlnet.export.path import BOUND, Apart, compare, device_path, whole_life
from dlnet.firmware.prove import prove_life

FEATURE = 3
SHOWN = 12  # rows that stay beyond the range: more than the filter takes for an outlier


def leaving(model, count=130, at=60):
    """An asset one of whose features is beyond its range for a while."""
    values = asset(model, count, spikes=0)
    values[at : at + SHOWN, FEATURE] = model.codec.offset[FEATURE] + 40000 * model.codec.unit[FEATURE]
    return values.astype(np.float32)


def test_the_flags_of_the_monitor_are_those_of_numpy(on_host):
    model = on_host.model
    values = whole_life(model)
    expected = device_path(model, values, np.arange(model.codec.window, len(values) + 1)).flagged
    assert np.array_equal(on_host.replay(values).flagged, expected)
    assert expected.any() == bool(model.encoder.features)
    assert not expected.all()


def test_a_given_forecast_is_given_until_the_row_has_left_the_window(monitor):
    values = leaving(monitor.model)
    played = monitor.replay(values)
    first, last = played.rows[played.flagged][[0, -1]]
    clean = device_path(monitor.model, values, np.array([first + 1]))
    assert clean.clean[0, -1, FEATURE] == 32767
    assert 60 < first < 60 + SHOWN
    assert last == 60 + SHOWN - 1 + 49 + 3  # the filter holds the last saturated median for three rows more
    assert len(played.forecast) == len(values) - 49


def test_a_saved_state_keeps_the_flag(monitor):
    for number, row in enumerate(leaving(monitor.model)[:75], 1):
        assert monitor.push(number, row) == "ok"
    status, ahead = monitor.given_forecast()
    assert status == "saturated"
    state = monitor.save()
    monitor.clear()
    assert monitor.load(state) == "ok"
    again = monitor.given_forecast()
    assert again[0] == "saturated"
    assert np.array_equal(again[1], ahead)


def test_a_crossing_tells_that_it_rests_on_a_given_forecast(monitor):
    for number, row in enumerate(leaving(monitor.model)[:75], 1):
        monitor.push(number, row)
    assert monitor.crossing(1.4) == ("saturated", 0)


@pytest.mark.parametrize("name", ["liquid-13", "sensors only", "rising"])
def test_a_whole_life_is_proven_and_partly_flagged(name):
    apart = prove_life(shaped(name))
    assert 0 < apart.flagged < apart.windows
    assert apart.largest <= BOUND


def test_a_forecast_far_from_the_float_path_without_a_flag_is_an_error():
    none = np.zeros(2, bool)
    with pytest.raises(ParityError, match="does not flag"):
        Apart.of(np.array([0.0, 2 * BOUND]), none, none).check("m")
    Apart.of(np.array([0.0, 2 * BOUND]), np.array([False, True]), none).check("m")


def test_windows_are_counted_by_what_is_known_of_them():
    apart = Apart.of(np.array([1.0, 2.0, 3.0]), np.array([False, False, True]), np.array([False, True, True]))
    assert (apart.windows, apart.flagged, apart.recleaned) == (3, 1, 1)
    assert (apart.largest, apart.largest_recleaned, apart.largest_flagged) == (1.0, 2.0, 3.0)


def test_too_few_rows_are_no_window():
    model = shaped("liquid-13")
    assert compare(model, asset(model, 10)).windows == 0
