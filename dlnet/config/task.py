"""Section ``task``: which task, windows in, forecast out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Section
from dlnet.config.quantities import Features, Quantities, Track, check_inputs

OF_TASK: Literal["task"] = "task"
Share = Annotated[float, Field(ge=0, lt=1)]


class ChannelParams(Section):
    """Inputs of a network on one track; ``task``: those that the task's file lists for it.

    ``drop``: share of the rows of training windows whose features are hidden, as if they had not been measured;
    ``auto``: as many as lack one in training.
    """

    features: list[str] | Literal["task"]
    relative: list[str] | Literal["task"]
    quantiles: Annotated[int, Field(ge=0, le=65)]
    noise: Annotated[float, Field(ge=0)]
    drop: Share | Literal["auto"] = "auto"

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_inputs(self.features, self.relative)
        if self.quantiles == 1:
            raise ValueError("quantiles must be 0, or 2 to 65, not 1: a map needs two knots")
        return self


class Channels(Section):
    """Inputs of a network on the chosen track, by name."""

    features: tuple[str, ...]
    relative: tuple[str, ...]
    quantiles: int
    noise: float
    drop: float = 0.0


class Windows(Section):
    """Rows in, rows ahead out."""

    track: Track
    window: Count
    block: Count
    horizon: Count
    knots: list[Count]
    stride_train: Count
    stride_eval: Count

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window % self.block:
            raise ValueError(f"window ({self.window}) must be a multiple of block ({self.block})")
        if self.knots != sorted(set(self.knots)) or not self.knots or self.knots[-1] != self.horizon:
            raise ValueError(f"knots must rise and end at horizon ({self.horizon}), not {self.knots}")
        return self

    @property
    def steps(self) -> int:
        """Steps of a network over a window."""
        return self.window // self.block


class TaskParams(Windows):
    """The task by name, its track and windows."""

    name: str
    with_target: ChannelParams
    sensors_only: ChannelParams

    def channels(self, quantities: Quantities, present: Sequence[str], incomplete: float = 0.0) -> Channels:
        """Inputs of the chosen track for data with the features ``present``, some of which ``incomplete`` rows lack.

        A list of the task's file is cut to the features that are chosen, so that one line chooses others.
        """
        own: ChannelParams = getattr(self, self.track)
        listed = getattr(quantities.tracks, self.track)
        features = own.features if own.features != OF_TASK else _listed(listed.features, present)
        relative = own.relative if own.relative != OF_TASK else _listed(listed.relative, features)
        if own.relative == OF_TASK:
            relative = [name for name in relative if name in features]
        return Channels(
            features=tuple(features),
            relative=tuple(relative),
            quantiles=own.quantiles,
            noise=own.noise,
            drop=incomplete if own.drop == "auto" else own.drop,
        )


def _listed(names: Features, present: Sequence[str]) -> list[str]:
    return list(present) if names == "all" else list(names)
