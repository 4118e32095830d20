"""Models that the proofs run on: random ones of odd and even shapes, and windows at and beyond the limits."""

import shutil

import numpy as np
import pytest

from dlnet.firmware.random_model import random_model
from dlnet.models.precision import Precision

needs_arm = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="apt-get install gcc-arm-none-eabi")
needs_clang = pytest.mark.skipif(shutil.which("clang++") is None, reason="apt-get install clang")
needs_gcc = pytest.mark.skipif(shutil.which("g++") is None, reason="apt-get install g++")

SHAPES = {
    "liquid-13": {"cell": "liquid", "hidden": 13},
    "ltc-16": {"cell": "ltc", "hidden": 16},
    "charge": {"cell": "liquid", "hidden": 14, "capacity": False, "features": 11, "relative": 8, "quantiles": 0},
    "odd ltc, charge": {"cell": "ltc", "hidden": 7, "capacity": False, "features": 4, "relative": 1, "quantiles": 9},
    "substeps, odd channels": {"cell": "liquid", "hidden": 5, "features": 3, "relative": 2, "substeps": 3},
    "one of each": {
        "cell": "ltc", "hidden": 1, "features": 1, "relative": 0, "skip": "none", "steps": 1, "block": 8,
        "knots": (1,), "quantiles": 2,
    },
    "branches": {"cell": "liquid", "hidden": 9, "branches": 3},
    "two branches, charge": {"cell": "ltc", "hidden": 8, "branches": 2, "capacity": False, "relative": 3},
    "low rank": {"cell": "liquid", "hidden": 12, "rank": 7},
    "int4": {"cell": "liquid", "hidden": 13, "precision": Precision.of(4)},
    "int4, odd, charge": {
        "cell": "ltc", "hidden": 11, "capacity": False, "features": 5, "relative": 2, "precision": Precision.of(4),
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
    "wild weights": {"cell": "liquid", "hidden": 9, "gain": 4.0, "knots": (1, 2, 300), "steps": 30, "block": 3},
}  # fmt: skip


def shaped(name):
    return random_model(**SHAPES[name])


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


def cell(model, count, seed=0, spikes=0.03):
    """Cycles of a synthetic cell, (count, inputs): slow drift, noise, and spikes for the filter to find."""
    codec, rng = model.codec, np.random.default_rng(seed)
    walk = rng.normal(size=(count, codec.inputs)).cumsum(axis=0) * 150 + rng.normal(size=(count, codec.inputs)) * 60
    spike = rng.random(walk.shape) < spikes
    walk = walk + np.where(spike, rng.normal(size=walk.shape) * 20000, 0)
    values = walk * codec.unit + codec.offset
    if codec.capacity is not None:
        fade = 1.02 - 0.1 * np.arange(count) / count + rng.normal(size=count) * 5e-4
        values[:, 0] = np.clip(fade + np.where(spike[:, 0], rng.normal(size=count) * 0.1, 0), 0.06, 1.49)
    return values
