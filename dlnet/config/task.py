"""Section ``task``: which task, windows in, forecast out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Section
from dlnet.config.quantities import Features, Quantities, Track, check_inputs

OF_TASK: Literal["task"] = "task"
Share = Annotated[float, Field(ge=0, lt=1)]
LEAST_LAG, MOST_LAG = 20, 400  # rows back that health is compared with; a device keeps 41 means of ten rows


@dataclass(frozen=True)
class Memory:
    """What a model knows of an asset's past before its window (``dlnet.data.life``).

    Attributes:
        history: rows back that the health is compared with. youth: the rows of an asset that its features are compared
            with, the first one and one past the last; None: not compared.
    """

    history: tuple[int, ...] = ()
    youth: tuple[int, int] | None = None


class ChannelParams(Section):
    """Inputs of a network on one track; ``task``: those that the task's file lists for it.

    ``drop``: share of the rows of training windows whose features are hidden, as if they had not been measured;
    ``auto``: as many as lack one in training. ``history`` and ``youth`` are inputs of forms and forests, not of
    networks, see ``Memory``.
    """

    features: list[str] | Literal["task"]
    relative: list[str] | Literal["task"]
    quantiles: Annotated[int, Field(ge=0, le=65)]
    noise: Annotated[float, Field(ge=0)]
    drop: Share | Literal["auto"] = "auto"
    history: list[Annotated[int, Field(ge=LEAST_LAG, le=MOST_LAG, multiple_of=10)]] = Field(default_factory=list)
    youth: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_inputs(self.features, self.relative)
        if self.history != sorted(set(self.history)):
            raise ValueError(f"history must rise, not {self.history}")
        if self.youth is not None and self.youth[0] >= self.youth[1]:
            raise ValueError(f"youth must name a first row and a later end, not {self.youth}")
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

    @model_validator(mode="after")
    def _remembers(self) -> Self:
        memory = self.memory
        if memory.history and self.track == "sensors_only":
            raise ValueError("sensors_only.history must be []: without the target there are no slopes of it")
        if memory.youth is not None and memory.youth[1] > self.window:
            raise ValueError(
                f"{self.track}.youth must end within the first window ({self.window} rows), not at row "
                f"{memory.youth[1]}: it would not be known at the first forecast"
            )
        return self

    @property
    def memory(self) -> Memory:
        """What forms and forests know of an asset's past on the chosen track."""
        own: ChannelParams = getattr(self, self.track)
        return Memory(tuple(own.history), None if own.youth is None else (own.youth[0], own.youth[1]))

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
