"""Bits of the weights of an edge model, matrix by matrix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Bits = Literal[4, 8]
Part = Literal["inner", "step", "gate", "head"]

PARTS: tuple[Part, ...] = ("inner", "step", "gate", "head")


@dataclass(frozen=True)
class Precision:
    """Bits of each matrix.

    Attributes:
        step: the cell's; of a network of low rank its second factor. inner: the first factor.
        gate: what picks a branch. head: all branches.
    """

    inner: Bits = 8
    step: Bits = 8
    gate: Bits = 8
    head: Bits = 8

    @classmethod
    def of(cls, bits: Bits) -> Precision:
        """The same everywhere."""
        return cls(bits, bits, bits, bits)

    def to_json(self) -> dict[str, Bits]:
        """Bits by matrix."""
        return asdict(self)
