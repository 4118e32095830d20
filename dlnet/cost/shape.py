"""The shape of a trained student, as input of the cost model."""

from __future__ import annotations

from dlnet.cost.device import ModelShape
from dlnet.models.precision import Precision
from dlnet.models.trained import TrainedModel


def model_shape(student: TrainedModel, precision: Precision | None = None) -> ModelShape:
    """Shape of a student; weights have the bits that it was trained with, or 8, unless ``precision`` is given.

    Raises:
        ModelError: its cell has no integer form.
    """
    config = student.liquid
    return ModelShape(
        inputs=config.channels,
        hidden=config.hidden,
        cell=config.cell,
        substeps=config.substeps,
        steps=config.steps,
        skip=config.skip_width,
        outputs=config.outputs,
        horizon=config.horizon,
        cycle_inputs=len(student.encoder.features) + (student.encoder.track == "with_target"),
        window=student.encoder.window,
        branches=config.branches,
        rank=config.rank,
        precision=precision or Precision.of(config.bits or 8),
        nonzeros=sum(int((value[0] != 0).sum()) for value in student.parameters.values()),
    )
