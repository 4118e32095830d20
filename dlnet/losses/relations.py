"""Losses of relations: distances and angles between the windows of a batch in the teacher's last hidden state.

That state is given by its leading principal components, each scaled to unit variance, as for hints.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dlnet.losses.base import StudentOutputs, TeacherLoss, TeacherTargets
from dlnet.losses.outputs import l1

DISTANCE_UNIT = 1.0
ANGLE_UNIT = 2.0  # the weights of Park et al. (2019): angles count twice
CONTRAST_UNIT = 0.05
CONTRAST_TEMPERATURE = 0.1
PAIRS = 64  # windows of a batch whose distances are compared
TRIPLETS = 24  # windows of a batch whose angles are compared: their number grows with the cube


def distance(state: Tensor, target: Tensor) -> Tensor:
    """Relational distillation of distances (RKD-D, Park et al. 2019, eqs. 4 to 6), of the first windows of a batch.

    Args:
        state: (M, B, n) last hidden states. target: (M, B, k) those of the teacher.

    Returns:
        (M,) Huber loss between pairwise distances, each network's divided by their mean.
    """
    student, teacher = _distances(state[:, :PAIRS]), _distances(target[:, :PAIRS])
    return DISTANCE_UNIT * _mean(functional.huber_loss(student, teacher, reduction="none"))


def angle(state: Tensor, target: Tensor) -> Tensor:
    """Relational distillation of angles (RKD-A, Park et al. 2019, eqs. 7 and 8), of the first windows of a batch.

    Args:
        state: (M, B, n) last hidden states. target: (M, B, k) those of the teacher.

    Returns:
        (M,) Huber loss between the cosines of all angles i-j-k.
    """
    student, teacher = _cosines(state[:, :TRIPLETS]), _cosines(target[:, :TRIPLETS])
    return ANGLE_UNIT * _mean(functional.huber_loss(student, teacher, reduction="none"))


def contrast(state: Tensor, projection: Tensor, target: Tensor) -> Tensor:
    """Pick each window's teacher state out of those of the batch (CRD, Tian et al. 2020, as InfoNCE).

    In place of a memory of negatives, the other windows of the batch are the negatives.

    Args:
        state: (M, B, n) last hidden states. projection: (M, n, k). target: (M, B, k) those of the teacher.

    Returns:
        (M,) cross-entropy of identifying each window's own teacher state.
    """
    student = functional.normalize(torch.bmm(state, projection), dim=2, eps=1e-6)
    teacher = functional.normalize(target, dim=2, eps=1e-6)
    scores = torch.log_softmax(torch.bmm(student, teacher.mT) / CONTRAST_TEMPERATURE, dim=2)
    return -CONTRAST_UNIT * scores.diagonal(dim1=1, dim2=2).mean(1)


def _distances(points: Tensor) -> Tensor:
    """(M, B, k) -> (M, B, B) over the mean of those between different windows."""
    squares = ((points[:, :, None] - points[:, None]) ** 2).sum(3)
    # The root has no gradient at 0, the distance of a window from itself.
    distances = squares.clamp(min=1e-12).sqrt() * (1 - torch.eye(points.shape[1]))
    count = points.shape[1] * (points.shape[1] - 1)
    return distances / (distances.sum((1, 2), keepdim=True) / count).clamp(min=1e-6)


def _cosines(points: Tensor) -> Tensor:
    """(M, B, k) -> (M, B, B, B): cosine of the angle at j between i and k, 0 where two of them are the same window."""
    toward = functional.normalize(points[:, None] - points[:, :, None], dim=3, eps=1e-6)
    return torch.einsum("mjid,mjkd->mjik", toward, toward)


def _mean(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


def _distance(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return l1(student.output, targets.teacher) + distance(student.last, targets.hint[:, :, -1])


def _angle(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return l1(student.output, targets.teacher) + angle(student.last, targets.hint[:, :, -1])


def _contrast(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return l1(student.output, targets.teacher) + contrast(student.last, student.projection, targets.hint[:, :, -1])


DISTANCE = TeacherLoss(_distance, ("hint",))
ANGLE = TeacherLoss(_angle, ("hint",))
CONTRAST = TeacherLoss(_contrast, ("hint",), projected=True)
