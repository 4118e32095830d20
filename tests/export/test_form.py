"""Forms in integers: against unlimited integers of Python one by one, and against the floats that they came from."""

import numpy as np
import pytest

from dlnet.baselines.forest import Forest
from dlnet.baselines.forms import Form, standardised, terms_of
from dlnet.baselines.summaries import Knots, Summary
from dlnet.config.task import Memory
from dlnet.errors import DataError, ModelError
from dlnet.export.absent import form_alone
from dlnet.export.form import LEAF, LIMIT, ONE, Polynomial, Trees, blend, form_levels
from dlnet.export.make_form import integer_forest, integer_form
from dlnet.export.reference import run
from dlnet.export.spec import from_json, to_json
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import random_model

KNOTS = (5, 15, 30)
SHAPES = {
    "linear": RandomForm("linear"),
    "quadratic": RandomForm("quadratic", history=(100, 400)),
    "forest": RandomForm("forest", age=True, trees=7),
    "blend": RandomForm("quadratic", weight=19661, youth=(5, 15)),
    "blend with a forest": RandomForm("forest", weight=1, trees=3),
}


def model_of(name, **more):
    return random_model(knots=KNOTS, form=SHAPES[name], **more)


def any_inputs(count, width, seed=0):
    x = np.random.default_rng(seed).integers(-(2**15), 2**15, (count, width)).astype(np.int16)
    x[:2] = [[-32768], [32767]]
    return x


def rounded(value, shift):
    return (value + 2 ** (shift - 1)) // 2**shift


def by_hand(form, x):
    out = []
    for o in range(len(form.bias)):
        total = 0
        if isinstance(form, Trees):
            for t in range(form.count):
                code = 0
                while code < LEAF:
                    left = x[form.feature[o, t, code]] <= form.threshold[o, t, code]
                    code = int((form.left if left else form.right)[o, t, code])
                total += int(form.leaves[o, t, code - LEAF]) * 2**16
        else:
            terms = [int(v) * 4096 for v in x]
            if form.quadratic:
                terms += [int(x[i]) * int(x[j]) for i in range(len(x)) for j in range(i, len(x))]
            total = sum(int(c) * term for c, term in zip(form.coefficients[o], terms, strict=True))
        out.append(max(-LIMIT, min(LIMIT, rounded(total, int(form.shift[o])))) + int(form.bias[o]))
    return out


@pytest.mark.parametrize("name", SHAPES)
def test_a_form_is_what_unlimited_integers_give(name):
    form = model_of(name).spec.form
    x = any_inputs(40, form.inputs)
    assert np.array_equal(form.changes(x), [by_hand(form, row) for row in x])


@pytest.mark.parametrize("name", SHAPES)
def test_a_spec_comes_back_from_its_json(name):
    spec = model_of(name).spec
    again = from_json(to_json(spec))
    assert to_json(again) == to_json(spec)
    assert again.kind == spec.kind
    assert ("step" in to_json(spec)) == spec.has_network


def test_a_network_alone_has_no_section_of_a_form():
    assert not {"form", "forest", "blend"} & to_json(random_model().spec).keys()


