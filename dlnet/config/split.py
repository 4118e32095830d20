"""Section ``split``: which cells are for training, validation and test."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dlnet.config.base import Positive, Section


class SplitParams(Section):
    """Fractions of the cells assigned to training, validation and test."""

    seed: Annotated[int, Field(ge=0)]
    train: Positive
    validation: Positive
    test: Positive
    train_share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test must be 1, not {total:g}")
        return self
