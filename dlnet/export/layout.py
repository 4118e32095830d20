"""The integer spec of an edge model as typed arrays; docs/quantisation.md defines each number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlnet.export import fixed
from dlnet.export.documents import Kind
from dlnet.export.form import ONE, Form, Trees
from dlnet.export.weights import Cell
from dlnet.models.precision import Bits, Part, Precision

UNIT: dict[Bits, int] = {8: 1, 4: 16}
LIMIT: dict[Bits, int] = {8: 127, 4: 7 * 16}


@dataclass(frozen=True)
class Affine:
    """Rows of int8 weights; row r has the values ``weights[r] * multiplier[r] / 2**shift[r]``.

    Of 4 bits, weights and bias are multiples of 16: all arithmetic stays that of 8 bits, only storage is smaller.
    """

    weights: npt.NDArray[np.int8]  # (rows, inputs)
    bias: npt.NDArray[np.int32]  # (rows,)
    multiplier: npt.NDArray[np.int32]  # (rows,)
    shift: npt.NDArray[np.uint8]  # (rows,), 33..62
    bits: Bits = 8

    @property
    def unit(self) -> int:
        """Weights and bias are multiples of it."""
        return UNIT[self.bits]

    @property
    def limit(self) -> int:
        """Largest weight that quantising gives."""
        return LIMIT[self.bits]

    @property
    def scale(self) -> fixed.Floats:
        """Value of one unit of each row's weights, (rows,)."""
        return np.ldexp(self.multiplier.astype(np.float64), -self.shift.astype(np.int64))

    def dequantised(self) -> tuple[fixed.Floats, fixed.Floats]:
        """The float weights (rows, inputs) and bias (rows,) of the integers."""
        scale = self.scale
        return self.weights * scale[:, None], self.bias * scale * 2.0**-fixed.INPUT_BITS


@dataclass(frozen=True)
class Spec:
    """An edge model in integers; fields as in docs/quantisation.md."""

    cell: Cell
    steps: int
    substeps: int
    inner: Affine | None  # low rank: inputs [x (C), h (n)], r rows; the step's inputs then
    step: Affine  # inputs [x (C), h (n)], rows gate (n) then candidate (n; liquid only)
    gate: Affine | None  # branches: inputs [x (C), h (n)] of the last step, B rows
    head: Affine  # inputs [h (n), s (S)], rows of a branch: knots (m), then the offset if there is one; B times
    rate: npt.NDArray[np.int16]  # (n,)
    reversal: npt.NDArray[np.int16] | None  # (n,), ltc only
    update: tuple[int, int]  # multiplier, shift of one sub-step
    skip: tuple[tuple[int, int], ...]  # (channel, lag)
    knots: tuple[int, ...]
    inv_gap_q30: tuple[int, ...]  # 2^30 / rows between this knot and the one before, rounded
    delta: tuple[int, int]  # increment -> forecast
    offset: tuple[int, int] | None  # logit -> forecast
    tables: dict[str, fixed.Ints]
    form: Form | None = None  # beside the network, or alone
    weight: int = ONE  # share of the network in a blend, 2^-15; 0: the form alone, see ``absent.py``

    @property
    def has_network(self) -> bool:
        """Whether the network is a part of the model."""
        return self.weight > 0

    @property
    def kind(self) -> Kind:
        """What the forecast is made by."""
        if self.form is None:
            return "network"
        if self.has_network:
            return "blend"
        return "forest" if isinstance(self.form, Trees) else "linear"

    @property
    def hidden(self) -> int:
        """Number of hidden units n."""
        return len(self.rate)

    @property
    def channels(self) -> int:
        """Number of input channels C."""
        return int((self.inner or self.step).weights.shape[1]) - self.hidden

    @property
    def rank(self) -> int:
        """Rows of ``inner``; 0: full rank."""
        return 0 if self.inner is None else len(self.inner.bias)

    @property
    def branches(self) -> int:
        """Number of heads B."""
        return 1 if self.gate is None else len(self.gate.bias)

    @property
    def outputs(self) -> int:
        """Rows of one branch M."""
        return len(self.knots) + int(self.offset is not None)

    @property
    def parts(self) -> dict[Part, Affine]:
        """The matrices that the model has, by name."""
        named: dict[Part, Affine | None] = {
            "inner": self.inner,
            "step": self.step,
            "gate": self.gate,
            "head": self.head,
        }
        return {name: part for name, part in named.items() if part is not None}

    @property
    def precision(self) -> Precision:
        """Bits of each matrix; 8 for those that the model lacks."""
        return Precision(**{name: part.bits for name, part in self.parts.items()})

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.knots[-1]

    @property
    def parameters(self) -> int:
        """Numbers that training set: weights, biases, rates and reversal potentials, and those of a form."""
        biased = (part.weights.size + part.bias.size for name, part in self.parts.items() if name != "inner")
        inner = 0 if self.inner is None else self.inner.weights.size  # its biases come from rounding alone
        network = int(sum(biased) + inner) + self.hidden * (1 if self.reversal is None else 2)
        form = 0 if self.form is None else self.form.parameters
        return network * self.has_network + form
