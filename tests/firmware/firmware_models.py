"""Models that the proofs run on: random ones of odd and even shapes, and windows at and beyond the limits."""

import shutil

import numpy as np
import pytest

from dlnet.config.quantities import Quantities
from dlnet.firmware.random_model import QUANTITIES, random_model
from dlnet.models.precision import Precision

needs_arm = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="apt-get install gcc-arm-none-eabi")
needs_clang = pytest.mark.skipif(shutil.which("clang++") is None, reason="apt-get install clang")
needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="apt-get install g++")


def quantities(target=None, **changes):
    """The task of random models with other values, of the target by name."""
    content = QUANTITIES.model_dump() | changes
    return Quantities.model_validate(content | {"target": content["target"] | (target or {})})


WEAR = {"name": "flank wear", "symbol": "wear", "quantity": "wear", "unit": "um", "direction": "rising",
        "range": [0, 300], "end_of_life": 200}  # fmt: skip
RISING = quantities(
    WEAR, asset={"one": "cutting edge", "many": "cutting edges"}, cleaning={"target": 2, "features": {}}
)
SHARE = quantities({"over_nominal": True, "range": [0.3, 1.1], "symbol": "relative head", "unit": "m"})
FLOORS = {"feature 0": 1e30, "feature 1": 1e-30, "feature 3": 0.2}
FLOORED = quantities(features=dict.fromkeys(FLOORS, "V"), cleaning={"target": 0.0, "features": FLOORS})

SHAPES = {
    "liquid-13": {"cell": "liquid", "hidden": 13},
    "ltc-16": {"cell": "ltc", "hidden": 16},
    "sensors only": {
        "cell": "liquid", "hidden": 14, "with_target": False, "features": 11, "relative": 8, "quantiles": 0,
    },
    "odd ltc, sensors only": {
        "cell": "ltc", "hidden": 7, "with_target": False, "features": 4, "relative": 1, "quantiles": 9,
    },
    "substeps, odd channels": {"cell": "liquid", "hidden": 5, "features": 3, "relative": 2, "substeps": 3},
    "one of each": {
        "cell": "ltc", "hidden": 1, "features": 1, "relative": 0, "skip": "none", "steps": 1, "block": 8,
        "knots": (1,), "quantiles": 2,
    },
    "target alone": {"cell": "ltc", "hidden": 5, "features": 0, "relative": 0, "quantiles": 0},
    "branches": {"cell": "liquid", "hidden": 9, "branches": 3},
    "two branches, sensors only": {"cell": "ltc", "hidden": 8, "branches": 2, "with_target": False, "relative": 3},
    "low rank": {"cell": "liquid", "hidden": 12, "rank": 7},
    "int4": {"cell": "liquid", "hidden": 13, "precision": Precision.of(4)},
    "int4, odd, sensors only": {
        "cell": "ltc", "hidden": 11, "with_target": False, "features": 5, "relative": 2, "precision": Precision.of(4),
    },
    "all at once": {
        "cell": "liquid", "hidden": 10, "branches": 4, "rank": 5, "gain": 2.0,
        "precision": Precision(inner=4, step=8, gate=4, head=4),
    },
    "one neuron of rank one": {
        "hidden": 1, "rank": 1, "branches": 2, "features": 1, "relative": 0, "skip": "none", "knots": (3,),
        "precision": Precision.of(4),
    },
    "rank beyond rows": {
        "cell": "ltc", "hidden": 2, "rank": 9, "branches": 3, "features": 2, "relative": 0,
        "precision": Precision(inner=8, step=4, gate=4, head=8),
    },
    "rising": {"hidden": 7, "quantities": RISING},
    "rising, sensors only": {"cell": "ltc", "hidden": 4, "with_target": False, "relative": 2, "quantities": RISING},
    "share": {"cell": "ltc", "hidden": 6, "features": 5, "relative": 2, "quantiles": 0, "quantities": SHARE},
    "floors": {"hidden": 5, "features": 6, "relative": 2, "quantities": FLOORED},
    "floors, sensors only": {"hidden": 5, "with_target": False, "relative": 2, "quantities": FLOORED},
    "wild weights": {"cell": "liquid", "hidden": 9, "gain": 4.0, "knots": (1, 2, 300), "steps": 30, "block": 3},
}  # fmt: skip


def shaped(name):
    return random_model(**SHAPES[name])


def values_of(model, raw):
    """Integers of a forecast as the device's floats: rounded to float32 after the product and after the sum."""
    codec = model.codec
    return codec.value_offset + raw.astype(np.float32) * codec.value_scale


def windows(model, count, seed=0):
    """Random windows of any int16, the first six at the limits; anchors over the whole range."""
    rng = np.random.default_rng(seed)
    shape = (count, model.spec.steps, model.spec.channels)
    z = rng.integers(-(2**15), 2**15, shape, dtype=np.int16)
    odd = np.indices(shape[1:]).sum(axis=0) % 2 == 1
    limits = [np.full(shape[1:], 32767), np.full(shape[1:], -32768), np.where(odd, 32767, -32768), np.zeros(shape[1:])]
    limits += [np.where(odd, -32768, 32767), np.full(shape[1:], -1)]
    z[: len(limits)] = np.array(limits[:count])
    return z, rng.integers(-(2**25), 2**25 + 1, count).astype(np.int32)


def form_inputs(model, count, seed=0):
    """Inputs of a form of any int16, the first at the limits; None of a network alone."""
    if model.spec.form is None:
        return None
    x = np.random.default_rng(seed).integers(-(2**15), 2**15, (count, model.spec.form.inputs), dtype=np.int16)
    x[:2] = np.array([[-32768], [32767]], np.int16)[:count]
    return x


def asset(model, count, seed=0, spikes=0.03):
    """Rows of a synthetic asset, (count, inputs): slow drift, noise, and spikes for the filter to find."""
    codec, rng = model.codec, np.random.default_rng(seed)
    walk = rng.normal(size=(count, codec.inputs)).cumsum(axis=0) * 150 + rng.normal(size=(count, codec.inputs)) * 60
    spike = rng.random(walk.shape) < spikes
    walk = walk + np.where(spike, rng.normal(size=walk.shape) * 20000, 0)
    values = walk * codec.unit + codec.offset
    if codec.target is not None:
        fade = 1.02 - 0.1 * np.arange(count) / count + rng.normal(size=count) * 5e-4
        health = np.clip(fade + np.where(spike[:, 0], rng.normal(size=count) * 0.1, 0), 0.06, 1.49)
        values[:, 0] = model.quantities.target.from_health(health)
    return values
