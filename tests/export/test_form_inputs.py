"""Inputs of a form: from codes as from floats, and a history that is a sum by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dlnet.data.life import Life
from dlnet.data.windows import Histories
from dlnet.errors import ModelError
from dlnet.export.form_inputs import block_means, form_codes, make_form_codec
from dlnet.export.frontend import clean_codes, to_codes
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import random_model

FORMS = {
    "with target": RandomForm("linear", history=(100, 150, 250, 400), youth=(5, 15), age=True),
    "short lags": RandomForm("linear", history=(20, 30), youth=(0, 1)),
    "no features": RandomForm("linear", features=0, history=(100,)),
}


def rows_of(model, count, seed=0):
    """Rows without outliers: (count, inputs) in their own units."""
    rng, codec = np.random.default_rng(seed), model.codec
    values = codec.offset + codec.unit * (rng.normal(size=(count, codec.inputs)).cumsum(axis=0) * 60)
    if codec.target is not None:
        values[:, 0] = 1.0 - 1e-4 * np.arange(count)
    return values.astype(np.float32)


def codes_and_floats(model, count, ends):
    codec, inputs, encoder = model.codec, model.form_inputs, model.encoder
    values = rows_of(model, count)
    clean = clean_codes(codec, to_codes(codec, values))
    exact = codec.offset + codec.unit * clean  # so that both see the same values
    first = int(codec.target is not None)
    health = (clean[:, 0].astype(float) + 25395) / 2**15 if first else np.zeros(count)
    span = ends[:, None] + np.arange(-codec.window, 0)
    life = Life(health, exact[:, first:], encoder.features, np.zeros(len(ends), np.int64), ends)
    seen = Histories(health[span], exact[:, first:][span], encoder.features, life)
    return form_codes(codec, make_form_codec(codec, inputs), clean, ends), inputs.of(seen, encoder)


@pytest.mark.parametrize("name", FORMS)
def test_codes_give_the_inputs_of_floats(name):
    model = random_model(form=FORMS[name], quantiles=0)
    codes, floats = codes_and_floats(model, 700, np.arange(50, 701, 13))
    away = np.abs(codes.astype(int) - floats)
    assert np.median(away) <= 1
    assert away.max() <= 40  # block means of health are rounded to codes


def test_codes_give_the_inputs_of_floats_without_the_target():
    model = random_model(with_target=False, form=RandomForm("linear", youth=(5, 15), age=True))
    codes, floats = codes_and_floats(model, 300, np.arange(50, 301, 7))
    assert np.abs(codes.astype(int) - floats).max() <= 1


def test_a_history_is_what_the_definition_says():
    model = random_model(form=replace(FORMS["with target"], features=0, youth=None, age=False))
    codec, form = model.codec, model.form_codec
    rng = np.random.default_rng(4)
    clean = rng.integers(-(2**15), 2**15, (620, codec.inputs)).astype(np.int16)
    ends = np.array([50, 101, 160, 409, 410, 411, 620])
    found = form_codes(codec, form, clean, ends)[:, 7:]
    for row, end in zip(found, ends.tolist(), strict=True):
        t, recent = end - 1, sum(int(code) for code in clean[end - 5 : end, 0])
        for k, (got, lag) in enumerate(zip(row, (100, 150, 250, 400), strict=True), 7):
            j = max(0, (t - lag) // 10)
            mean = (sum(int(code) for code in clean[10 * j : 10 * j + 10, 0]) + 5) // 10
            change, distance = recent - 5 * mean, (t - 2) - (10 * j + 4.5)
            value = abs(change) * lag / distance
            raw = int(np.floor(value + 0.5)) * (1 if change >= 0 else -1)
            exact = (raw - int(form.centre[k])) * int(form.multiplier[k]) / 2.0 ** int(form.shift[k])
            assert abs(int(got) - np.clip(np.floor(exact + 0.5), -16384, 16384)) <= 1


def test_a_block_that_the_window_still_shows_gives_no_history():
    model = random_model(steps=2, form=RandomForm("linear", features=0, history=(20,)), quantiles=0)
    codes, floats = codes_and_floats(model, 60, np.arange(10, 61))
    centre = np.floor((0 - np.array(model.form_inputs.center[-1])) / model.form_inputs.scale[-1] * 4096 + 0.5)
    assert (codes[:5, -1] == np.clip(centre, -16384, 16384)).all()  # rows 0 to 9 overlap the last block until row 13
    assert (codes[5:, -1] < codes[0, -1]).all()  # health falls
    assert np.abs(codes.astype(int) - floats).max() <= 40


def test_a_mean_of_a_block_rounds_halves_up():
    assert block_means(np.array([0] * 9 + [5] + [0] * 9 + [-5] + [7])).tolist() == [1, 0]


REFUSED = {
    "a feature that rows lack": ({"features": ("none",)}, "'none'"),
    "a lag between tens": ({"history": (105, 150, 250, 400)}, "multiples of 10"),
    "a lag beyond the ring": ({"history": (100, 150, 250, 410)}, "multiples of 10"),
    "youth behind the first window": ({"youth": (45, 55)}, "first window"),
    "no scale": ({"scale": ()}, "inputs"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_inputs_that_a_device_cannot_compute_are_refused(what):
    model = random_model(form=FORMS["with target"])
    change, words = REFUSED[what]
    with pytest.raises(ModelError, match=words):
        make_form_codec(model.codec, replace(model.form_inputs, **change))


def test_without_the_target_nothing_of_it_is_read():
    inputs = random_model(form=FORMS["with target"]).form_inputs
    codec = random_model(with_target=False).codec
    with pytest.raises(ModelError, match="not measured on track sensors_only"):
        make_form_codec(codec, inputs)
