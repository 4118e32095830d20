"""Losses between a student and its teacher: one module for each kind; each loss gives one number per stacked student.

A student minimises ``alpha * labels + (1 - alpha) * loss``. Outputs are changes of health in units of the encoder's
``delta_scale``. Losses of hidden states are added to the ``l1`` of the teacher's forecast; they do not replace it.
"""

from dlnet.losses import features, outputs, relations, soft
from dlnet.losses.base import TEMPERATURE, StudentOutputs, TeacherLoss, TeacherTargets

__all__ = ["LOSSES", "TEMPERATURE", "StudentOutputs", "TeacherLoss", "TeacherTargets"]

LOSSES: dict[str, TeacherLoss] = {
    "l1": outputs.L1,
    "mse": outputs.MSE,
    "cosine": outputs.COSINE,
    "gaussian": soft.GAUSSIAN,
    "binned": soft.BINNED,
    "hint": features.HINT,
    "attention": features.ATTENTION,
    "distance": relations.DISTANCE,
    "angle": relations.ANGLE,
    "contrast": relations.CONTRAST,
}
