"""Forms as sections of ``spec.json``, and the checks that they can be run."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlnet.errors import ModelError
from dlnet.export import fixed, integers
from dlnet.export.form import LEAF, LEAVES, LIMIT, MOST_INPUTS, ONE, SPLITS, Form, Polynomial, Trees

SHIFTS = (1, 62)
MOST_TREES = 255  # of an output
KINDS = {False: "linear", True: "quadratic"}
SECTIONS = ("form", "forest", "blend")


def form_sections(form: Form | None, weight: int) -> dict[str, Any]:
    """The sections of a spec that describe a form and its share; none of a network alone."""
    if form is None:
        return {}
    name, content = ("forest", _trees(form)) if isinstance(form, Trees) else ("form", _polynomial(form))
    shared = {"inputs": form.inputs, "shift": form.shift.tolist(), "bias": form.bias.tolist()}
    return {name: shared | content} | ({"blend": {"weight": weight}} if weight else {})


def _polynomial(form: Polynomial) -> dict[str, Any]:
    return {"kind": KINDS[form.quadratic], "coefficients": form.coefficients.tolist()}


def _trees(form: Trees) -> dict[str, Any]:
    names = ("feature", "threshold", "left", "right", "leaves")
    return {"trees": form.count} | {name: getattr(form, name).reshape(-1).tolist() for name in names}


def parse_form(document: dict[str, Any]) -> tuple[Form | None, int]:
    """Form and weight of a spec; ``ValueError``, ``KeyError`` or ``TypeError`` where they cannot be read."""
    if "form" not in document and "forest" not in document:
        return None, ONE
    if "form" in document and "forest" in document:
        raise ValueError("a form and a forest")
    form = _parse_polynomial(document["form"]) if "form" in document else _parse_trees(document["forest"])
    weight = integers.whole(document["blend"]["weight"], 1, ONE - 1) if "blend" in document else 0
    return form, weight


def _parse_polynomial(content: dict[str, Any]) -> Polynomial:
    if content["kind"] not in KINDS.values():
        raise ValueError(f"a form of kind {repr(content['kind'])[:20]}")
    return Polynomial(
        inputs=integers.whole(content["inputs"], 1, MOST_INPUTS),
        quadratic=content["kind"] == KINDS[True],
        coefficients=integers.matrix(content["coefficients"], np.int16),
        shift=integers.wholes(content["shift"], np.uint8),
        bias=integers.wholes(content["bias"], np.int32),
    )


def _parse_trees(content: dict[str, Any]) -> Trees:
    bias, trees = integers.wholes(content["bias"], np.int32), integers.whole(content["trees"], 1, MOST_TREES)

    def grid(name: str, kind: type[np.integer[Any]], nodes: int) -> np.ndarray:
        return integers.wholes(content[name], kind).reshape(len(bias), trees, nodes)

    return Trees(
        inputs=integers.whole(content["inputs"], 1, MOST_INPUTS),
        feature=grid("feature", np.uint8, SPLITS),
        threshold=grid("threshold", np.int16, SPLITS),
        left=grid("left", np.uint8, SPLITS),
        right=grid("right", np.uint8, SPLITS),
        leaves=grid("leaves", np.int16, LEAVES),
        shift=integers.wholes(content["shift"], np.uint8),
        bias=bias,
    )


def check_form(form: Form, knots: int) -> None:
    """Raise ``ModelError`` for a form whose parts do not fit together, or that could overflow or never end.

    A sum of a polynomial has at most 2,144 terms of 2^28 · 2^15, one of trees 255 leaves of 2^15 · 2^16: 64 bits hold
    both. What comes of it is cut at ±2 of health, so levels and their falls times 4 fit 32 bits.
    """
    outputs = len(form.bias)
    low, high = SHIFTS
    right = {
        "outputs": outputs in (knots, knots + 1) and form.shift.shape == (outputs,),
        "shift": bool(len(form.shift)) and low <= form.shift.min() and form.shift.max() <= high,
        "bias": np.abs(form.bias.astype(np.int64)).max(initial=0) <= LIMIT,
        "inputs": 1 <= form.inputs <= MOST_INPUTS,
    }
    right |= _right_trees(form) if isinstance(form, Trees) else _right_polynomial(form)
    for name, holds in right.items():
        if not holds:
            raise ModelError(f"{name} of the form cannot be right; run dvc repro")


def _right_polynomial(form: Polynomial) -> dict[str, bool]:
    return {"coefficients": form.coefficients.shape == (len(form.bias), form.terms)}


def _right_trees(form: Trees) -> dict[str, bool]:
    own = np.arange(SPLITS)
    shape = (len(form.bias), form.count, SPLITS)
    children = [(child < LEAF + LEAVES) & ((child >= LEAF) | ((child > own) & (child < SPLITS)))
                for child in (form.left, form.right)]  # fmt: skip
    return {
        "trees": 1 <= form.count <= MOST_TREES and form.leaves.shape == (*shape[:2], LEAVES),
        "splits": all(part.shape == shape for part in (form.feature, form.threshold, form.left, form.right)),
        "feature": int(form.feature.max()) < form.inputs,
        "children": all(bool(child.all()) for child in children),
        "leaves": int(np.abs(form.leaves.astype(np.int64)).max()) <= -fixed.INT16_MIN,
    }
