"""Forms in integers: a polynomial of few inputs, or small trees; alone, or blended with a network.

docs/quantisation.md, "Forms", defines each number. Windows are the first axis throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.errors import DataError
from dlnet.export import fixed
from dlnet.export.fixed import Ints

Int16s = npt.NDArray[np.int16]
ONE = 1 << 15  # a weight of 1, in 2^-15
LIMIT = 1 << 25  # of what a form adds to the level it starts from: health 2
LEAF_BITS = 16  # a sum of leaves is shifted left by so many bits before it is scaled
MOST_INPUTS = 64
SPLITS, LEAVES = 7, 8  # stored for each tree
LEAF = 8  # a child's code is a split below it, else a leaf


@dataclass(frozen=True)
class Polynomial:
    """Sums of inputs and, if ``quadratic``, of all their products; O outputs of P inputs and Q terms.

    Attributes:
        coefficients: (O, Q) int16: the inputs, then the products of inputs i and j for i = 0, 1, ... and j = i, ...
        shift: (O,) an output is its sum / 2^shift. bias: (O,) int32 of 2^-24 health.
    """

    inputs: int
    quadratic: bool
    coefficients: Int16s
    shift: npt.NDArray[np.uint8]
    bias: npt.NDArray[np.int32]

    @property
    def terms(self) -> int:
        """Q."""
        return terms_of(self.inputs, self.quadratic)

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return int(self.coefficients.size + self.bias.size)

    def changes(self, x: Int16s) -> Ints:
        """Inputs (N, P) -> (N, O) in 2^-24 of health."""
        wide = np.asarray(x, np.int64)
        parts = [wide << fixed.INPUT_BITS]
        if self.quadratic:
            left, right = np.triu_indices(self.inputs)
            parts.append(wide[:, left] * wide[:, right])
        sums = np.concatenate(parts, axis=1) @ self.coefficients.astype(np.int64).T
        return _scaled(sums, self.shift) + self.bias


@dataclass(frozen=True)
class Trees:
    """``count`` trees of at most 8 leaves for each of O outputs.

    Attributes:
        feature, threshold: (O, trees, 7): a row goes left where its input is at most the threshold.
        left, right: (O, trees, 7) codes of children: below 8 a split of the tree, from 8 on leaf ``code - 8``.
        leaves: (O, trees, 8) int16. shift: (O,) an output is the sum of leaves, times 2^16, / 2^shift.
        bias: (O,) int32 of 2^-24 health.
    """

    inputs: int
    feature: npt.NDArray[np.uint8]
    threshold: Int16s
    left: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    leaves: Int16s
    shift: npt.NDArray[np.uint8]
    bias: npt.NDArray[np.int32]

    @property
    def count(self) -> int:
        """Trees of an output."""
        return int(self.threshold.shape[1])

    @property
    def parameters(self) -> int:
        """Thresholds and leaves."""
        return int(self.threshold.size + self.leaves.size + self.bias.size)

    def changes(self, x: Int16s) -> Ints:
        """Inputs (N, P) -> (N, O) in 2^-24 of health."""
        rows, wide = np.arange(len(x)), np.asarray(x, np.int64)
        sums = np.zeros((len(x), len(self.bias)), np.int64)
        for o, t in np.ndindex(len(self.bias), self.count):
            code = np.zeros(len(x), np.int64)
            while (inner := code < LEAF).any():
                node = np.where(inner, code, 0)
                goes_left = wide[rows, self.feature[o, t, node]] <= self.threshold[o, t, node]
                code = np.where(inner, np.where(goes_left, self.left[o, t, node], self.right[o, t, node]), code)
            sums[:, o] += self.leaves[o, t, code - LEAF]
        return _scaled(sums << LEAF_BITS, self.shift) + self.bias


Form = Polynomial | Trees


def terms_of(inputs: int, quadratic: bool) -> int:
    """Terms of a polynomial of so many inputs."""
    return inputs + quadratic * (inputs * (inputs + 1) // 2)


def _scaled(sums: Ints, shift: npt.NDArray[np.uint8]) -> Ints:
    bits = shift.astype(np.int64)
    return np.clip((sums + np.left_shift(np.int64(1), bits - 1)) >> bits, -LIMIT, LIMIT)


def form_levels(form: Form, knots: int, x: Int16s, anchor: npt.NDArray[np.integer[Any]]) -> Ints:
    """Health at row 0 and at each knot, (N, knots + 1) in 2^-24, of inputs (N, P) and anchors (N,).

    A form of as many outputs as knots adds them to the anchor; one of one more gives the levels themselves.

    Raises:
        DataError: the inputs are not int16 (N, P) of the form.
    """
    if x.dtype != np.int16 or x.shape != (len(anchor), form.inputs):
        raise DataError(f"inputs of a form must be int16 ({len(anchor)}, {form.inputs}), not {x.dtype} {x.shape}")
    changes, start = form.changes(x), np.asarray(anchor, np.int64)[:, None]
    if changes.shape[1] > knots:
        return changes
    return np.concatenate([start, start + changes], axis=1)


def blend(network: Ints, form: Ints, weight: int) -> Ints:
    """Levels of a network and of a form, blended: ``weight`` in 2^-15 is the network's share."""
    return np.asarray((weight * network + (ONE - weight) * form + (ONE >> 1)) >> 15, np.int64)
