"""Section ``students``: the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from dlnet.config.base import Count, Fraction, Positive, Section, as_list, each_once
from dlnet.config.training import TrainingParams

StudentCell = Literal["liquid", "ltc"]  # those with an integer form


TeacherLossName = Literal[
    "l1", "mse", "cosine", "gaussian", "binned", "hint", "attention", "distance", "angle", "contrast"
]  # those of dlnet.losses.LOSSES
Loss = Literal["labels"] | TeacherLossName


class ShiftedParams(Section):
    """Training windows with shifted features, labelled only by the teacher."""

    copies: Annotated[int, Field(ge=0)]
    spread: Annotated[float, Field(ge=0)]


class MixedParams(Section):
    """Mixtures of two training windows each, with shifted features, labelled only by the teacher."""

    copies: Annotated[int, Field(ge=0)]
    reach: Annotated[float, Field(ge=0)]
    spread: Annotated[float, Field(ge=0)]


class FineTuneParams(Section):
    """Steps on own windows alone, after training on those of public sources too; 0: none."""

    steps: Annotated[int, Field(ge=0)] = 300
    learning_rate: Positive = 3e-4


Branches = Annotated[int, Field(ge=1, le=4)]


class StudentParams(Section):
    """The sweep of students with an Euler solver: every cell and hidden size x number of branches x loss x seed."""

    hidden: dict[StudentCell, list[Count]]
    losses: list[Loss]
    seeds: list[Annotated[int, Field(ge=0)]]
    substeps: Count
    alpha: Fraction
    hint_width: Count
    branches: Annotated[list[Branches], BeforeValidator(as_list), Field(min_length=1)]
    temperature: Annotated[float, Field(gt=0)]
    mixed: MixedParams
    shifted: ShiftedParams
    simulated_stride: Annotated[int, Field(ge=0)]
    training: TrainingParams
    fine_tune: FineTuneParams = FineTuneParams()

    @property
    def uses_synthetic_windows(self) -> bool:
        """Whether students are also trained on synthetic windows, labelled by the teacher."""
        return bool(self.mixed.copies or self.shifted.copies or self.simulated_stride)

    @model_validator(mode="after")
    def _baseline(self) -> Self:
        lists: dict[str, Sequence[object]] = {
            "losses": self.losses,
            "seeds": self.seeds,
            "branches": self.branches,
            **{f"hidden.{cell}": n for cell, n in self.hidden.items()},
        }
        each_once(lists)
        if not self.hidden:
            raise ValueError("hidden must name at least one cell with its sizes")
        if "labels" not in self.losses:
            raise ValueError(
                "losses must contain 'labels': the other students are compared with those trained without a teacher"
            )
        return self
