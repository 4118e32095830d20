"""The device's front end: C++ = NumPy to the last bit, and near the float encoder within a stated distance."""

import numpy as np
import pytest
from firmware_models import SHAPES, cell, needs_arm, shaped

from dlnet.data.clean import hampel
from dlnet.data.prepare import FEATURE_FLOOR
from dlnet.errors import ModelError
from dlnet.export.frontend import acceptable, clean_codes, encode_codes, make_codec, to_codes
from dlnet.export.reference import quantise_anchor, quantise_inputs, run
from dlnet.firmware import arm
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.random_model import CLEAN, random_model


def windows_of(model, values):
    """What NumPy makes of all windows of a cell: inputs (N, T, C), anchors (N,)."""
    codec = model.codec
    clean = clean_codes(codec, to_codes(codec, values))
    ends = np.arange(codec.window, len(values) + 1)
    return encode_codes(codec, clean[ends[:, None] + np.arange(-codec.window, 0)])


def float_windows(model, values):
    """The same by the float functions that training uses."""
    encoder, first = model.encoder, int(model.codec.capacity is not None)
    back = CLEAN.window - 1
    soh = hampel(values[:, 0], back, 0, CLEAN.sigmas, CLEAN.floor_soh)[0]
    features = hampel(values[:, first:], back, 0, CLEAN.feature_sigmas, FEATURE_FLOOR)[0]
    ends = np.arange(encoder.window, len(values) + 1)
    span = ends[:, None] + np.arange(-encoder.window, 0)
    return encoder.encode_history(soh[span], features[span]), encoder.anchor_history(soh[span])


def test_replay_equals_numpy(on_host):
    values = cell(on_host.model, on_host.model.codec.window + 60)
    replay = on_host.replay(values)
    z, anchor = windows_of(on_host.model, values)
    assert not replay.status.any()
    assert np.array_equal(replay.window, z)
    assert np.array_equal(replay.anchor, anchor)
    forecast = run(on_host.spec, z, anchor).forecast
    assert np.array_equal(replay.forecast, forecast.astype(np.float32) * np.float32(2.0**-24))


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), (arm.PORTABLE,)], ids=["dsp", "portable"])
@pytest.mark.parametrize("name", SHAPES)
def test_arm_equals_numpy(name, flags):
    model = shaped(name)
    values = cell(model, model.codec.window + 10).astype(np.float32)
    board = EmulatedCore(arm.build(model, flags=flags).content)
    cycle, soh = board.room((model.codec.inputs,), np.float32), board.room((model.spec.horizon,), np.float32)
    forecasts = []
    for number, row in enumerate(values):
        board.poke(cycle, row)
        assert board.call("dlnet_push", number, cycle) == 0
        if board.call("dlnet_forecast", soh) == 0:
            forecasts.append(board.get(soh, (model.spec.horizon,), np.float32))
    expected = run(model.spec, *windows_of(model, values)).forecast
    assert np.array_equal(forecasts, expected.astype(np.float32) * np.float32(2.0**-24))


@pytest.mark.parametrize("name", ["liquid-13", "charge"])
def test_inputs_are_near_those_of_the_float_encoder(name):
    model = shaped(name)
    # Without spikes: where a value is near the filter's threshold, rounding may decide, and that is no matter of LSB.
    values = cell(model, 400, spikes=0)
    apart = np.abs(windows_of(model, values)[0].astype(int) - quantise_inputs(float_windows(model, values)[0]))
    # A unit is 2^-12 of a deviation; codes of 16 bits leave a few of them.
    assert apart.mean() < 3
    assert np.quantile(apart, 0.99) < 25


def test_anchor_is_near_the_last_soh():
    model = shaped("liquid-13")
    values = cell(model, 200, spikes=0)
    away = windows_of(model, values)[1] - quantise_anchor(float_windows(model, values)[1])
    assert np.abs(away).max() * 2.0**-24 <= 2.0**-16 + 1e-7


def test_anchor_of_track_charge_is_the_encoders():
    model = shaped("charge")
    z, anchor = float_windows(model, cell(model, 60))
    assert set(windows_of(model, cell(model, 60))[1]) == set(quantise_anchor(anchor))


def test_the_filter_finds_what_the_float_filter_finds():
    model = shaped("liquid-13")
    values = cell(model, 500, spikes=0.05)
    codes = to_codes(model.codec, values)
    touched = clean_codes(model.codec, codes) != codes
    _, soh = hampel(values[:, 0], CLEAN.window - 1, 0, CLEAN.sigmas, CLEAN.floor_soh)
    _, features = hampel(values[:, 1:], CLEAN.window - 1, 0, CLEAN.feature_sigmas, FEATURE_FLOOR)
    expected = np.concatenate([soh[:, None], features], axis=1)
    assert expected.sum() > 50
    assert (touched != expected).mean() < 0.002


def test_codes_are_rounded_and_saturated():
    codec = shaped("charge").codec
    unit, middle = codec.unit, codec.offset.astype(np.float64)
    steps = np.array([-40000, -32768, -1.51, -0.49, 0, 0.49, 0.51, 32767, 40000])
    codes = to_codes(codec, middle + steps[:, None] * unit)
    assert np.abs(codes[:, 0] - np.clip(np.round(steps), -32768, 32767)).max() <= 1
    assert (codes[[0, -1]] == [[-32768], [32767]]).all()


def test_a_feature_that_never_changed_has_a_unit_all_the_same():
    from dataclasses import replace

    model = random_model(features=2, relative=1, quantiles=17)
    flat = replace(model.encoder, quantiles=((3.0,) * 17, model.encoder.quantiles[1]), relative_scale=(1e-9,))
    codec = make_codec(flat, CLEAN)
    values = np.tile([0.9, 3.0, model.encoder.center[1]], (60, 1))
    z, _ = encode_codes(codec, clean_codes(codec, to_codes(codec, values))[None, :50])
    assert (z[0, :, 4] == 0).all()
    assert acceptable(codec, values).all()


def test_a_window_shorter_than_the_filter_is_refused():
    with pytest.raises(ModelError, match="filter reads 7 cycles, the model 4"):
        make_codec(random_model(steps=4, block=1).encoder, CLEAN)


def test_two_quantiles_over_long_blocks_are_refused():
    with pytest.raises(ModelError, match="2 quantiles over blocks of 10 cycles"):
        make_codec(random_model(quantiles=2, block=10).encoder, CLEAN)
