"""Section ``few`` of params.yaml, which only the study behind docs/few-cells.md reads."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Section, each_once
from dlnet.config.data import Public
from studies.config import StudyConfig


class FewParams(Section):
    """Own cells of a source and public ones beside them.

    Attributes:
        own: numbers of own training cells. seeds: of the choice of own cells, and of the networks.
        validation: own cells that settings are chosen on. least_test: own cells that must be left for test.
        batch: group of the MIT cells that stands for the own ones; the others are public.
        weights: public source -> weight of one of its windows. hidden: neurons of the student.
    """

    own: list[Count]
    seeds: list[Annotated[int, Field(ge=0)]]
    validation: Count
    least_test: Count
    batch: str
    weights: dict[Public, Annotated[float, Field(gt=0, le=1)]]
    hidden: Count

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        each_once({"own": self.own, "seeds": self.seeds})
        return self


class FewConfig(StudyConfig):
    """Sections that the study of few cells reads."""

    few: FewParams
