"""What a teacher hands on: one function a kind of knowledge, each a number per stacked student.

A student minimises ``alpha * labels + (1 - alpha) * taught``. Outputs are changes of SoH in units of the encoder's
``delta_scale``. TeacherLoss of hidden states is added to the teacher's forecast (``l1``), never in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dlnet.losses import features, outputs, relations, soft

__all__ = ["LOSSES", "TeacherLoss", "StudentOutputs", "TeacherTargets", "features", "outputs", "relations", "soft"]


@dataclass(frozen=True)
class StudentOutputs:
    """What M students say of B windows.

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
    """What the teacher says of the same windows; what no student of the batch needs is empty.

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
    temperature: float = soft.TEMPERATURE


@dataclass(frozen=True)
class TeacherLoss:
    """A kind of knowledge.

    Attributes:
        loss: (M,) how far students are from the teacher. needs: fields of ``TeacherTargets`` beside ``teacher``.
        projected: whether it maps the student's state through a learned projection.
    """

    loss: Callable[[StudentOutputs, TeacherTargets], Tensor]
    needs: tuple[str, ...] = ()
    projected: bool = False


def _forecast(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return outputs.l1(said.output, told.teacher)


def _binned(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return soft.binned(said.output, told.teacher, told.spread, told.temperature)


def _hint(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return _forecast(said, told) + features.hint(said.path, said.projection, told.hint)


def _attention(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return _forecast(said, told) + features.attention(said.path, told.attention)


def _distance(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return _forecast(said, told) + relations.distance(said.last, told.hint[:, :, -1])


def _angle(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return _forecast(said, told) + relations.angle(said.last, told.hint[:, :, -1])


def _contrast(said: StudentOutputs, told: TeacherTargets) -> Tensor:
    return _forecast(said, told) + relations.contrast(said.last, said.projection, told.hint[:, :, -1])


LOSSES: dict[str, TeacherLoss] = {
    "l1": TeacherLoss(_forecast),
    "mse": TeacherLoss(lambda said, told: outputs.mse(said.output, told.teacher)),
    "cosine": TeacherLoss(lambda said, told: outputs.cosine(said.output, told.teacher)),
    "gaussian": TeacherLoss(lambda said, told: soft.gaussian(said.output, told.teacher, told.spread), ("spread",)),
    "binned": TeacherLoss(_binned, ("spread",)),
    "hint": TeacherLoss(_hint, ("hint",), projected=True),
    "attention": TeacherLoss(_attention, ("attention",)),
    "distance": TeacherLoss(_distance, ("hint",)),
    "angle": TeacherLoss(_angle, ("hint",)),
    "contrast": TeacherLoss(_contrast, ("hint",), projected=True),
}
