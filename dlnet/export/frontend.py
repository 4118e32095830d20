"""The device's front end in NumPy: from finished rows to the integer inputs of the network.

Cleaning and encoding as ``dlnet.data.clean`` and ``dlnet.data.encode`` do them, on 16-bit codes of each input and in
integers; docs/firmware.md gives every step. The C++ of the firmware library equals this to the last bit.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities, Target
from dlnet.data.clean import AHEAD, MAD_TO_SIGMA, WIDENING, Levels, filled, follow, health_floor
from dlnet.data.encode import FEATURE_CLIP, RANK_SPAN, Encoder
from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.reference import Int16s, Int32s, quantise_anchor

Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CODE_BITS = 8  # extra bits of a float before it is rounded to a code
HEALTH_BITS = 15  # a unit of health's codes is 2^-15
HEALTH_OFFSET = 25395  # code 0 is health 25395 / 2^15 = 0.775, so that codes span -0.225 to 1.775
SUM_BITS = 8  # a sum of codes is shifted left by so many bits before it is multiplied
FAR = 1 << 22  # a path of health changes is clipped here, far beyond the range of an input
MOST_GAIN = 64.0  # inputs (2^-12) a unit of a block's sum: a finer scale would amplify the rounding of codes only
SCORE_BITS = 4  # of a quantile score below an input's unit, where 32 bits leave room
MARGIN = 0.5  # codes extend so many spans of the training rows beyond both ends of these: docs/firmware.md
RESOLVED = 2.0**-7  # least half range over its centre: a code is then no finer than a float32 of that size
SINGLES = (2.0**-100, 2.0**100)  # half ranges whose code is a normal float32, with room for 2^-8 of it
SIGMA_BITS = 16
HIGHEST_FLOOR = 1 << 18  # quarters of a code: above every deviation, so that nothing is an outlier
CLIP = int(FEATURE_CLIP) << fixed.INPUT_BITS


@dataclass(frozen=True)
class Scale:
    """``x * multiplier / 2**(32 + extra_shift)``, rounded once, of a block's sum times 2^8."""

    multiplier: int
    extra_shift: int

    @classmethod
    def of(cls, real: float) -> Scale:
        """Nearest scale that turns a block's sum into units of 2^-12.

        Below 2^-22 no sum, of at most 2^22, is worth more than a unit or two, so that this is as good as any.
        """
        gain = min(max(real, 2.0**-22), MOST_GAIN)
        multiplier, shift = fixed.multiplier_of(gain * 2.0**-SUM_BITS)
        return cls(multiplier, shift - 32)

    def apply(self, value: Ints) -> Ints:
        """Scaled sums."""
        return fixed.requantise(value << SUM_BITS, self.multiplier, 32 + self.extra_shift)


@dataclass(frozen=True)
class TargetInputs:
    """Inputs that track ``with_target`` derives from health: its path relative to the last row, and its level."""

    change: Scale
    drop_limit: int
    level: Scale
    level_centre: int


@dataclass(frozen=True)
class Codec:
    """A front end in integers. Inputs: the target (track ``with_target`` only), then the features.

    Attributes:
        offset, scale: (inputs,) float32: code = (value - offset) * scale / 2^8, rounded.
        typical: (inputs,) float32, what holds before the first value of a feature.
        memory: earlier sound rows that the filters read. sigmas: (inputs,) in 2^-16. floor: (inputs,) in quarters
            of a code.
        quantiles: (F, Q) codes, or None: then ``centre`` (F,) sums of a block and ``feature`` scale them.
        score_low, score_step, score_bits: uniform score of the first quantile, and between two, in 2^-(12 + bits).
        relative: feature and scale of each channel relative to its last block.
        target: None on track ``sensors_only``. anchor: 2^-24 health, of track ``sensors_only``.
        limits: float32, least and largest target that the device accepts, in its own unit.
        value_offset, value_scale: float32; a forecast of 2^-24 health times the scale, plus the offset, is the target.
    """

    window: int
    block: int
    names: tuple[str, ...]
    offset: Singles
    scale: Singles
    typical: Singles
    memory: int
    sigmas: tuple[int, ...]
    floor: tuple[int, ...]
    quantiles: npt.NDArray[np.int64] | None
    score_low: int
    score_step: int
    score_bits: int
    centre: tuple[int, ...]
    feature: tuple[Scale, ...]
    relative: tuple[tuple[int, Scale], ...]
    target: TargetInputs | None
    anchor: int
    limits: Singles
    value_offset: np.float32
    value_scale: np.float32

    @property
    def inputs(self) -> int:
        """Numbers a row."""
        return len(self.names)

    @property
    def steps(self) -> int:
        """Steps of a window."""
        return self.window // self.block

    @property
    def unit(self) -> npt.NDArray[np.float64]:
        """(inputs,) step of one code, in the input's own unit."""
        return 2.0**CODE_BITS / self.scale.astype(np.float64)


