"""A feature's unit changes nothing, and codes cover an asset's whole life or say that they do not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnet.config.clean import CleanParams
from dlnet.data.clean import clean_inputs
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.errors import ModelError
from dlnet.export.frontend import acceptable, clean_codes, encode_codes, flagged, make_codec, saturated, to_codes
from tasks import BATTERY

CLEAN = CleanParams(window=7, sigmas=3.0, feature_sigmas=6.0, min_rows=22)
TRACKS = ("with_target", "sensors_only")


def prepared(track, factor, constant=None):
    """Encoder, encoded windows and codes of one asset, with all features times ``factor`` and cleaned."""
    task = synthetic_dataset.task(track)
    rows, assets = synthetic_dataset.tables()
    names = list(synthetic_dataset.FEATURES)
    if constant is not None:
        rows["slope"] = constant
    rows[names] *= factor
    for _, part in rows.groupby("asset"):
        health, features = part["health"].to_numpy(), part[names].to_numpy()
        cleaned = clean_inputs(health, features, names, CLEAN, BATTERY, track=track)[1]
        rows.loc[part.index, names] = cleaned
    dataset = WindowDataset.from_tables(rows, assets, synthetic_dataset.described(task), allow_test=True)
    encoder = fit_encoder(dataset, task)
    codec = make_codec(encoder, CLEAN, BATTERY)
    one = rows[rows["asset"] == "c4"]
    own = [] if track == "sensors_only" else [one["health"]]
    codes = clean_codes(codec, to_codes(codec, np.stack([*own, *(one[name] for name in names)], axis=1)))
    return encoder, encoder.encode(dataset, dataset.windows("train", 1)), codes


@pytest.mark.parametrize("track", TRACKS)
@settings(max_examples=12, deadline=None)
@given(power=st.integers(-50, 50))
def test_a_power_of_two_in_the_unit_changes_no_bit(track, power):
    _, z, codes = prepared(track, 1.0)
    _, scaled, scaled_codes = prepared(track, 2.0**power)
    assert scaled.tobytes() == z.tobytes()
    assert scaled_codes.tobytes() == codes.tobytes()


@pytest.mark.parametrize("track", TRACKS)
@settings(max_examples=12, deadline=None)
@given(exponent=st.floats(-15, 15))
def test_any_other_unit_changes_only_the_rounding(track, exponent):
    _, z, codes = prepared(track, 1.0)
    _, scaled, scaled_codes = prepared(track, 10.0**exponent)
    assert np.abs(scaled - z).max() <= 1e-5
    assert np.abs(scaled_codes.astype(int) - codes).max() <= 1


@pytest.mark.parametrize("track", TRACKS)
@pytest.mark.parametrize("constant", [0.0, 0.1, 3e-12, 1e15])
def test_a_feature_that_never_changes_is_zero(track, constant):
    encoder, z, _ = prepared(track, 1.0, constant)
    for name in ("slope", "slope change"):
        assert np.abs(z[..., encoder.channels.index(name)]).max() < 1e-9


def test_a_unit_beyond_float32_is_refused_by_name():
    with pytest.raises(ModelError, match=r"feature '.*' has values of .*another unit"):
        prepared("sensors_only", 1e-40)


@pytest.mark.parametrize("name", ["delta_scale", "level_scale"])
def test_a_target_that_changes_less_than_its_codes_tell_apart_is_refused(name):
    encoder, _ = resistance()
    least = 2.0**-9 / encoder.block  # 64 inputs (2^-12) a sum of codes of 2^-15
    make_codec(replace(encoder, **{name: least}), CLEAN, BATTERY)
    with pytest.raises(ModelError, match="the target changes by .* narrower range"):
        make_codec(replace(encoder, **{name: 0.999 * least}), CLEAN, BATTERY)


def rising(slope, rows):
    k = np.arange(rows)
    return pd.DataFrame({"row": k, "health": 1 - 3e-4 * k, "target": 1 - 3e-4 * k, "charge": 0.1 + slope * k})


def resistance():
    """Encoder and codec of assets whose feature rises until their end."""
    task = synthetic_dataset.task(
        with_target={"features": ["charge"], "relative": ["charge"], "quantiles": 17, "noise": 0.1}
    )
    parts = [rising(4e-4 + 2e-5 * i, 260 + 5 * i).assign(asset=f"c{i}", group="all") for i in range(6)]
    assets = synthetic_dataset.tables()[1].assign(rows=[len(part) for part in parts])
    table = pd.concat(parts, ignore_index=True).assign(duration=1.0, slope=1.0)
    dataset = WindowDataset.from_tables(table, assets, synthetic_dataset.described(task), allow_test=True)
    encoder = fit_encoder(dataset, task)
    return encoder, make_codec(encoder, CLEAN, BATTERY)


def test_a_range_covers_the_rows_after_the_last_labelled_window():
    encoder, _ = resistance()
    assert encoder.high[0] == pytest.approx(0.1 + 4.4e-4 * 269)
    assert encoder.quantiles[0][-1] < encoder.high[0]


def test_what_an_asset_shows_past_the_lives_of_training_is_read_as_by_hand():
    encoder, codec = resistance()
    asset = rising(4.4e-4, 360)
    values = asset[["health", "charge"]].to_numpy()
    clean = clean_codes(codec, to_codes(codec, values))
    for end in (150, 250, 300, 360):
        blocks = asset["charge"].to_numpy()[end - 12 : end].reshape(6, 2).mean(axis=1)
        by_hand = np.clip((blocks - blocks[-1]) / encoder.relative_scale[0], -4, 4)
        z, _ = encode_codes(codec, clean[None, end - 12 : end])
        assert np.abs(z[0, :, encoder.channels.index("charge change")] / 4096 - by_hand).max() < 0.05
        assert not flagged(clean[None, end - 12 : end])[0]


def test_what_still_saturates_is_flagged():
    _, codec = resistance()
    values = rising(4.4e-4, 900)[["health", "charge"]].to_numpy()
    assert acceptable(codec, values).all()
    clean = clean_codes(codec, to_codes(codec, values))
    beyond = values[:, 1] > codec.offset[1] + 32767 * codec.unit[1]
    assert beyond.any()
    assert saturated(clean)[beyond].all()
    assert not saturated(clean)[:400].any()
