"""Gradient steps, the same keys in every section that trains."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Positive, Section


class TrainingParams(Section):
    """Gradient steps, shared by teacher and students unless they say otherwise."""

    steps: Count
    batch: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    check: Count
    patience: Count
