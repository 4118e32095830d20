"""Inputs of the losses, and the entries of the table of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

TEMPERATURE = 4.0  # of soft targets, unless params.yaml sets another


@dataclass(frozen=True)
class StudentOutputs:
    """Outputs of M students for B windows.

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
    """Outputs of the teacher for the same windows; those that no student of the batch needs are empty.

    Attributes:
        teacher: (M, B, P) its forecast. spread: (M, B, P) standard deviation over its members.
        hint: (M, B, T, k) principal directions of its hidden path, standardised.
        attention: (M, B, T) mean square of its states.
        temperature: of soft targets, > 0.
    """

    teacher: Tensor
    spread: Tensor
    hint: Tensor
    attention: Tensor
    temperature: float = TEMPERATURE


@dataclass(frozen=True)
class TeacherLoss:
    """A distillation loss.

    Attributes:
        loss: (M,) distance of the students from the teacher. needs: fields of ``TeacherTargets`` beside ``teacher``.
        projected: whether it maps the student's state through a learned projection.
    """

    loss: Callable[[StudentOutputs, TeacherTargets], Tensor]
    needs: tuple[str, ...] = ()
    projected: bool = False
