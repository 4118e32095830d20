"""Section ``teacher``: the network that students are distilled from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlnet.config.base import Count, Section
from dlnet.config.training import TrainingParams

CellName = Literal["liquid", "ltc", "ltc2"]


class TeacherParams(Section):
    """A large liquid network, or several averaged, in continuous time."""

    cell: CellName
    solver: Literal["fused", "euler", "rk4"]
    substeps: Count
    hidden: Count
    members: Count
    seed: Annotated[int, Field(ge=0)]
    training: TrainingParams
