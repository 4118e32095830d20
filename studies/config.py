"""Sections of params.yaml that only the studies behind docs/results.md and docs/methods.md read."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Fraction, Section, StageConfig
from dlnet.config.baselines import BaselinesParams
from dlnet.config.clean import CleanParams
from dlnet.config.cost import CostParams
from dlnet.config.data import DataParams
from dlnet.config.prune import Method, PruneParams
from dlnet.config.publish import PublishParams
from dlnet.config.quantise import QuantiseParams
from dlnet.config.quantities import Track
from dlnet.config.split import SplitParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams
from dlnet.config.teacher import TeacherParams


class StudyParams(Section):
    """Params of docs/results.md: cell splits x seeds, both tracks, and smaller shares of the training cells."""

    tracks: list[Track]
    splits: list[Annotated[int, Field(ge=0)]]
    seeds: list[Annotated[int, Field(ge=0)]]
    shares: list[Annotated[float, Field(gt=0, lt=1)]]
    share_splits: Annotated[int, Field(ge=0)]
    share_hidden: Count
    most_parameters: dict[Track, Count]


class StudyConfig(StageConfig):
    """Sections that the study reads; its data come from the fetch stage's code, with source ``mit``."""

    data: DataParams
    clean: CleanParams
    split: SplitParams
    task: TaskParams
    baselines: BaselinesParams
    teacher: TeacherParams
    students: StudentParams
    prune: PruneParams
    quantise: QuantiseParams
    publish: PublishParams
    cost: CostParams
    study: StudyParams


class MethodsParams(Section):
    """Params of the study behind docs/methods.md: each method of the toolbox on one cell split of the MIT cells."""

    tracks: list[Track]
    split: Annotated[int, Field(ge=0)]
    seeds: list[Annotated[int, Field(ge=0)]]
    shares: list[Annotated[float, Field(gt=0, le=1)]]
    hidden: Count
    copies: Count
    spread: Annotated[float, Field(ge=0)]
    simulated_stride: Count
    structure: list[Method]
    gradual: list[Method]
    rounds: Count
    sparsities: list[Annotated[float, Field(gt=0, lt=1)]]
    branches: list[Annotated[int, Field(ge=2, le=4)]]
    least_usage: Fraction


class MethodsConfig(StudyConfig):
    """Sections that the study of methods reads."""

    methods: MethodsParams
