"""From fitted forms and forests (``dlnet.baselines``) to integers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dlnet.baselines.forest import Forest
from dlnet.baselines.forms import Form as FittedForm
from dlnet.baselines.summaries import Knots, Summary
from dlnet.data.encode import FEATURE_CLIP
from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.form import LEAF, LEAF_BITS, LEAVES, LIMIT, SPLITS, Polynomial, Trees
from dlnet.export.form_inputs import CLIP, FormInputs
from dlnet.export.form_json import MOST_TREES, SHIFTS

Floats = npt.NDArray[np.float64]

WIDEST = 1e30  # deviation that stands for an infinite one, of an input that did not vary
WITHIN = 0.95  # share of the range of an input's codes that the thresholds of a forest take


def integer_form(fitted: FittedForm, knots: Sequence[int]) -> tuple[Polynomial, FormInputs]:
    """A linear or quadratic form in integers; each coefficient is rounded to nearest.

    Args:
        knots: of the device's forecast.

    Raises:
        ModelError: a coefficient is too large for its format.
    """
    inputs = _inputs(fitted.summary, fitted.center.astype(np.float64), fitted.scale.astype(np.float64))
    rows = fitted.coefficients.T.astype(np.float64)
    every = np.concatenate([rows, fitted.intercept.astype(np.float64)[:, None]], axis=1)
    weights, bias = _at_levels(fitted.knots, every, knots)
    bits = [_bits(row) for row in weights]
    coefficients = np.rint(np.ldexp(weights, np.array(bits)[:, None]))
    return Polynomial(
        inputs=inputs.width,
        quadratic=fitted.kind == "quadratic",
        coefficients=np.clip(coefficients, -fixed.INT16_MAX, fixed.INT16_MAX).astype(np.int16),
        shift=np.array(bits, np.uint8),
        bias=_bias(bias),
    ), inputs


def integer_forest(
    summary: Summary, anchored: bool, forests: tuple[Forest, ...], knots: Sequence[int]
) -> tuple[Trees, FormInputs]:
    """Small forests, one a knot, in integers: thresholds on inputs whose codes cover all thresholds.

    Args:
        anchored: whether they start at the last health. Else they give health itself, the first one that of row 1,
            which the device's lines then begin with at row 0.
        knots: of the device's forecast.

    Raises:
        ModelError: a tree has more than 8 leaves, or a forest too many trees.
    """
    if not anchored:
        forests = (forests[0], *forests[int(knots[0] > 1) :])
    inputs = _range_of_thresholds(summary, forests)
    count = max(len(forest.first) for forest in forests)
    if count > MOST_TREES:
        raise ModelError(f"a forest of {count} trees a knot; a device holds at most {MOST_TREES}")
    shape = (len(forests), count)
    parts = {name: np.zeros((*shape, SPLITS), np.int64) for name in ("feature", "threshold", "left", "right")}
    parts["left"][...] = parts["right"][...] = LEAF  # a tree that is not there: one leaf of 0
    values = np.zeros((*shape, LEAVES))
    for o, forest in enumerate(forests):
        for t in range(len(forest.first)):
            for name, row in _tree(forest, t, inputs).items():
                (values if name == "leaves" else parts[name])[o, t, : len(row)] = row
    shift = [_bits(row.reshape(-1)) for row in values]
    leaves = np.rint(np.ldexp(values, np.array(shift)[:, None, None]))
    start = np.array([forest.start[0] for forest in forests])
    return Trees(
        inputs=inputs.width,
        feature=parts["feature"].astype(np.uint8),
        threshold=parts["threshold"].astype(np.int16),
        left=parts["left"].astype(np.uint8),
        right=parts["right"].astype(np.uint8),
        leaves=np.clip(leaves, -fixed.INT16_MAX, fixed.INT16_MAX).astype(np.int16),
        shift=np.array([bits + LEAF_BITS - fixed.FORECAST_BITS for bits in shift], np.uint8),
        bias=_bias(start),
    ), inputs


def _inputs(summary: Summary, center: Floats, scale: Floats) -> FormInputs:
    return FormInputs(
        target=summary.target,
        features=summary.features,
        center=tuple(center.tolist()),
        scale=tuple(np.minimum(scale, WIDEST).tolist()),
        history=summary.memory.history,
        youth=summary.memory.youth,
        age=summary.age,
    )


def _at_levels(fitted: Knots, rows: Floats, knots: Sequence[int]) -> tuple[Floats, Floats]:
    """Rows (fitted knots, terms + 1) as coefficients and constants of a device's outputs.

    Without an anchor the first fitted knot is row 1, and the device's lines begin at row 0: on the line through row 1
    and the device's first knot, or flat where that is row 1.
    """
    if not fitted.anchored:
        first = knots[0]
        begin = rows[0] - (rows[1] - rows[0]) / (first - 1) if first > 1 else rows[0]
        rows = np.concatenate([begin[None], rows[int(first > 1) :]])
    return rows[:, :-1], rows[:, -1]


def _bits(row: Floats) -> int:
    """Bits behind the point, so that the largest of a row just fits an int16."""
    peak = float(np.abs(row).max(initial=0.0))
    bits = SHIFTS[1] - LEAF_BITS if peak == 0 else math.floor(math.log2(fixed.INT16_MAX / peak))
    bits = min(bits, SHIFTS[1] - LEAF_BITS)
    if bits < SHIFTS[0] + fixed.FORECAST_BITS - LEAF_BITS:
        raise ModelError(f"a coefficient or leaf of {peak:g} of health has no integer form; train it with more alpha")
    return bits


def _bias(values: Floats) -> npt.NDArray[np.int32]:
    scaled = np.rint(values * 2.0**fixed.FORECAST_BITS)
    if not (np.abs(scaled) <= LIMIT).all():
        raise ModelError("a constant of a form is beyond ±2 of health; train it again")
    return scaled.astype(np.int32)


def _range_of_thresholds(summary: Summary, forests: tuple[Forest, ...]) -> FormInputs:
    """Inputs whose codes cover the thresholds of all trees; one that no tree reads has any scale."""
    low, high = np.full(summary.width, np.inf), np.full(summary.width, -np.inf)
    for forest in forests:
        inner = forest.left > 0
        np.minimum.at(low, forest.feature[inner], forest.threshold[inner])
        np.maximum.at(high, forest.feature[inner], forest.threshold[inner])
    read = low <= high
    low, high = np.where(read, low, 0.0), np.where(read, high, 0.0)
    center = (low + high) / 2
    half = np.where(high > low, (high - low) / 2, np.maximum(np.abs(center), 1.0) * 2.0**-10)
    return _inputs(summary, center, np.where(read, half, WIDEST) / (WITHIN * FEATURE_CLIP))


def _tree(forest: Forest, tree: int, inputs: FormInputs) -> dict[str, list[int] | list[float]]:
    """One tree: its splits in the order in which they are met, its leaves in theirs."""
    splits: list[int] = []
    leaves: list[int] = []
    todo = [int(forest.first[tree])]
    while todo:
        node = todo.pop()
        if forest.left[node]:
            splits.append(node)
            todo += [int(forest.right[node]), int(forest.left[node])]
        else:
            leaves.append(node)
    if len(leaves) > LEAVES:
        raise ModelError(f"a tree of {len(leaves)} leaves; a device holds at most {LEAVES}")
    code = {node: i for i, node in enumerate(splits)} | {node: LEAF + i for i, node in enumerate(leaves)}
    return {
        "feature": [int(forest.feature[node]) for node in splits],
        "threshold": [_threshold(float(forest.threshold[node]), int(forest.feature[node]), inputs) for node in splits],
        "left": [code[int(forest.left[node])] for node in splits],
        "right": [code[int(forest.right[node])] for node in splits],
        "leaves": [float(forest.value[node]) for node in leaves],
    }


def _threshold(value: float, feature: int, inputs: FormInputs) -> int:
    """The last code whose middle is at most the threshold."""
    scaled = (value - inputs.center[feature]) / inputs.scale[feature] * 2.0**fixed.INPUT_BITS
    return max(-CLIP, min(CLIP - 1, math.floor(scaled)))
