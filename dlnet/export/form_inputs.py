"""Inputs of a form: a window in a few numbers, what came long before it, and how old the asset is.

In floats as they were fitted (``dlnet.baselines.summaries``, ``dlnet.data.life``), and in integers from the device's
codes. docs/quantisation.md, "Forms", gives each step; dlnet_life.h and dlnet_form.h equal it to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dlnet.baselines.summaries import SLOPE_SHARES, SLOPE_UNIT, Summary
from dlnet.config.task import LEAST_LAG, MOST_LAG, Memory
from dlnet.data.encode import FEATURE_CLIP, Encoder
from dlnet.data.life import BLOCK as LIFE_BLOCK
from dlnet.data.windows import Histories
from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.form import MOST_INPUTS
from dlnet.export.frontend import HEALTH_BITS, HEALTH_OFFSET, Codec
from dlnet.export.reference import Int16s

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_YOUTH = 64  # rows of youth
CLIP = int(FEATURE_CLIP) << fixed.INPUT_BITS
RAW_LIMIT = 1 << 30  # of a raw input, and of its centre
GAINS = (2.0**-30, 2.0**28)  # inputs (2^-12) a unit of a raw input: of an input that does not vary nothing is left


@dataclass(frozen=True)
class FormInputs:
    """What a form reads, in order, and how it is scaled to numbers near 1.

    With the target: the last health, its slopes over 20, 40, 60 and 100 % of the window (a 100 rows), last minus first,
    last minus twice the middle plus first. For each feature its mean over the last block, then for each that minus its
    mean over the first block. ``history``: for each number of rows the slope of health against the block mean so far
    back. ``youth``: for each feature its mean over the window minus that over the asset's rows [first, end).
    ``age``: rows since the asset's first.

    Attributes:
        center, scale: (P,) an input is ``(value - center) / scale``, within ±4.
    """

    target: bool
    features: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    history: tuple[int, ...] = ()
    youth: tuple[int, int] | None = None
    age: bool = False

    @property
    def width(self) -> int:
        """Inputs P."""
        own = (len(SLOPE_SHARES) + 3) * self.target + 2 * len(self.features)
        return own + len(self.history) + len(self.features) * (self.youth is not None) + self.age

    @property
    def ring(self) -> int:
        """Block means that a device keeps for ``history``."""
        return max(self.history) // LIFE_BLOCK + 1 if self.history else 0

    @property
    def looks_back(self) -> bool:
        """Whether it reads anything of the asset's life before the window."""
        return bool(self.history) or (self.youth is not None and bool(self.features)) or self.age

    def of(self, histories: Histories, encoder: Encoder) -> Int16s:
        """N windows, with what is known of their assets -> (N, P) int16 of 2^-12."""
        memory = Memory(self.history, self.youth)
        summary = Summary(self.target, self.features, encoder.window, encoder.block, memory, self.age)
        return self.quantise(summary.of(histories))

    def quantise(self, values: Floats) -> Int16s:
        """Values (N, P) in their own units as int16 of 2^-12, within ±4."""
        scaled = (np.asarray(values, np.float64) - np.array(self.center)) / np.array(self.scale)
        codes = np.floor(scaled * 2.0**fixed.INPUT_BITS + 0.5)
        return np.clip(codes, -CLIP, CLIP).astype(np.int16)


def slope_lengths(window: int) -> tuple[int, ...]:
    """Rows of each slope."""
    return tuple(max(2, round(share * window)) for share in SLOPE_SHARES)


@dataclass(frozen=True)
class FormCodec:
    """Integers that turn raw sums of codes into inputs: ``clip(((raw - centre) multiplier + half) >> shift)``.

    Attributes:
        position: (F,) of each feature among the device's inputs.
    """

    inputs: FormInputs
    position: tuple[int, ...]
    centre: Ints
    multiplier: Ints
    shift: Ints

    def scaled(self, raw: Ints) -> Int16s:
        """Raw inputs (N, P) as int16 of 2^-12."""
        return np.clip(fixed.requantise(raw - self.centre, self.multiplier, self.shift), -CLIP, CLIP).astype(np.int16)


def make_form_codec(codec: Codec, inputs: FormInputs) -> FormCodec:
    """The integers of ``inputs`` behind a front end.

    Raises:
        ModelError: the front end lacks a feature, or a sum would not fit 32 bits.
    """
    check_form_inputs(codec, inputs)
    unit, zero = _units(codec, inputs)
    centre = np.clip(np.rint((np.array(inputs.center) - zero) / unit), -RAW_LIMIT, RAW_LIMIT).astype(np.int64)
    gains = np.clip(unit / np.array(inputs.scale) * 2.0**fixed.INPUT_BITS, *GAINS)
    pairs = [fixed.multiplier_of(gain) for gain in gains.tolist()]
    position = tuple(codec.names.index(name) for name in inputs.features)
    return FormCodec(inputs, position, centre, *(np.array(part, np.int64) for part in zip(*pairs, strict=True)))


def check_form_inputs(codec: Codec, inputs: FormInputs) -> None:
    """Raise ``ModelError`` unless a device with this front end can compute these inputs in 32 bits."""
    names = codec.names[int(codec.target is not None) :]
    lacking = [name for name in inputs.features if name not in names]
    if lacking:
        raise ModelError(f"a form reads {lacking[0]!r}, which the model's rows lack; fit it on the network's features")
    if (inputs.target or inputs.history) and codec.target is None:
        raise ModelError("a form reads the target, which is not measured on track sensors_only; fit one without it")
    if not 1 <= inputs.width <= MOST_INPUTS or len(inputs.center) != inputs.width or len(inputs.scale) != inputs.width:
        raise ModelError(f"a form has {inputs.width} inputs; 1 to {MOST_INPUTS} are held, each with centre and scale")
    if not (np.isfinite(inputs.center).all() and np.isfinite(inputs.scale).all() and min(inputs.scale) > 0):
        raise ModelError("a form's centres must be finite and its scales positive; run dvc repro")
    _check_history(codec, inputs)
    if inputs.target and max(slope_lengths(codec.window)) ** 2 << 14 > RAW_LIMIT:
        raise ModelError(f"slopes over {codec.window} rows do not fit 32 bits; take a shorter window")


