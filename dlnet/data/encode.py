"""Encoding of a window of rows as network inputs: block means, scaled by statistics of the training assets.

Every operation is causal and cheap, so that a microcontroller can repeat it row by row.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.config.quantities import Track
from dlnet.config.task import TaskParams
from dlnet.data.clean import ROUNDING
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset

CLIP = 8.0  # of every encoded value; the integer engine's Q3.12 inputs saturate here
FEATURE_CLIP = 4.0  # standard deviations; larger values carry no more information
RANK_SPAN = float(np.sqrt(3.0))  # uniform scores over +-sqrt(3) have unit variance
BATCH = 8192


@dataclass(frozen=True)
class Encoder:
    """How a window becomes (steps, channels), and what a net's unit output means in health.

    Channels, in order: on track ``with_target`` the health relative to the last row in units of ``delta_scale``, its
    block-to-block drops clamped at ``drop_limit`` (a step of missing rows is not ageing); then the last health,
    standardised; on both tracks the features, standardised or mapped to uniform scores through ``quantiles``; then
    the features of ``relative`` minus their last block, in units of ``relative_scale``.

    ``low`` and ``high`` are the least and the greatest value of each feature in all rows of the training assets, until
    the end of their data: the device's integer codes cover them and more. ``typical`` is the median of each: it holds
    where a life begins without a value. A model of an older release has none; there the centre holds.
    """

    track: Track
    window: int
    block: int
    horizon: int
    knots: tuple[int, ...]
    features: tuple[str, ...]
    relative: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    quantiles: tuple[tuple[float, ...], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    relative_scale: tuple[float, ...]
    level_mean: float
    level_scale: float
    delta_scale: float
    drop_limit: float
    typical: tuple[float, ...] = ()

    @property
    def steps(self) -> int:
        """Steps of an encoded window."""
        return self.window // self.block

    @property
    def channels(self) -> list[str]:
        """Names of the channels, in order."""
        target = ["health change", "health level"] if self.track == "with_target" else []
        return [*target, *self.features, *(f"{name} change" for name in self.relative)]

    @property
    def feature_channels(self) -> slice:
        """Positions of the features among the channels; those relative to their last block follow."""
        start = 2 if self.track == "with_target" else 0
        return slice(start, start + len(self.features))

    @property
    def first(self) -> dict[str, float]:
        """Feature -> the value that holds before its first one is measured."""
        return dict(zip(self.features, self.typical or self.center, strict=True))

    def encode(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """Encode windows of a dataset: (N,) ends -> (N, steps, channels)."""
        own = slice(-self.window, None)  # a pruned network may look back less far than the dataset
        parts = [
            self.encode_history(
                dataset.history(part)[:, own], dataset.feature_history(part, list(self.features))[:, own]
            )
            for part in np.array_split(ends, max(1, -(-len(ends) // BATCH)))
        ]
        return np.concatenate(parts)

    def encode_history(self, health: Floats, features: Floats) -> Singles:
        """Encode raw histories.

        Args:
            health: (N, window) health; not used on track ``sensors_only``.
            features: (N, window, F) in the order of ``self.features``, natural units.

        Returns:
            (N, steps, channels), within +-8.
        """
        blocks = _block_means(features, self.block)
        parts = [self._scaled(blocks)]
        if self.relative:
            chosen = blocks[..., [self.features.index(name) for name in self.relative]]
            change = (chosen - chosen[:, -1:]) / np.array(self.relative_scale)
            parts.append(np.clip(change, -FEATURE_CLIP, FEATURE_CLIP))
        if self.track == "with_target":
            parts.insert(0, self._past(health))
        return np.clip(np.concatenate(parts, axis=2), -CLIP, CLIP).astype(np.float32)

    def anchor(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N, 1) health that a net's output is relative to: the last one, or on track ``sensors_only`` a constant."""
        return self.anchor_history(dataset.health[ends - 1][:, None])

    def anchor_history(self, health: Floats) -> Singles:
        """(N, W) health -> (N, 1) anchor; see ``anchor``."""
        if self.track == "sensors_only":
            return np.full((len(health), 1), self.level_mean, np.float32)
        return health[:, -1:].astype(np.float32)

    def _past(self, health: Floats) -> Floats:
        last = health[:, -1:]
        change = (_block_means(health[..., None], self.block)[..., 0] - last) / self.delta_scale
        drops = np.minimum(change[:, :-1] - change[:, 1:], self.drop_limit)
        past = change[:, -1:] + np.cumsum(drops[:, ::-1], axis=1)[:, ::-1]
        level = np.broadcast_to((last - self.level_mean) / self.level_scale, change.shape)
        return np.stack([np.concatenate([past, change[:, -1:]], axis=1), level], axis=2)

    def _scaled(self, blocks: Floats) -> Floats:
        if not self.quantiles:
            scaled = (blocks - np.array(self.center)) / np.array(self.scale)
            return np.clip(scaled, -FEATURE_CLIP, FEATURE_CLIP)
        scores = np.linspace(-RANK_SPAN, RANK_SPAN, len(self.quantiles[0]))
        columns = [np.interp(blocks[..., i], knots, scores) for i, knots in enumerate(self.quantiles)]
        return np.stack(columns, axis=2)

    def to_json(self) -> dict[str, Any]:
        """As a JSON-ready dict; without ``typical`` where there is none, so that an older model keeps its hash."""
        content = asdict(self)
        return content if self.typical else {key: value for key, value in content.items() if key != "typical"}


