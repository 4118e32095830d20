"""Forms of any shape with random numbers, beside or in place of the network of a random model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from dlnet.export import fixed
from dlnet.export.absent import form_alone
from dlnet.export.edge import DeviceModel, make_model
from dlnet.export.form import LEAF, LEAVES, SPLITS, Form, Polynomial, Trees, terms_of
from dlnet.export.form_inputs import FormInputs

COMPLETE = np.array([[1, 3, 5, 8, 10, 12, 14], [2, 4, 6, 9, 11, 13, 15]], np.uint8)[:, None, None]  # both children
SPREAD = 0.02  # of health: changes that a form makes


@dataclass(frozen=True)
class RandomForm:
    """Shape of a form.

    Attributes:
        features: how many of the model's it reads. weight: of the network, 2^-15; 0: the form alone.
        trees: of each output, for a forest.
    """

    kind: Literal["linear", "quadratic", "forest"] = "quadratic"
    features: int = 4
    weight: int = 0
    history: tuple[int, ...] = ()
    youth: tuple[int, int] | None = None
    age: bool = False
    trees: int = 25


def with_form(model: DeviceModel, shape: RandomForm, seed: int) -> DeviceModel:
    """The model with a random form, blended by ``weight``."""
    rng, target = np.random.default_rng(seed), model.encoder.track == "with_target"
    inputs = _inputs(model, shape, target, rng)
    outputs = len(model.spec.knots) + (not target)
    make = _trees if shape.kind == "forest" else _polynomial
    form = make(shape, inputs.width, outputs, rng)
    if not target:
        form = replace(form, bias=form.bias + (1 << fixed.FORECAST_BITS))
    spec = replace(model.spec, form=form, weight=shape.weight)
    if not shape.weight:
        spec = form_alone(form, model.spec.steps, model.spec.channels, model.spec.knots)
    name = f"{model.name}-{shape.kind}-{shape.weight}"
    return make_model(name, spec, model.encoder, model.clean, model.quantities, form_inputs=inputs)


def _inputs(model: DeviceModel, shape: RandomForm, target: bool, rng: np.random.Generator) -> FormInputs:
    encoder = model.encoder
    features = encoder.features[: shape.features]
    own = [encoder.features.index(name) for name in features]
    level, spread = np.array(encoder.center)[own], np.array(encoder.scale)[own]
    blank = FormInputs(target, features, (), (), shape.history if target else (), shape.youth, shape.age)
    center, scale = np.zeros(blank.width), np.ones(blank.width)
    start, n = 7 * target, len(own)
    if target:
        center[0], scale[:7] = encoder.level_mean, rng.uniform(0.01, 0.1, 7)
    center[start : start + n], scale[start : start + n] = level, spread
    scale[start + n : start + 2 * n] = spread * rng.uniform(0.1, 0.5, n)
    after = start + 2 * n + len(blank.history)
    scale[start + 2 * n : after] = rng.uniform(0.01, 0.1, len(blank.history))
    if blank.youth is not None:
        scale[after : after + n] = spread * rng.uniform(0.1, 0.5, n)
    if blank.age:
        center[-1], scale[-1] = 300.0, 200.0
    return replace(blank, center=tuple(center.tolist()), scale=tuple(scale.tolist()))


def _bias(outputs: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(rng.normal(size=outputs) * SPREAD * 2**fixed.FORECAST_BITS).astype(np.int32)


def _polynomial(shape: RandomForm, width: int, outputs: int, rng: np.random.Generator) -> Form:
    quadratic = shape.kind == "quadratic"
    coefficients = rng.integers(fixed.INT16_MIN, fixed.INT16_MAX, (outputs, terms_of(width, quadratic)), endpoint=True)
    shift = rng.integers(22, 26, outputs)
    return Polynomial(width, quadratic, coefficients.astype(np.int16), shift.astype(np.uint8), _bias(outputs, rng))


def _trees(shape: RandomForm, width: int, outputs: int, rng: np.random.Generator) -> Form:
    """Every other tree is complete, of three levels; the children of split i of the others are any later ones."""
    sizes = (outputs, shape.trees, SPLITS)
    later = np.arange(SPLITS) + 1
    child = [rng.integers(later, LEAF + LEAVES, sizes) for _ in range(2)]
    left, right = (np.where(c < SPLITS, c, np.maximum(c, LEAF)).astype(np.uint8) for c in child)
    left[:, ::2], right[:, ::2] = COMPLETE
    return Trees(
        inputs=width,
        feature=rng.integers(0, width, sizes).astype(np.uint8),
        threshold=rng.normal(0, 4096, sizes).clip(fixed.INT16_MIN, fixed.INT16_MAX).astype(np.int16),
        left=left,
        right=right,
        leaves=rng.integers(fixed.INT16_MIN, fixed.INT16_MAX, (*sizes[:2], LEAVES), endpoint=True).astype(np.int16),
        shift=rng.integers(17, 22, outputs).astype(np.uint8),
        bias=_bias(outputs, rng),
    )
