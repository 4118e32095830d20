"""Section ``task``: windows in, forecast out."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Section

Track = Literal["capacity", "charge"]


class ChannelParams(Section):
    """Inputs of a network for each cycle, on one track."""

    features: list[str]
    relative: list[str]
    quantiles: Annotated[int, Field(ge=0, le=65)]
    noise: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(set(self.relative) - set(self.features))
        if unknown:
            raise ValueError(f"relative names {unknown}, which is not in features")
        return self


class TaskParams(Section):
    """Windows in, forecast out."""

    inputs: Track
    window: Count
    block: Count
    horizon: Count
    knots: list[Count]
    stride_train: Count
    stride_eval: Count
    capacity: ChannelParams
    charge: ChannelParams

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window % self.block:
            raise ValueError(f"window ({self.window}) must be a multiple of block ({self.block})")
        if self.knots != sorted(set(self.knots)) or not self.knots or self.knots[-1] != self.horizon:
            raise ValueError(f"knots must rise and end at horizon ({self.horizon}), not {self.knots}")
        return self

    @property
    def channels(self) -> ChannelParams:
        """The channels of the chosen track."""
        return self.capacity if self.inputs == "capacity" else self.charge

    @property
    def steps(self) -> int:
        """Steps of a network over a window."""
        return self.window // self.block
