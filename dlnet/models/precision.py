"""Bits of the weights of an edge model, matrix by matrix."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal

Bits = Literal[4, 8]
Part = Literal["inner", "step", "gate", "head"]

PARTS: tuple[Part, ...] = ("inner", "step", "gate", "head")


@dataclass(frozen=True)
class Precision:
    """Bits of each matrix.

    Attributes:
        step: the cell's; of a network of low rank its second factor. inner: the first factor.
        gate: that of the scores of branches. head: that of all branches.
    """

    inner: Bits = 8
    step: Bits = 8
    gate: Bits = 8
    head: Bits = 8

    @classmethod
    def of(cls, bits: Bits) -> Precision:
        """The same bits for every matrix."""
        return cls(bits, bits, bits, bits)

    def lowered(self, part: Part) -> Precision:
        """The same with one matrix in 4 bits."""
        four: Bits = 4
        return replace(self, **{part: four})

    def to_json(self) -> dict[str, Bits]:
        """Bits by matrix."""
        return asdict(self)
