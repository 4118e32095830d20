"""Soft targets: the teacher's predictive distribution, a normal one by the spread of its members.

A student predicts a point; it is taken as a normal distribution of the teacher's width s around that point:
``gaussian`` is ``KL(N(m, s) || N(y, s)) = (m - y)² / 2s²``. Hinton et al. (2015) divide scores by a temperature T and
scale the loss by T². Scores of a normal distribution divided by T are those of one √T wider, which makes the loss
``T (m - y)² / 2s²``: while a student is near, T is a weight. ``binned`` does this over a finite range, so that T also
sets how far from the teacher a student still has a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dlnet.losses.base import TEMPERATURE, StudentOutputs, TeacherLoss, TeacherTargets

FLOOR = 0.05  # least standard deviation, units of ``delta_scale``: about the error of a good student
UNIT = 0.02  # brings the gradient to the size of that of L1
BINS = 15
REACH = 6.0  # half the range of the bins in floors


def width_of(spread: Tensor) -> Tensor:
    """Standard deviation of a teacher whose members spread by ``spread``, never below ``FLOOR``."""
    return (spread**2 + FLOOR**2).sqrt()


def gaussian(output: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """Kullback-Leibler divergence of normal distributions of the teacher's width; a small spread has a large weight.

    Args:
        output, mean, spread: (M, B, P), units of ``delta_scale``.

    Returns:
        (M,) the mean of ``(mean - output)² / (2 width²)``, scaled.
    """
    return UNIT * (((mean - output) / width_of(spread)) ** 2 / 2).mean((1, 2))


def binned(output: Tensor, mean: Tensor, spread: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """T² KL(softmax(teacher / T) || softmax(student / T)) over bins around the teacher's mean (Hinton et al. 2015).

    Scores are log densities at the centres of ``BINS`` bins, ``±REACH`` floors around the teacher's mean.

    Args:
        output, mean, spread: (M, B, P), units of ``delta_scale``. temperature: > 0.

    Returns:
        (M,) divergences, scaled.
    """
    centres = torch.linspace(-REACH, REACH, BINS) * FLOOR
    width = width_of(spread)[..., None]
    teacher = torch.log_softmax(-((centres / width) ** 2) / (2 * temperature), dim=-1)
    shifted = centres - (output - mean)[..., None]
    student = torch.log_softmax(-((shifted / width) ** 2) / (2 * temperature), dim=-1)
    return UNIT * temperature**2 * (teacher.exp() * (teacher - student)).sum(-1).mean((1, 2))


def _gaussian(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return gaussian(student.output, targets.teacher, targets.spread)


def _binned(student: StudentOutputs, targets: TeacherTargets) -> Tensor:
    return binned(student.output, targets.teacher, targets.spread, targets.temperature)


GAUSSIAN = TeacherLoss(_gaussian, ("spread",))
BINNED = TeacherLoss(_binned, ("spread",))
