"""Models with a form: of each kind, alone and blended, with and without what it knows of an asset's life."""

import numpy as np
from firmware_models import RISING

from dlnet.export.form import Trees
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import random_model

HISTORY = (100, 150, 250, 400)
FORMS = {
    "linear": {"form": RandomForm("linear")},
    "quadratic, history": {"form": RandomForm("quadratic", history=HISTORY)},
    "blend": {"form": RandomForm("quadratic", history=HISTORY, youth=(5, 15), age=True, weight=19661)},
    "form, short windows": {"steps": 2, "form": RandomForm("quadratic", features=1, history=(20, 400))},
    "forest, one lag": {"form": RandomForm("forest", history=(20,), age=True, trees=9)},
    "blend with a forest": {"cell": "ltc", "form": RandomForm("forest", weight=32767, trees=3)},
    "form, sensors only": {"with_target": False, "form": RandomForm("quadratic", features=3, youth=(0, 50))},
    "blend, sensors only": {"with_target": False, "form": RandomForm("linear", youth=(5, 15), weight=1)},
    "form of one knot": {"knots": (7,), "form": RandomForm("quadratic", features=0, age=True)},
    "form, rising": {"quantities": RISING, "form": RandomForm("quadratic", features=1, history=HISTORY)},
}  # fmt: skip


def formed(name):
    return random_model(**FORMS[name])


def records_of(model, count, seed=0):
    """Windows, anchors and inputs of a form, of any int16; the first ones at the limits."""
    rng, spec = np.random.default_rng(seed), model.spec
    z = rng.integers(-(2**15), 2**15, (count, spec.steps, spec.channels)).astype(np.int16)
    x = rng.integers(-(2**15), 2**15, (count, spec.form.inputs)).astype(np.int16)
    x[:3] = [[-32768], [32767], [0]]
    if isinstance(spec.form, Trees):  # some stand on a threshold
        for i in range(spec.form.inputs):
            own = spec.form.threshold[spec.form.feature == i]
            x[3 : count // 2, i] = rng.choice(own, count // 2 - 3) if own.size else 0
    anchor = rng.integers(-(2**25), 2**25 + 1, count).astype(np.int32)
    anchor[:2] = [2**25, -(2**25)]
    return z, anchor, x
