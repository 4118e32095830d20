"""Losses of features: the teacher's hidden path, and where along the window it is active."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dlnet.losses.base import StudentOutputs, TeacherLoss, TeacherTargets
from dlnet.losses.outputs import l1

HINT_UNIT = 2.0  # brings its gradient to the size of that of the output's loss
ATTENTION_UNIT = 2.0


def hint(path: list[Tensor], projection: Tensor, target: Tensor) -> Tensor:
    """Match the teacher's hidden path through a learned projection (FitNets, Romero et al. 2015, eq. 3).

    Args:
        path: T tensors (M, n, B). projection: (M, n, k). target: (M, B, T, k), standardised.

    Returns:
        (M,) mean squared error over the path.
    """
    seen = torch.stack([torch.bmm(projection.mT, h).mT for h in path], dim=2)
    return HINT_UNIT * ((seen - target) ** 2).mean((1, 2, 3))


def attention(path: list[Tensor], target: Tensor) -> Tensor:
    """Match where along the window the state is large (Zagoruyko and Komodakis 2017, eq. 2, time in place of space).

    Args:
        path: T tensors (M, n, B). target: (M, B, T) the teacher's map: mean square of its states at each step.

    Returns:
        (M,) squared distance between the maps, each of length 1.
    """
    own = torch.stack([(h**2).mean(1) for h in path], dim=2)
    gap = functional.normalize(own, dim=2, eps=1e-6) - functional.normalize(target, dim=2, eps=1e-6)
    return ATTENTION_UNIT * (gap**2).sum(2).mean(1)


def _hint(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return l1(student.output, targets.teacher) + hint(student.path, student.projection, targets.hint)


def _attention(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return l1(student.output, targets.teacher) + attention(student.path, targets.attention)


HINT = TeacherLoss(_hint, ("hint",), projected=True)
ATTENTION = TeacherLoss(_attention, ("attention",))
