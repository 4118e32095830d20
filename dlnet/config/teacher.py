"""Section ``teacher``: the networks that students are distilled from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlnet.config.base import Count, Fraction, Section
from dlnet.config.training import TrainingParams

CellName = Literal["liquid", "ltc", "ltc2"]


class EnsembleParams(Section):
    """Many networks of student size (Euler, one step a block), averaged.

    ``noise``: of the features in training, in times of the track's own; the members take the values in turn.
    """

    cell: Literal["liquid", "ltc"]
    hidden: Count
    members: Count
    noise: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)]
    training: TrainingParams


class ContinuousParams(Section):
    """A large liquid network, or several averaged, in continuous time."""

    cell: CellName
    solver: Literal["fused", "euler", "rk4"]
    substeps: Count
    hidden: Count
    members: Count
    training: TrainingParams


class TeacherParams(Section):
    """The kind of teacher, and the settings of each kind; ``boosting``: the share of boosting in its forecast."""

    kind: Literal["ensemble", "continuous"]
    seed: Annotated[int, Field(ge=0)]
    boosting: Fraction
    ensemble: EnsembleParams
    continuous: ContinuousParams