def test_a_blend_lies_between_its_parts_and_rounds_halves_up():
    network, form = np.array([[10, 7]]), np.array([[20, 8]])
    assert blend(network, form, ONE // 2).tolist() == [[15, 8]]
    assert blend(network, form, ONE - 1).tolist() == [[10, 7]]


def test_a_blend_is_the_weighted_mean_of_both_forecasts():
    model = model_of("blend")
    spec = model.spec
    rng = np.random.default_rng(2)
    z = rng.integers(-(2**13), 2**13, (50, spec.steps, spec.channels)).astype(np.int16)
    anchor = np.full(50, 1 << 24, np.int32)
    x = any_inputs(50, spec.form.inputs)
    alone = form_alone(spec.form, spec.steps, spec.channels, spec.knots)
    network = run(random_model(knots=KNOTS).spec, z, anchor).forecast.astype(float)
    form = run(alone, z, anchor, x).forecast.astype(float)
    share = spec.weight / ONE
    assert np.abs(run(spec, z, anchor, x).forecast - share * network - (1 - share) * form).max() <= 2


def test_a_form_with_an_output_more_gives_levels_itself():
    form = Polynomial(1, False, np.array([[0], [0]], np.int16), np.full(2, 20, np.uint8), np.array([5, 6], np.int32))
    x, anchor = np.zeros((3, 1), np.int16), np.array([1, 2, 3], np.int32)
    assert form_levels(form, 1, x, anchor).tolist() == [[5, 6]] * 3
    assert form_levels(form, 2, x, anchor).tolist() == [[a, a + 5, a + 6] for a in (1, 2, 3)]


def test_inputs_are_asked_for_where_there_is_a_form_and_refused_elsewhere():
    spec = model_of("linear").spec
    z, anchor = np.zeros((1, spec.steps, spec.channels), np.int16), np.zeros(1, np.int32)
    with pytest.raises(DataError, match="needs inputs"):
        run(spec, z, anchor)
    with pytest.raises(DataError, match="inputs of a form must be"):
        run(spec, z, anchor, np.zeros((1, 3), np.int16))
    with pytest.raises(DataError, match="takes none"):
        run(random_model(knots=KNOTS).spec, z, anchor, np.zeros((1, 3), np.int16))


DAMAGE = {
    "a loop": ("forest", "left", 0),
    "no such leaf": ("forest", "right", 16),
    "no such input": ("forest", "feature", 250),
    "no shift": ("quadratic", "shift", 0),
    "a constant beyond health": ("quadratic", "bias", 2**26),
    "no whole number": ("linear", "coefficients", [0.5]),
    "a row too short": ("linear", "coefficients", [1]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_form_is_refused(what):
    name, field, value = DAMAGE[what]
    document = to_json(model_of(name).spec)
    document["forest" if name == "forest" else "form"][field][0] = value
    with pytest.raises(ModelError):
        from_json(document)


@pytest.mark.parametrize("weight", [0, ONE, -1, 0.5, True])
def test_a_share_that_is_none_is_refused(weight):
    document = to_json(model_of("blend").spec)
    document["blend"]["weight"] = weight
    with pytest.raises(ModelError):
        from_json(document)


def fitted_form(summary, knots, kind, seed=0):
    rng = np.random.default_rng(seed)
    width = summary.width
    terms = terms_of(kind, np.zeros((1, width))).shape[1]
    return Form(
        summary,
        knots,
        rng.normal(size=width).astype(np.float32),
        rng.uniform(0.01, 2, width).astype(np.float32),
        (rng.normal(size=(terms, len(knots.at))) * 1e-3).astype(np.float32),
        (rng.normal(size=len(knots.at)) * 0.01).astype(np.float32),
        kind,
    )


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_a_fitted_form_keeps_its_values(kind):
    summary = Summary(True, ("a", "b"), 50, 5, Memory((100, 400)))
    fitted = fitted_form(summary, Knots(KNOTS, anchored=True), kind)
    form, inputs = integer_form(fitted, KNOTS)
    values = fitted.center + fitted.scale * np.random.default_rng(1).normal(size=(300, summary.width)) * 1.5
    floats = terms_of(kind, standardised(values, fitted.center, fitted.scale)) @ fitted.coefficients + fitted.intercept
    assert np.abs(form.changes(inputs.quantise(values)) / 2**24 - floats).max() < 4e-5


@pytest.mark.parametrize("own", [(5, 15), (1, 5, 15)])
def test_without_an_anchor_the_line_begins_at_row_0(own):
    summary, knots = Summary(False, ("a",), 50, 5), Knots((1, 5, 15), anchored=False)
    fitted = fitted_form(summary, knots, "linear")
    form, inputs = integer_form(fitted, own)
    values = fitted.center + fitted.scale * np.random.default_rng(1).normal(size=(20, 2))
    spec = form_alone(form, 10, 1, own)
    z, anchor = np.zeros((20, 10, 1), np.int16), np.zeros(20, np.int32)
    terms = standardised(values, fitted.center, fitted.scale)
    expected = knots.curve(terms @ fitted.coefficients + fitted.intercept)
    assert np.abs(run(spec, z, anchor, inputs.quantise(values)).forecast / 2**24 - expected).max() < 1e-6


def small_forest(rng, trees, width):
    """Trees of one to eight leaves: each split's left child is a leaf."""
    parts = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    first = []
    for t in range(trees):
        start, splits = len(parts["left"]), t % 8
        first.append(start)
        for s in range(2 * splits + 1):
            inner = s < 2 * splits and s % 2 == 0
            parts["feature"].append(int(rng.integers(width)) if inner else 0)
            parts["threshold"].append(float(rng.normal()) if inner else 0.0)
            parts["left"].append(start + s + 1 if inner else 0)
            parts["right"].append(start + s + 2 if inner else 0)
            parts["value"].append(0.0 if inner else float(rng.normal() * 1e-3))
    arrays = {name: np.array(values) for name, values in parts.items()}
    return Forest(start=np.array([-0.01]), first=np.array(first), **arrays)


def test_a_fitted_forest_keeps_its_values():
    rng = np.random.default_rng(3)
    summary = Summary(True, ("a",), 50, 5, age=True)
    forests = tuple(small_forest(rng, 16, summary.width) for _ in KNOTS)
    form, inputs = integer_forest(summary, True, forests, KNOTS)
    values = rng.normal(size=(500, summary.width))
    floats = np.stack([forest.predict(values) for forest in forests], axis=1)
    away = np.abs(form.changes(inputs.quantise(values)) / 2**24 - floats)
    assert np.quantile(away, 0.97) < 1e-5  # others are within rounding of a threshold


def test_what_no_device_holds_is_refused():
    rng, summary = np.random.default_rng(3), Summary(True, (), 50, 5)
    with pytest.raises(ModelError, match="256 trees"):
        integer_forest(summary, True, (small_forest(rng, 256, summary.width),), (5,))
    fitted = fitted_form(summary, Knots((5,), anchored=True), "linear")
    fitted.coefficients[0, 0] = 1e6
    with pytest.raises(ModelError, match="no integer form"):
        integer_form(fitted, (5,))


def test_forests_without_an_anchor_begin_with_row_1():
    rng, summary = np.random.default_rng(3), Summary(False, ("a",), 50, 5)
    forests = tuple(small_forest(rng, 5, summary.width) for _ in range(3))
    values = rng.normal(size=(50, summary.width))
    floats = np.stack([forest.predict(values) for forest in forests], axis=1)
    for knots, expected in (((5, 15), floats), ((1, 5, 15), floats[:, [0, 0, 1, 2]])):
        form, inputs = integer_forest(summary, False, forests, knots)
        away = np.abs(form.changes(inputs.quantise(values)) / 2**24 - expected)
        assert np.quantile(away, 0.9) < 1e-5