def fit_encoder(dataset: WindowDataset, task: TaskParams) -> Encoder:
    """Fit an encoder on the own training windows of ``dataset`` (stride 1), and its ranges on all training rows."""
    channels = dataset.task.channels
    ends = dataset.windows("train", 1)
    ends = ends[dataset.own(ends)]
    features = dataset.features[:, dataset.columns(list(channels.features))]
    position = [channels.features.index(name) for name in channels.relative]
    blocks = _block_means_ending_at(features, ends, task.block)
    first = _block_means_ending_at(features[:, position], ends - task.window + task.block, task.block)
    size, change = np.abs(blocks).max(axis=0, initial=0.0), blocks[:, position] - first
    rows = features[dataset.training_rows]
    last = dataset.health[ends - 1]
    delta_scale = 3.0 * float(np.nanmean(np.abs(dataset.targets(ends) - last[:, None])))
    levels = _block_means_ending_at(dataset.health[:, None], ends, task.block)[:, 0]
    before = _block_means_ending_at(dataset.health[:, None], ends - task.block, task.block)[:, 0]
    return Encoder(
        track=task.track,
        window=task.window,
        block=task.block,
        horizon=task.horizon,
        knots=tuple(task.knots),
        features=tuple(channels.features),
        relative=tuple(channels.relative),
        center=_floats(blocks.mean(axis=0)),
        scale=_floats(_spread(blocks, size)),
        quantiles=_quantiles(blocks, size, channels.quantiles),
        low=_floats(rows.min(axis=0)),
        high=_floats(rows.max(axis=0)),
        relative_scale=_floats(_spread(change, size[position])),
        level_mean=float(last.mean()),
        level_scale=float(_spread(last[:, None], np.abs(last).max(keepdims=True))[0]),
        delta_scale=delta_scale,
        drop_limit=float(np.quantile((before - levels) / delta_scale, 0.99)),
        typical=tuple(dataset.task.typical[name] for name in channels.features) if dataset.task.typical else (),
    )


def varies(values: Floats, size: Floats) -> npt.NDArray[np.bool_]:
    """(F,) whether columns of ``values`` (N, F) vary by more than the rounding of numbers of their ``size`` (F,)."""
    return np.asarray(np.ptp(values, axis=0) > ROUNDING * size)


def _quantiles(blocks: Floats, size: Floats, count: int) -> tuple[tuple[float, ...], ...]:
    """Quantiles of each column; of one that does not vary, a ramp around it, on which it is 0."""
    if not count:
        return ()
    levels = np.maximum.accumulate(np.quantile(blocks, np.linspace(0, 1, count), axis=0), axis=0)
    own = np.where(size > 0, size, 1.0)
    ramp = np.median(blocks, axis=0) + own * np.linspace(-1, 1, count)[:, None]
    levels = np.where(varies(blocks, size), levels, ramp)
    return tuple(_floats(levels[:, i]) for i in range(blocks.shape[1]))


def _spread(values: Floats, size: Floats) -> Floats:
    """(N, F) -> (F,) standard deviations; of a column that does not vary, its own size, so that it stays within ±1.

    Args:
        size: (F,) of the numbers that the values are made of; 1 stands in for 0.
    """
    largest = np.abs(values).max(axis=0, initial=0.0)
    own = np.where(largest > ROUNDING * size, largest, np.where(size > 0, size, 1.0))
    return np.where(varies(values, size), values.std(axis=0), own)


def _floats(values: npt.ArrayLike) -> tuple[float, ...]:
    return tuple(float(value) for value in np.atleast_1d(values))


def _block_means(values: Floats, block: int) -> Floats:
    """(N, window, F) -> (N, window / block, F)."""
    count, window, width = values.shape
    return values.reshape(count, window // block, block, width).mean(axis=2)


def _block_means_ending_at(values: Floats, ends: Ends, block: int) -> Floats:
    """Mean of the ``block`` rows before each end: (R, F), (N,) -> (N, F)."""
    return values[ends[:, None] + np.arange(-block, 0)].mean(axis=1)
