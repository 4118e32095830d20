"""What a teacher hands on: one function a kind of knowledge, each a number per stacked student.

A student minimises ``alpha * labels + (1 - alpha) * taught``. Outputs are changes of SoH in units of the encoder's
``delta_scale``. Knowledge of hidden states is added to the teacher's forecast (``l1``), never in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dlnet.losses import features, outputs, relations, soft

__all__ = ["KNOWLEDGE", "Knowledge", "Said", "Told", "features", "outputs", "relations", "soft"]


@dataclass(frozen=True)
class Said:
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
class Told:
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
class Knowledge:
    """A kind of knowledge.

    Attributes:
        loss: (M,) how far students are from the teacher. needs: fields of ``Told`` beside ``teacher``.
        projected: whether it maps the student's state through a learned projection.
    """

    loss: Callable[[Said, Told], Tensor]
    needs: tuple[str, ...] = ()
    projected: bool = False


def _forecast(said: Said, told: Told) -> Tensor:
    return outputs.l1(said.output, told.teacher)


def _binned(said: Said, told: Told) -> Tensor:
    return soft.binned(said.output, told.teacher, told.spread, told.temperature)


def _hint(said: Said, told: Told) -> Tensor:
    return _forecast(said, told) + features.hint(said.path, said.projection, told.hint)


def _attention(said: Said, told: Told) -> Tensor:
    return _forecast(said, told) + features.attention(said.path, told.attention)


def _distance(said: Said, told: Told) -> Tensor:
    return _forecast(said, told) + relations.distance(said.last, told.hint[:, :, -1])


def _angle(said: Said, told: Told) -> Tensor:
    return _forecast(said, told) + relations.angle(said.last, told.hint[:, :, -1])


def _contrast(said: Said, told: Told) -> Tensor:
    return _forecast(said, told) + relations.contrast(said.last, said.projection, told.hint[:, :, -1])


KNOWLEDGE: dict[str, Knowledge] = {
    "l1": Knowledge(_forecast),
    "mse": Knowledge(lambda said, told: outputs.mse(said.output, told.teacher)),
    "cosine": Knowledge(lambda said, told: outputs.cosine(said.output, told.teacher)),
    "gaussian": Knowledge(lambda said, told: soft.gaussian(said.output, told.teacher, told.spread), ("spread",)),
    "binned": Knowledge(_binned, ("spread",)),
    "hint": Knowledge(_hint, ("hint",), projected=True),
    "attention": Knowledge(_attention, ("attention",)),
    "distance": Knowledge(_distance, ("hint",)),
    "angle": Knowledge(_angle, ("hint",)),
    "contrast": Knowledge(_contrast, ("hint",), projected=True),
}
