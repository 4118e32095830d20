"""Section ``clean``: outlier filters."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Positive, Section

MOST_ROWS = 1001  # a filter sorts all rows of its window for each row


class CleanParams(Section):
    """Level of the target, and Hampel filters of features; their floors are those of the task."""

    window: Annotated[int, Field(ge=3, le=MOST_ROWS)]
    sigmas: Positive
    feature_sigmas: Positive
    min_rows: Count

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd (it is centred on a row), not {self.window}")
        return self