def make_codec(encoder: Encoder, clean: CleanParams, quantities: Quantities) -> Codec:
    """The integer form of an encoder.

    Raises:
        ModelError: the window is shorter than the filter, or the quantiles do not fit 32 bits, or a feature's unit does
            not suit a float32, or the target changes too little for codes of its range.
    """
    if encoder.window < clean.window:
        raise ModelError(f"the filter reads {clean.window} rows, the model {encoder.window}; retrain")
    target, with_target = quantities.target, encoder.track == "with_target"
    centre, half = _ranges(encoder)
    unit = half / 2.0**15
    offset, scale = centre.astype(np.float32), (2.0**CODE_BITS / unit).astype(np.float32)
    own = _target_codes(target) if with_target else ([], [])
    step = fixed.INPUT_BITS
    block = encoder.block
    floors = quantities.cleaning.features
    sigmas = [clean.feature_sigmas] * len(encoder.features)
    width = 2.0**step / block  # inputs of one deviation, a code of a block's sum
    quantiles = _knots(encoder, offset, unit)
    low, rise, bits = _scores(quantiles, block)
    position = [encoder.features.index(name) for name in encoder.relative]
    return Codec(
        window=encoder.window,
        block=block,
        names=(*([target.symbol] if with_target else []), *encoder.features),
        offset=np.concatenate([np.array(own[0], np.float32), offset]),
        scale=np.concatenate([np.array(own[1], np.float32), scale]),
        typical=np.array([*own[0], *encoder.first.values()], np.float32),
        memory=clean.window - 1,
        sigmas=tuple(map(_sigma, [*([clean.sigmas] if with_target else []), *sigmas])),
        floor=(
            *([_floor(health_floor(quantities), 2.0**-HEALTH_BITS)] if with_target else []),
            *(_floor(floors.get(name, 0.0), one) for name, one in zip(encoder.features, unit.tolist(), strict=True)),
        ),
        quantiles=quantiles,
        score_low=low,
        score_step=rise,
        score_bits=bits,
        centre=tuple(
            round(float(value) * block) for value in (np.array(encoder.center) - offset.astype(np.float64)) / unit
        ),
        feature=tuple(Scale.of(float(u / s) * width) for u, s in zip(unit, encoder.scale, strict=True)),
        relative=tuple(
            (i, Scale.of(float(unit[i]) / s * width)) for i, s in zip(position, encoder.relative_scale, strict=True)
        ),
        target=_target_inputs(encoder) if with_target else None,
        anchor=int(quantise_anchor(np.array([np.float32(encoder.level_mean)]))[0]),
        limits=np.array(target.range, np.float32),
        value_offset=np.float32(target.offset),
        value_scale=np.float32(target.scale * 2.0**-fixed.FORECAST_BITS),
    )


def _target_codes(target: Target) -> tuple[list[float], list[float]]:
    """Offset and scale that turn the target into codes of health; the scale of a rising target is negative."""
    centre = HEALTH_OFFSET / 2.0**HEALTH_BITS
    return [target.offset + target.scale * centre], [2.0 ** (HEALTH_BITS + CODE_BITS) / target.scale]


def _floor(deviation: float, unit: float) -> int:
    """Deviation below which no value is an outlier, in quarters of a code of size ``unit``."""
    return round(min(deviation / unit * 4, HIGHEST_FLOOR))


