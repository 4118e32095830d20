"""Losses of outputs: match the values or the shape of the teacher's forecast."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dlnet.losses.base import TeacherLoss

MSE_UNIT = 5.0  # errors are far below one unit; this brings the squared error's gradient to that of L1


def l1(output: Tensor, target: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) mean absolute error, where ``target`` is not NaN."""
    known = ~torch.isnan(target)
    gap = torch.where(known, output - torch.nan_to_num(target), 0.0).abs()
    return gap.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


def mse(output: Tensor, target: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) mean squared error, scaled."""
    return MSE_UNIT * ((output - target) ** 2).mean((1, 2))


def cosine(output: Tensor, target: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) one minus the cosine between the trajectories; the shape alone counts."""
    return (1 - functional.cosine_similarity(output, target, dim=2, eps=1e-3)).mean(1)


L1 = TeacherLoss(lambda student, targets: l1(student.output, targets.teacher))
MSE = TeacherLoss(lambda student, targets: mse(student.output, targets.teacher))
COSINE = TeacherLoss(lambda student, targets: cosine(student.output, targets.teacher))
