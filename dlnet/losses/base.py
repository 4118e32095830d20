"""What a loss compares, and what the table of losses holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

TEMPERATURE = 4.0  # of soft targets, unless params.yaml says otherwise


@dataclass(frozen=True)
class StudentOutputs:
    """What M students compute from B windows.

    Attributes:
        output: (M, B, P) at the P cycles of the loss. path: T hidden states (M, n, B).
        projection: (M, n, k) learned map into the teacher's directions; empty if no job of the stack needs one.
    """

    output: Tensor
    path: list[Tensor]
    projection: Tensor

    @property
    def last(self) -> Tensor:
        """(M, B, n) last hidden states."""
        return self.path[-1].mT


@dataclass(frozen=True)
class TeacherTargets:
    """What the teacher computes from the same windows; what no student of the batch needs is empty.

    Attributes:
        teacher: (M, B, P) its forecast. spread: (M, B, P) standard deviation over its members.
        hint: (M, B, T, k) principal directions of its hidden path, standardised.
        attention: (M, B, T) mean square of its states.
        temperature: that soft targets are softened by, > 0.
    """

    teacher: Tensor
    spread: Tensor
    hint: Tensor
    attention: Tensor
    temperature: float = TEMPERATURE


@dataclass(frozen=True)
class TeacherLoss:
    """A way to learn from a teacher.

    Attributes:
        loss: (M,) how far students are from the teacher. needs: fields of ``TeacherTargets`` beside ``teacher``.
        projected: whether it maps the student's state through a learned projection.
    """

    loss: Callable[[StudentOutputs, TeacherTargets], Tensor]
    needs: tuple[str, ...] = ()
    projected: bool = False
