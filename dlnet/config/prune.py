"""Section ``prune``: second stage of distillation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from dlnet.config.base import Count, Fraction, Section, as_list, each_once
from dlnet.config.students import TeacherLossName
from dlnet.config.training import TrainingParams

Method = Literal[
    "magnitude",
    "structured",
    "neurons_taylor",
    "neurons_activation",
    "features_l1",
    "features_taylor",
    "features_activation",
    "steps",
    "knots",
    "lowrank",
    "branches",
    "rare_branches",
    "twin",
    "same",
]  # those of dlnet.compress.methods


class PruneParams(Section):
    """Second stage: prune the elites and distil them again."""

    methods: list[Method]
    rounds: Count
    sparsities: list[Annotated[float, Field(gt=0, lt=1)]]
    teacher_share: Fraction
    alpha: Fraction
    seeds: list[Annotated[int, Field(ge=0)]]
    bits: Annotated[list[Literal[0, 4, 8]], BeforeValidator(as_list), Field(min_length=1)]
    losses: Annotated[list[TeacherLossName], Field(min_length=1)]
    training: TrainingParams

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        each_once(
            {
                "methods": self.methods,
                "sparsities": self.sparsities,
                "seeds": self.seeds,
                "bits": self.bits,
                "losses": self.losses,
            },
        )
        return self
