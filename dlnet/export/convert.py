"""Converts a trained student to the exporter's input."""

from __future__ import annotations

from typing import cast

import numpy as np
from torch.nn import functional

from dlnet.errors import ModelError
from dlnet.export.weights import Cell, Skip, StudentWeights
from dlnet.models.factors import balanced
from dlnet.models.head import LEVEL_UNIT
from dlnet.models.trained import TrainedModel


def weights_of(student: TrainedModel) -> StudentWeights:
    """Float weights of a single Euler student, ready for ``make_spec``.

    Raises:
        ModelError: the student averages several networks, or is not solved by explicit Euler.
    """
    config, members = student.liquid, len(student.parameters["b"])
    if members != 1 or config.solver != "euler":
        raise ModelError(
            f"{student.name}: {members} networks solved by {config.solver}; only one network under explicit Euler "
            "has an integer form"
        )
    factors = balanced({name: value.double() for name, value in student.parameters.items()})
    parts = {name: value[0].detach().numpy() for name, value in factors.items()}
    leak = functional.softplus(student.parameters["leak"][0]).clamp(max=1).detach().numpy().astype(np.float64)
    return StudentWeights(
        cell=cast(Cell, config.cell),
        substeps=config.substeps,
        steps=config.steps,
        wx=parts["ux" if config.rank else "wx"],
        wh=parts["uh" if config.rank else "wh"],
        b=parts["b"][0],
        rate=leak[0],
        reversal=parts["a"][0].clip(-1, 1) if "a" in parts else None,
        wo=parts["wo"],
        bo=parts["bo"][0],
        skip=cast(Skip, config.skip),
        knots=config.knots,
        horizon=config.horizon,
        delta_scale=student.encoder.delta_scale,
        offset_scale=LEVEL_UNIT * student.encoder.delta_scale,
        offset=config.level,
        v=parts.get("v"),
        wg=parts.get("wg"),
        bg=parts["bg"][0] if "bg" in parts else None,
    )