def _ranges(encoder: Encoder) -> tuple[Floats, Floats]:
    """Centre and half width of the range of each feature's codes, in its own unit.

    The range is that of the training rows and ``MARGIN`` more at both ends, unless spikes in it would leave too few
    codes for what a channel tells apart: then it lies around the mean, and what is beyond is flagged.
    """
    low, high = np.array(encoder.low), np.array(encoder.high)
    centre, half = (low + high) / 2, (0.5 + MARGIN) * (high - low)
    most = _widest(encoder)
    centre = np.where(half > most, np.array(encoder.center), centre)
    half = np.minimum(np.maximum(half, RESOLVED * np.abs(centre)), most)
    half = np.where(half > 0, half, 1.0)  # always 0 in training: any unit will do
    for name, c, h in zip(encoder.features, centre.tolist(), half.tolist(), strict=True):
        if not (SINGLES[0] <= h <= SINGLES[1] and abs(c) <= SINGLES[1]):
            raise ModelError(
                f"feature {name!r} has values of {c:g} ± {h:g}, beyond what a device's float32 resolves; "
                "give it in another unit"
            )
    return centre, half


def _widest(encoder: Encoder) -> Floats:
    """(F,) half range at which the finest channel of a feature takes ``MOST_GAIN`` for a code."""
    finest = np.full(len(encoder.features), np.inf) if encoder.quantiles else np.array(encoder.scale)
    for name, scale in zip(encoder.relative, encoder.relative_scale, strict=True):
        i = encoder.features.index(name)
        finest[i] = min(finest[i], scale)
    return np.asarray(finest * (MOST_GAIN * encoder.block * 2.0 ** (15 - fixed.INPUT_BITS)))


def _sigma(value: float) -> int:
    """Robust deviations in the filter's fixed point; one that does not fit is refused where all fields are checked."""
    return round(min(value * MAD_TO_SIGMA * 2**SIGMA_BITS, 2.0**32))