def _check_history(codec: Codec, inputs: FormInputs) -> None:
    lags = inputs.history
    if list(lags) != sorted(set(lags)) or any(lag % LIFE_BLOCK or not LEAST_LAG <= lag <= MOST_LAG for lag in lags):
        raise ModelError(f"history must be rising multiples of {LIFE_BLOCK} from {LEAST_LAG} to {MOST_LAG}, not {lags}")
    if inputs.youth is not None:
        first, end = inputs.youth
        if not 0 <= first < end <= min(codec.window, first + MOST_YOUTH):
            raise ModelError(f"youth {inputs.youth} must be rows within the first window of {codec.window}")
        if (end - first) * codec.window << 16 > RAW_LIMIT:
            raise ModelError(f"youth of {end - first} rows against {codec.window} does not fit 32 bits; take fewer")


def _units(codec: Codec, inputs: FormInputs) -> tuple[Floats, Floats]:
    """(P,) value of a unit of each raw input, and value at raw 0."""
    units: list[float] = []
    zeros: list[float] = []

    def add(unit: float, zero: float = 0.0) -> None:
        units.append(unit)
        zeros.append(zero)

    health = 2.0**-HEALTH_BITS
    if inputs.target:
        add(health, HEALTH_OFFSET * health)
        for length in slope_lengths(codec.window):
            add(2.0 * SLOPE_UNIT * health / sum((2 * i - length + 1) ** 2 for i in range(length)))
        add(health)
        add(health)
    places = [codec.names.index(name) for name in inputs.features]
    for i in places:
        add(float(codec.unit[i]) / codec.block, float(codec.offset[i]))
    for i in places:
        add(float(codec.unit[i]) / codec.block)
    for _ in inputs.history:
        add(health / codec.block)
    if inputs.youth is not None:
        for i in places:
            add(float(codec.unit[i]) / (codec.window * (inputs.youth[1] - inputs.youth[0])))
    if inputs.age:
        add(1.0)
    return np.array(units), np.array(zeros)


def form_codes(codec: Codec, form: FormCodec, clean: Int16s, ends: Ints) -> Int16s:
    """Inputs (N, P) of a form at the windows that end before rows ``ends`` (N,) of one asset.

    Args:
        clean: (n, inputs) cleaned codes of the asset from its first row on.
    """
    inputs, wide = form.inputs, clean.astype(np.int64)
    window = wide[np.asarray(ends)[:, None] + np.arange(-codec.window, 0)]
    parts = _of_target(codec, window[..., 0]) if inputs.target else []
    chosen = window[..., list(form.position)]
    recent, first = chosen[:, -codec.block :].sum(axis=1), chosen[:, : codec.block].sum(axis=1)
    parts += [*recent.T, *(recent - first).T]
    parts += [_history(codec, wide[:, 0], np.asarray(ends) - 1, lag) for lag in inputs.history]
    if inputs.youth is not None:
        start, end = inputs.youth
        young = wide[start:end, list(form.position)].sum(axis=0)
        parts += [*((end - start) * chosen.sum(axis=1) - codec.window * young).T]
    if inputs.age:
        parts.append(np.minimum(np.asarray(ends, np.int64) - 1, RAW_LIMIT))
    return form.scaled(np.stack(parts, axis=1))


def _of_target(codec: Codec, health: Ints) -> list[Ints]:
    """Raw inputs of health codes (N, window)."""
    slopes = [health[:, -n:] @ (2 * np.arange(n, dtype=np.int64) - n + 1) for n in slope_lengths(codec.window)]
    first, middle, last = health[:, 0], health[:, codec.window // 2], health[:, -1]
    return [last, *slopes, last - first, last - 2 * middle + first]


def block_means(health: Ints) -> Ints:
    """Means of complete blocks of ``LIFE_BLOCK`` codes (n,), rounded, halves up."""
    sums = health[: len(health) // LIFE_BLOCK * LIFE_BLOCK].reshape(-1, LIFE_BLOCK).sum(axis=1)
    return np.asarray((sums + LIFE_BLOCK // 2) // LIFE_BLOCK)


def _history(codec: Codec, health: Ints, at: Ints, lag: int) -> Ints:
    """Change of health against ``lag`` rows back, in units of a block's sum; ``at`` (N,) are the windows' last rows.

    The change over the true distance between the middles of the two blocks, times ``lag`` rows; halves away from 0.
    It is 0 where the block does not lie before the last one of the window.
    """
    block = np.maximum(at - lag, 0) // LIFE_BLOCK
    apart = LIFE_BLOCK * (block + 1) <= at + 1 - codec.block
    recent = health[at[:, None] + np.arange(1 - codec.block, 1)].sum(axis=1)
    means = np.append(block_means(health), 0)
    change = np.where(apart, recent - codec.block * means[np.where(apart, block, -1)], 0)
    twice_distance = np.where(apart, 2 * at - (codec.block - 1) - 2 * LIFE_BLOCK * block - (LIFE_BLOCK - 1), 1)
    size = (2 * lag * np.abs(change) + (twice_distance >> 1)) // twice_distance
    return np.where(change < 0, -size, size)
