"""The integer spec of an edge model as typed arrays; docs/quantisation.md says what each number means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlnet.export import fixed
from dlnet.export.weights import Cell


@dataclass(frozen=True)
class Affine:
    """Rows of int8 weights; row r stands for ``weights[r] * multiplier[r] / 2**shift[r]``."""

    weights: npt.NDArray[np.int8]  # (rows, inputs)
    bias: npt.NDArray[np.int32]  # (rows,)
    multiplier: npt.NDArray[np.int32]  # (rows,)
    shift: npt.NDArray[np.uint8]  # (rows,), 33..62

    @property
    def scale(self) -> fixed.Floats:
        """Value of one unit of each row's weights, (rows,)."""
        return np.ldexp(self.multiplier.astype(np.float64), -self.shift.astype(np.int64))

    def dequantised(self) -> tuple[fixed.Floats, fixed.Floats]:
        """The float weights (rows, inputs) and bias (rows,) that the integers stand for."""
        scale = self.scale
        return self.weights * scale[:, None], self.bias * scale * 2.0**-fixed.INPUT_BITS


@dataclass(frozen=True)
class Spec:
    """An edge model in integers; fields as in docs/quantisation.md."""

    cell: Cell
    steps: int
    substeps: int
    step: Affine  # inputs [x (C), h (n)], rows gate (n) then candidate (n; liquid only)
    head: Affine  # inputs [h (n), s (S)], rows knots (m), then the offset if there is one
    rate: npt.NDArray[np.int16]  # (n,)
    reversal: npt.NDArray[np.int16] | None  # (n,), ltc only
    update: tuple[int, int]  # multiplier, shift of one sub-step
    skip: tuple[tuple[int, int], ...]  # (channel, lag)
    knots: tuple[int, ...]
    place: tuple[int, ...]  # 2^30 / cycles between this knot and the one before, rounded
    delta: tuple[int, int]  # increment -> forecast
    offset: tuple[int, int] | None  # logit -> forecast
    tables: dict[str, fixed.Ints]

    @property
    def hidden(self) -> int:
        """Number of hidden units n."""
        return len(self.rate)

    @property
    def channels(self) -> int:
        """Number of input channels C."""
        return int(self.step.weights.shape[1]) - self.hidden

    @property
    def horizon(self) -> int:
        """Cycles ahead."""
        return self.knots[-1]

    @property
    def parameters(self) -> int:
        """Numbers that training set: weights, biases, rates and reversal potentials."""
        parts = (self.step.weights, self.step.bias, self.head.weights, self.head.bias)
        return sum(int(part.size) for part in parts) + self.hidden * (1 if self.reversal is None else 2)
