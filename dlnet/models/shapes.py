"""Configurations of networks for an encoder: its channels, steps and knots, and the head of its track."""

from __future__ import annotations

from typing import Any

from dlnet.config.teacher import CellName
from dlnet.data.encode import Encoder
from dlnet.models.gru import GruConfig
from dlnet.models.network import NetConfig


def net_config(
    encoder: Encoder, cell: CellName, hidden: int, solver: str, substeps: int, branches: int = 1
) -> NetConfig:
    """Configuration of a liquid network."""
    fields = _fitting(encoder, hidden)
    return NetConfig(cell=cell, solver=solver, substeps=substeps, branches=branches, **fields)


def gru_config(encoder: Encoder, hidden: int) -> GruConfig:
    """Configuration of a GRU with the same inputs and head."""
    return GruConfig(**_fitting(encoder, hidden))


def _fitting(encoder: Encoder, hidden: int) -> dict[str, Any]:
    with_target = encoder.track == "with_target"
    return {
        "hidden": hidden,
        "channels": len(encoder.channels),
        "steps": encoder.steps,
        "skip": "slopes" if with_target else "last",
        "knots": encoder.knots,
        "horizon": encoder.horizon,
        "level": not with_target,
    }