def _knots(encoder: Encoder, offset: Singles, unit: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | None:
    if not encoder.quantiles:
        return None
    away = (np.array(encoder.quantiles) - offset.astype(np.float64)[:, None]) / unit[:, None]
    return np.clip(np.floor(away + 0.5), fixed.INT16_MIN, fixed.INT16_MAX).astype(np.int64)


def _scores(quantiles: npt.NDArray[np.int64] | None, block: int) -> tuple[int, int, int]:
    """Lowest score, score between two quantiles, and bits below an input's unit that leave the product 32 bits."""
    if quantiles is None:
        return 0, 0, 0
    count, widest = quantiles.shape[1], int(np.diff(quantiles, axis=1).max(initial=1)) * block
    step = 2 * RANK_SPAN / (count - 1) * 2**fixed.INPUT_BITS
    bits = min(SCORE_BITS, math.floor(31.99 - math.log2(max(widest, 1)) - math.log2(step)))
    if bits < 0:
        raise ModelError(f"{count} quantiles over blocks of {block} rows do not fit 32 bits; take more quantiles")
    low = round(-RANK_SPAN * 2 ** (fixed.INPUT_BITS + bits))
    return low, round(step * 2**bits), bits


def _target_inputs(encoder: Encoder) -> TargetInputs:
    sums = encoder.block * 2.0**HEALTH_BITS  # of a block, a unit of health
    width = 2.0**fixed.INPUT_BITS / sums
    finest = min(encoder.delta_scale, encoder.level_scale)
    if width > MOST_GAIN * finest:
        raise ModelError(
            f"the target changes by {finest:.2g} of its range (health) only, and a code holds {2.0**-HEALTH_BITS:.2g}: "
            f"at least {width / MOST_GAIN:.2g} is needed; give the task a narrower range"
        )
    return TargetInputs(
        change=Scale.of(width / encoder.delta_scale),
        drop_limit=min(round(encoder.drop_limit * encoder.delta_scale * sums), FAR),
        level=Scale.of(width / encoder.level_scale),
        level_centre=round(encoder.level_mean * sums) - encoder.block * HEALTH_OFFSET,
    )


def to_codes(codec: Codec, values: npt.NDArray[np.floating]) -> Int16s:
    """Values (n, inputs) of one asset in their own units as codes; they must pass ``acceptable``.

    Where one is NaN, the last one of a sound row holds.
    """
    singles = np.asarray(values, np.float32)
    fine = (filled(singles, codec.typical) - codec.offset) * codec.scale
    whole = np.trunc(fine).astype(np.int64)
    codes = np.asarray(fixed.saturate((whole + (1 << (CODE_BITS - 1))) >> CODE_BITS), np.int16)
    absent = np.isnan(singles)
    if codec.target is None or not absent.any():
        return codes
    target = [math.nan if gone else code for gone, code in zip(absent[:, 0], codes[:, 0].tolist(), strict=True)]
    held = _levels(codec, target).off > 0
    # what rows off the level measured holds for no other row
    sound = filled(np.where(held[:, None], np.nan, singles), codec.typical)
    return np.where(absent, to_codes(codec, sound), codes)


def acceptable(codec: Codec, values: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """(n,) whether the device accepts each row of one asset, oldest first.

    It does where no input is infinite, the target is within its range and no feature far beyond its own. NaN is an
    input that was not measured; the first row needs the target.
    """
    singles = np.asarray(values, np.float32)
    absent = np.isnan(singles)
    with np.errstate(over="ignore", invalid="ignore"):
        fine = (singles - codec.offset) * codec.scale
        accepted = (absent | (np.isfinite(singles) & (np.abs(fine) < np.float32(2.0**31)))).all(axis=-1)
    if codec.target is not None:
        low, high = codec.limits
        measured = (singles[:, 0] >= low) & (singles[:, 0] <= high)
        known = np.maximum.accumulate(accepted & measured)
        accepted &= measured | (absent[:, 0] & known)
    return np.asarray(accepted)


def saturated(codes: Int16s) -> npt.NDArray[np.bool_]:
    """Codes (..., inputs) -> (...) whether one of a row stands at an end of its range: values beyond look the same.

    The device flags every forecast whose window of cleaned rows holds such a row, see ``flagged``.
    """
    return np.asarray(((codes == fixed.INT16_MAX) | (codes == fixed.INT16_MIN)).any(axis=-1))


def flagged(clean: Int16s) -> npt.NDArray[np.bool_]:
    """Cleaned windows (N, window, inputs) -> (N,) whether the device gives their forecasts as ``saturated``."""
    return np.asarray(saturated(clean).any(axis=-1))


def clean_codes(codec: Codec, codes: Int16s) -> Int16s:
    """Cleaned rows of one asset, (n, inputs): ``dlnet.data.clean.clean_inputs`` in integers."""
    levels, first = code_levels(codec, codes), 0 if codec.target is None else 1
    sound = levels.off == 0
    cleaned = codes[sound]
    parts = np.split(cleaned[:, first:], np.flatnonzero(levels.begins[sound]))
    cleaned[:, first:] = np.concatenate([_replace_outliers(codec, part) for part in parts])
    return cleaned[levels.latest]


def code_levels(codec: Codec, codes: Int16s) -> Levels:
    """Which rows (n, inputs) lie on the level of the target; all of them on track ``sensors_only``."""
    if codec.target is None:
        return Levels(np.zeros(len(codes), np.int64), np.zeros(len(codes), np.bool_))
    return _levels(codec, codes[:, 0].tolist())


def _levels(codec: Codec, target: Sequence[float]) -> Levels:
    near = partial(_near, sigmas=codec.sigmas[0], floor=codec.floor[0])
    return follow(target, codec.memory, near)


def _near(known: deque[int], value: int, held: int, *, sigmas: int, floor: int) -> bool:
    unit, ahead = _carried_on(known, held)
    value *= unit
    centre = _twice_middle([*ahead, value])
    spread = _twice_middle([abs(2 * other - centre) for other in (*ahead, value)])
    away = min(2 * abs(2 * value - centre), 4 * abs(value - ahead[-1]))
    wide, least = AHEAD * sigmas * spread * (WIDENING + held), (floor * unit << SIGMA_BITS) * WIDENING
    return (away << SIGMA_BITS) * WIDENING <= max(wide, least)


def _carried_on(known: deque[int], held: int) -> tuple[int, list[int]]:
    """Parts of a code, and known codes in these, each as it would be ``held`` + 1 rows after the last of them."""
    values = list(known)
    half = len(values) // 2
    if not half:
        return 1, values
    fall = min(_twice_middle(values[-half:]) - _twice_middle(values[-2 * half : -half]), 0)
    ages = range(held + len(values), held, -1)
    return 2 * half, [2 * half * value + fall * age for age, value in zip(ages, values, strict=True)]


def _twice_middle(values: Sequence[int]) -> int:
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]


def _replace_outliers(codec: Codec, codes: Int16s) -> Int16s:
    """Causal Hampel filter of features (n, F): integers of ``dlnet.data.clean.replace_outliers`` with ``after`` 0."""
    if not len(codes):
        return codes
    own = slice(codec.inputs - codes.shape[1], codec.inputs)
    sigmas, floor = np.array(codec.sigmas[own], np.int64), np.array(codec.floor[own], np.int64)
    values = codes.astype(np.int64)
    centre, spread = _twice_spread(values, codec.memory)
    deviation = 2 * np.abs(2 * values - centre)
    outlier = (deviation << SIGMA_BITS) > np.maximum(sigmas * spread, floor << SIGMA_BITS)
    return np.where(outlier, (centre + 1) >> 1, codes).astype(np.int16)


def _twice_spread(values: Ints, memory: int) -> tuple[Ints, Ints]:
    """Of each row (n, F) and the ``memory`` rows before it: twice their median, four times the median deviation."""
    windows = [values[None, : i + 1] for i in range(min(memory, len(values)))]
    if len(values) > memory:
        windows.append(np.lib.stride_tricks.sliding_window_view(values, memory + 1, axis=0).swapaxes(1, 2))
    centres = [_twice_median(window) for window in windows]
    pairs = zip(windows, centres, strict=True)
    spreads = [_twice_median(np.abs(2 * window - centre[:, None])) for window, centre in pairs]
    return np.concatenate(centres), np.concatenate(spreads)


def _twice_median(windows: Ints) -> Ints:
    """Twice the median of each column of windows (N, rows, F)."""
    ordered, count = np.sort(windows, axis=1), windows.shape[1]
    return np.asarray(ordered[:, (count - 1) // 2] + ordered[:, count // 2])


def encode_codes(codec: Codec, clean: Int16s) -> tuple[Int16s, Int32s]:
    """Cleaned windows (N, window, inputs) -> network inputs (N, steps, channels) and anchors (N,)."""
    sums = clean.astype(np.int64).reshape(len(clean), codec.steps, codec.block, codec.inputs).sum(axis=2)
    first = 0 if codec.target is None else 1
    features = sums[..., first:]
    parts = [_standard(codec, features) if codec.quantiles is None else _rank(codec, codec.quantiles, features)]
    for i, scale in codec.relative:
        change = features[..., i] - features[:, -1:, i]
        parts.append(np.clip(scale.apply(change), -CLIP, CLIP)[..., None])
    anchor = np.full(len(clean), codec.anchor, np.int32)
    if codec.target is not None:
        last = clean[:, -1, 0].astype(np.int64)
        parts.insert(0, _past(codec.target, sums[..., 0], codec.block * last))
        anchor = ((last + HEALTH_OFFSET) << (fixed.FORECAST_BITS - HEALTH_BITS)).astype(np.int32)
    return np.concatenate(parts, axis=2).astype(np.int16), anchor


def _past(target: TargetInputs, sums: Ints, last: Ints) -> Ints:
    change = sums - last[:, None]
    drops = np.minimum(change[:, :-1] - change[:, 1:], target.drop_limit)
    path = change[:, -1:] + np.concatenate([np.cumsum(drops[:, ::-1], axis=1)[:, ::-1], 0 * change[:, -1:]], axis=1)
    path = fixed.saturate(target.change.apply(np.clip(path, -FAR, FAR)))
    level = fixed.saturate(target.level.apply(last - target.level_centre))
    return np.stack([path, np.broadcast_to(level[:, None], path.shape)], axis=2)


def _rank(codec: Codec, quantiles: Ints, sums: Ints) -> Ints:
    half = (1 << codec.score_bits) >> 1
    out = np.empty_like(sums)
    for f, knots in enumerate(quantiles):
        ends = codec.block * knots
        i = np.maximum(np.searchsorted(ends, sums[..., f], side="right") - 1, 0)
        after = np.minimum(i + 1, len(ends) - 1)
        over = np.maximum(sums[..., f] - ends[i], 0)
        between = np.where(i + 1 < len(ends), over * codec.score_step // np.maximum(ends[after] - ends[i], 1), 0)
        out[..., f] = (codec.score_low + i * codec.score_step + half + between) >> codec.score_bits
    return out


def _standard(codec: Codec, sums: Ints) -> Ints:
    scaled = sums - np.array(codec.centre, np.int64)
    for f, scale in enumerate(codec.feature):
        scaled[..., f] = scale.apply(scaled[..., f])
    return np.clip(scaled, -CLIP, CLIP)
