"""Sections ``runner`` and ``limits``: where stages run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from dlnet.config.base import Positive, Section, StageConfig


class LimitParams(Section):
    """Resources that a stage's container may use; None: no limit."""

    cpus: Positive | None
    memory_gb: Positive | None


class RunnerConfig(StageConfig):
    """Where stages run, and the resources of each. Results do not depend on it, so no stage in dvc.yaml lists it."""

    runner: Literal["auto", "docker", "local"]
    limits: dict[str, LimitParams]

    @model_validator(mode="after")
    def _default(self) -> Self:
        if "default" not in self.limits:
            raise ValueError("limits must contain 'default', which applies to stages without an entry")
        return self
