"""Settings of training, with the same keys in every section that trains a network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Positive, Section


class TrainingParams(Section):
    """Number and size of gradient steps, learning rate, and early stopping."""

    steps: Count
    batch: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    check: Count
    patience: Count
