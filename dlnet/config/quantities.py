"""``tasks/NAME.yaml``: what wears out, what is measured on it, in which units. It names no column of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field, model_validator

from dlnet.config.base import Positive, Section, no_twice, read_yaml
from dlnet.errors import ConfigError

TASKS = Path("tasks")
NAME = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)

HEALTH_RANGE = (0.05, 1.5)
"""Range of health. Health is the target as models see it: it always falls, and the target's range becomes this one."""

LARGEST, SMALLEST = 1e8, 1e-3
"""Largest value, and smallest width, of a target's range: the serial protocol has nine decimals and no exponents."""

Track = Literal["with_target", "sensors_only"]
Labels = Literal["all", "check_up"]  # which rows measure the target: each one, or only those where it is not empty
Features = list[str] | Literal["all"]


def _plain(text: str) -> str:
    """Words of a task are also strings of the firmware: printable ASCII, short, no quotes, nothing around them."""
    if not (text.isascii() and text.isprintable() and text == text.strip() and '"' not in text and "=" not in text):
        raise ValueError("must be printable ASCII without quotes, = or blanks at its ends")
    return text


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain)]
Text = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_plain)]
Word = Annotated[str, Field(max_length=20, pattern=r"^[a-z][a-z0-9-]*( [a-z0-9-]+)*$")]
Unit = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[!-<>-~]+$")]


class Noun(Section):
    """A word of the task, in singular and plural."""

    one: Word
    many: Word

    def count(self, number: int) -> str:
        """``1 cell``, ``2 cells``."""
        return f"{number:,} {self.one if number == 1 else self.many}"


class Time(Noun):
    """What one row of data covers: its word, and its length.

    Attributes:
        unit: of a file's column of time. step: length of a row, in it. largest_gap: longer ones are reported.
    """

    unit: Unit
    step: Positive
    largest_gap: Positive

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.largest_gap < self.step:
            raise ValueError(f"largest_gap ({self.largest_gap:g}) must be at least step ({self.step:g})")
        return self


