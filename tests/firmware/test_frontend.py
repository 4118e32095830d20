"""The device's front end: C++ = NumPy to the last bit, and near the float encoder within a stated distance."""

from dataclasses import replace

import numpy as np
import pytest
from firmware_models import SHAPES, asset, needs_arm, shaped, values_of

from dlnet.data.clean import clean_inputs
from dlnet.errors import ModelError
from dlnet.export.frontend import acceptable, clean_codes, encode_codes, make_codec, to_codes
from dlnet.export.reference import quantise_anchor, quantise_inputs, run
from dlnet.firmware import arm
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.host import GIVEN
from dlnet.firmware.random_model import CLEAN, QUANTITIES, random_model


def windows_of(model, values):
    """What NumPy makes of all windows of an asset: inputs (N, T, C), anchors (N,)."""
    codec = model.codec
    clean = clean_codes(codec, to_codes(codec, values))
    ends = np.arange(codec.window, len(values) + 1)
    return encode_codes(codec, clean[ends[:, None] + np.arange(-codec.window, 0)])


def float_clean(model, values):
    """Cleaned health (n,), zero without a target, and features (n, F)."""
    first = int(model.codec.target is not None)
    health = model.quantities.target.to_health(values[:, 0]) if first else np.zeros(len(values))
    return clean_inputs(
        health, values[:, first:], model.encoder.features, CLEAN, model.quantities, track=model.encoder.track
    )


def float_windows(model, values):
    """The same by the float functions that training uses."""
    encoder = model.encoder
    health, features = float_clean(model, values)
    ends = np.arange(encoder.window, len(values) + 1)
    span = ends[:, None] + np.arange(-encoder.window, 0)
    return encoder.encode_history(health[span], features[span]), encoder.anchor_history(health[span])


def test_replay_equals_numpy(on_host):
    values = asset(on_host.model, on_host.model.codec.window + 60)
    replay = on_host.replay(values)
    z, anchor = windows_of(on_host.model, values)
    assert not replay.status.any()
    assert np.array_equal(replay.window, z)
    assert np.array_equal(replay.anchor, anchor)
    forecast = run(on_host.spec, z, anchor).forecast
    assert np.array_equal(replay.forecast, values_of(on_host.model, forecast))


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), (arm.PORTABLE,)], ids=["dsp", "portable"])
@pytest.mark.parametrize("name", SHAPES)
def test_arm_equals_numpy(name, flags):
    model = shaped(name)
    values = asset(model, model.codec.window + 10).astype(np.float32)
    board = EmulatedCore(arm.build(model, flags=flags).content)
    one, ahead = board.room((model.codec.inputs,), np.float32), board.room((model.spec.horizon,), np.float32)
    forecasts = []
    for number, row in enumerate(values):
        board.poke(one, row)
        assert board.call("dlnet_push", number, one) == 0
        if board.call("dlnet_forecast", ahead) in GIVEN:
            forecasts.append(board.get(ahead, (model.spec.horizon,), np.float32))
    expected = run(model.spec, *windows_of(model, values)).forecast
    assert np.array_equal(forecasts, values_of(model, expected))


@pytest.mark.parametrize("name", ["liquid-13", "sensors only", "rising", "rising, sensors only", "share"])
def test_inputs_are_near_those_of_the_float_encoder(name):
    model = shaped(name)
    # Without spikes: where a value is near the filter's threshold, rounding may decide, and that is no matter of LSB.
    values = asset(model, 400, spikes=0)
    apart = np.abs(windows_of(model, values)[0].astype(int) - quantise_inputs(float_windows(model, values)[0]))
    # A unit is 2^-12 of a deviation; codes of 16 bits leave a few of them.
    assert apart.mean() < 3
    assert np.quantile(apart, 0.99) < 25


@pytest.mark.parametrize("name", ["liquid-13", "rising", "share"])
def test_anchor_is_near_the_last_health(name):
    model = shaped(name)
    values = asset(model, 200, spikes=0)
    away = windows_of(model, values)[1] - quantise_anchor(float_windows(model, values)[1])
    assert np.abs(away).max() * 2.0**-24 <= 2.0**-16 + (1e-7 if name == "liquid-13" else 1e-6)  # float32 of the unit


def test_anchor_of_sensors_only_is_the_encoders():
    model = shaped("sensors only")
    z, anchor = float_windows(model, asset(model, 60))
    assert set(windows_of(model, asset(model, 60))[1]) == set(quantise_anchor(anchor))


@pytest.mark.parametrize("name", ["liquid-13", "rising", "share"])
def test_the_filter_finds_what_the_float_filter_finds(name):
    model = shaped(name)
    values = asset(model, 500, spikes=0.05)
    codes = to_codes(model.codec, values)
    touched = clean_codes(model.codec, codes) != codes
    health, features = float_clean(model, values)
    measured = model.quantities.target.to_health(values[:, 0])
    expected = np.concatenate([(health != measured)[:, None], features != values[:, 1:]], axis=1)
    assert expected.sum() > 50
    assert (touched != expected).mean() < 0.002


def test_codes_are_rounded_and_saturated():
    codec = shaped("sensors only").codec
    unit, middle = codec.unit, codec.offset.astype(np.float64)
    steps = np.array([-40000, -32768, -1.51, -0.49, 0, 0.49, 0.51, 32767, 40000])
    codes = to_codes(codec, middle + steps[:, None] * unit)
    assert np.abs(codes[:, 0] - np.clip(np.round(steps), -32768, 32767)).max() <= 1
    assert (codes[[0, -1]] == [[-32768], [32767]]).all()


def test_a_feature_that_never_changed_has_a_unit_all_the_same():
    model = random_model(features=2, relative=1, quantiles=17)
    flat = replace(model.encoder, quantiles=((3.0,) * 17, model.encoder.quantiles[1]), relative_scale=(3.0,))
    flat = replace(flat, low=(3.0, flat.low[1]), high=(3.0, flat.high[1]))
    codec = make_codec(flat, CLEAN, QUANTITIES)
    values = np.tile([0.9, 3.0, model.encoder.center[1]], (60, 1))
    z, _ = encode_codes(codec, clean_codes(codec, to_codes(codec, values))[None, :50])
    assert (z[0, :, 4] == 0).all()
    assert acceptable(codec, values).all()


def test_a_window_shorter_than_the_filter_is_refused():
    with pytest.raises(ModelError, match="filter reads 7 rows, the model 4"):
        make_codec(random_model(steps=4, block=1).encoder, CLEAN, QUANTITIES)


def test_two_quantiles_over_long_blocks_are_refused():
    encoder = random_model(quantiles=2, block=64).encoder
    wide = replace(encoder, quantiles=tuple(zip(encoder.low, encoder.high, strict=True)))
    with pytest.raises(ModelError, match="2 quantiles over blocks of 64 rows"):
        make_codec(wide, CLEAN, QUANTITIES)
