"""Sections ``runner`` and ``limits``: where stages run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from dlnet.config.base import Positive, Section, StageConfig


class LimitParams(Section):
    """What a stage's container may use; None: all of the machine."""

    cpus: Positive | None
    memory_gb: Positive | None


class RunnerConfig(StageConfig):
    """Where stages run, and what each may use there. No result depends on it, so no stage lists it."""

    runner: Literal["auto", "docker", "local"]
    limits: dict[str, LimitParams]

    @model_validator(mode="after")
    def _default(self) -> Self:
        if "default" not in self.limits:
            raise ValueError("limits must hold 'default', for the stages it does not name")
        return self