class Target(Section):
    """What is forecast: a measured quantity, or that quantity over its value when the asset was new.

    Attributes:
        name, symbol: of the target. quantity, unit: what is measured, and its unit.
        other_units: further units that files may have -> their size in ``unit``.
        range: least and largest possible value of the target. noise_floor: standard deviation of one measurement.
        end_of_life: value at which an asset is worn out. known: when a value is known.
    """

    name: Text
    symbol: Text
    quantity: Text
    unit: Unit
    other_units: dict[Unit, Positive]
    over_nominal: bool
    direction: Literal["falling", "rising"]
    range: tuple[float, float]
    noise_floor: Annotated[float, Field(ge=0)]
    end_of_life: float | None
    known: Literal["when measured", "after failure"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        low, high = self.range
        if not low < high:
            raise ValueError(f"range must rise, not be {low:g} to {high:g}")
        if max(abs(low), abs(high)) > LARGEST or high - low < SMALLEST:
            raise ValueError(
                f"range {low:g} to {high:g} cannot be sent to a board in plain decimals; choose another unit"
            )
        if self.over_nominal and low < 0:
            raise ValueError(f"range begins at {low:g}, but a share of the nominal value is not negative")
        if self.end_of_life is not None and not low <= self.end_of_life <= high:
            raise ValueError(f"end_of_life ({self.end_of_life:g}) must lie within range ({low:g} to {high:g})")
        if self.noise_floor >= high - low:
            raise ValueError(f"noise_floor ({self.noise_floor:g}) must be smaller than the range")
        if self.unit in self.other_units:
            raise ValueError(f"other_units holds {self.unit!r} again, which is the unit itself")
        return self

    @property
    def scale(self) -> float:
        """Change of the target for a change of health by 1; negative where the target rises."""
        low, high = self.range
        size = (high - low) / (HEALTH_RANGE[1] - HEALTH_RANGE[0])
        return size if self.direction == "falling" else -size

    @property
    def offset(self) -> float:
        """Target at health 0."""
        low, high = self.range
        return (low if self.direction == "falling" else high) - HEALTH_RANGE[0] * self.scale

    @property
    def size(self) -> float:
        """Change of the target, without sign, for a change of health by 1."""
        return abs(self.scale)

    def to_health(self, target: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values of the target as health, of the same shape."""
        return np.asarray((np.asarray(target, np.float64) - self.offset) / self.scale)

    def from_health(self, health: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Health as values of the target, of the same shape."""
        return np.asarray(self.offset + np.asarray(health, np.float64) * self.scale)

    @property
    def units(self) -> dict[str, float]:
        """Units of the quantity that files may have -> their size in ``unit``."""
        return {self.unit: 1.0, **self.other_units}

    @property
    def shares(self) -> dict[str, float]:
        """Units of files that hold the target itself, where it is a share of the nominal value -> their size."""
        return {"1": 1.0, "%": 0.01} if self.over_nominal else {}

    def size_of(self, unit: str, nominal: float) -> float:
        """Size in ``unit`` of a unit of files: one of the quantity, or a share of the ``nominal`` value."""
        return self.shares[unit] * nominal if unit in self.shares else self.units[unit]

    @property
    def shown_unit(self) -> str:
        """Unit of the target itself: 1 for a share of the nominal value."""
        return "1" if self.over_nominal else self.unit

    @property
    def label(self) -> str:
        """Symbol and what it is, for axes: ``SoH (capacity / nominal)``."""
        return f"{self.symbol} ({self.quantity} / nominal)" if self.over_nominal else f"{self.symbol} ({self.unit})"

    @property
    def error_label(self) -> str:
        """Symbol and unit of an error, for tables and axes: ``SoH``, ``head, m``."""
        return self.symbol if self.over_nominal else f"{self.symbol}, {self.unit}"

    @property
    def _digits(self) -> int:
        """Decimals of a value that resolve a ten-thousandth of a range of 1 to 10."""
        return max(0, 4 - round(np.log10(self.range[1] - self.range[0])))

    def shown(self, value: float) -> str:
        """A value with the decimals that its range needs, without unit."""
        return f"{value:.{self._digits}f}"

    def shown_error(self, value: float) -> str:
        """An error, with one decimal more than a value."""
        return f"{value:.{self._digits + 1}f}"


class Knee(Section):
    """A life has a knee where its target stands so far above the straight line from first to last value."""

    height: Positive


class Floors(Section):
    """Cleaning never takes smaller deviations for outliers: of the target, of features by name; in their units."""

    target: Annotated[float, Field(ge=0)]
    features: dict[str, Annotated[float, Field(ge=0)]]


def check_inputs(features: list[str] | str, relative: list[str] | str) -> None:
    """Raise ``ValueError`` where a list has a name twice, or ``relative`` one that the list ``features`` lacks."""
    no_twice({"features": features, "relative": relative})
    if isinstance(features, list) and isinstance(relative, list):
        unknown = sorted(set(relative) - set(features))
        if unknown:
            raise ValueError(f"relative names {unknown}, which is not in features")


class TrackInputs(Section):
    """Features that networks see on a track, and those of them that are also shown relative to their last block."""

    features: Features
    relative: Features

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_inputs(self.features, self.relative)
        return self


class Tracks(Section):
    """Inputs of the two tracks: with the target's past and features, or with features alone."""

    with_target: TrackInputs
    sensors_only: TrackInputs


class Quantities(Section):
    """A task: quantities, words and units of one kind of asset.

    Attributes:
        name: of the file. asset: what wears out. features: name -> unit. cleaning: floors of the outlier filter.
    """

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    asset: Noun
    time: Time
    target: Target
    features: dict[Text, Unit]
    tracks: Tracks
    knee: Knee
    cleaning: Floors

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for track in get_args(Track):
            for name, listed in getattr(self.tracks, track):
                unknown = [] if listed == "all" else sorted(set(listed) - set(self.features))
                if unknown:
                    where = f"tracks.{track}.{name}"
                    raise ValueError(f"{where}: {unknown[0]!r} is not among features; add it there with its unit")
        unknown = sorted(set(self.cleaning.features) - set(self.features))
        if unknown:
            raise ValueError(f"cleaning.features.{unknown[0]}: is not among features; add it there with its unit")
        if self.target.symbol in self.features:
            raise ValueError(f"features.{self.target.symbol}: is the target's symbol; rename the feature")
        return self

    def unit_of(self, name: str) -> str:
        """Unit of a device's input: of the target or a feature; ``?`` where the task states none."""
        return self.target.shown_unit if name == self.target.symbol else self.features.get(name, UNSTATED)


UNSTATED = "?"
"""Shown as the unit of a feature that the data have and the task does not name."""


def load_quantities(name: str, folder: Path = TASKS) -> Quantities:
    """Read ``tasks/NAME.yaml``.

    Raises:
        ConfigError: the name is not valid, there is no such file, or it is wrong; names file, line and key.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"params.yaml: task.name: {name!r} is no name: up to 20 of a-z, 0-9 and _, a letter first")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml"))) or "none"
        raise ConfigError(f"{path}: no such file; task.name (params.yaml) names one of: {known}")
    return read_yaml(path, Quantities, {"name": name})
