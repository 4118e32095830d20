"""Cleans assets and splits them: the data that every model is trained and evaluated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dlnet.config.clean import CleanParams
from dlnet.config.presets import Preset
from dlnet.config.quantities import Quantities, Track
from dlnet.config.split import SplitParams
from dlnet.config.task import Channels, TaskParams, Windows
from dlnet.data.check_ups import check_up_findings
from dlnet.data.clean import clean_inputs, clean_targets, health_levels
from dlnet.data.documents import SourceRecord, SplitCounts, TaskRecord
from dlnet.data.findings import Finding
from dlnet.data.oddities import oddities
from dlnet.data.schema import KEYS
from dlnet.data.split import SPLITS, split_assets
from dlnet.errors import ConfigError


@dataclass(frozen=True)
class Prepared:
    """Outputs of the prepare stage (formats in docs/data.md).

    Attributes:
        rows: ``rows.parquet``.
        assets: ``assets.parquet``.
        task: ``task.json``.
        raw: (R,) health before cleaning, for the report.
        touched: (R, F) which feature values were replaced, for the report.
    """

    rows: pd.DataFrame
    assets: pd.DataFrame
    task: TaskRecord
    raw: np.ndarray
    touched: np.ndarray


def prepare(
    table: pd.DataFrame,
    source: SourceRecord,
    quantities: Quantities,
    clean: CleanParams,
    split: SplitParams,
    task: TaskParams,
    preset: Preset = "default",
) -> Prepared:
    """Clean every asset and assign the assets to splits.

    Args:
        table: ``assets.parquet`` of the fetch stage.
        source: ``source.json`` of the fetch stage.
        quantities: the task. clean: section ``clean``. split: section ``split``. task: section ``task``.
        preset: whose values the sections to come have; every result names it.

    Raises:
        ConfigError: a feature of the track is not in the data, or is relative and no input; ``clean.min_rows`` is too
            small for a window; or the track would see a target that is known only after failure.
        DataError: too few assets for the split.
    """
    features = [name for name in table.columns if name not in KEYS]
    channels = task.channels(quantities, features)
    _check_features(channels, features, task)
    _check_rows(clean, task)
    check_leak(table, quantities, task)
    raw = quantities.target.to_health(table["quantity"] / table["nominal"])
    bar = tqdm(table.assign(health=raw).groupby("asset", sort=False), desc="cleaning", unit="asset", leave=False)
    parts = [_clean_asset(asset, features, clean, quantities, task.track) for _, asset in bar]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    assets = split_assets(pd.DataFrame([part.counts for part in parts]), split, clean.min_rows)
    columns = ["asset", "group", "rows", "split", "used_in_training", *_TOUCHED]
    findings = (*source.findings, *(finding for part in parts for finding in part.findings))
    record = TaskRecord(
        **{**dict(source), "findings": findings},
        **{name: getattr(task, name) for name in Windows.model_fields},
        quantities=quantities,
        clean=clean,
        features=tuple(features),
        channels=channels,
        counts=_counts(assets, task),
        preset=preset,
    )
    return Prepared(rows, assets[columns], record, raw, np.concatenate([part.touched for part in parts]))


_TOUCHED = ["touched_inputs", "touched_targets", "touched_features"]


def check_leak(table: pd.DataFrame, quantities: Quantities, task: TaskParams) -> None:
    """Refuse a past that nobody has: a target known only once the asset has failed, as an input.

    Raises:
        ConfigError: the task says so, or every asset's target counts down by one step of time a row.
    """
    target = quantities.target
    if task.track != "with_target":
        return
    advice = "choose task.track sensors_only (params.yaml)"
    if target.known == "after failure":
        raise ConfigError(
            f"params.yaml: task.track: {target.symbol} is known only after failure (tasks/{quantities.name}.yaml: "
            f"target.known), so its past cannot be an input; {advice}"
        )
    steps = table.groupby("asset", sort=False)["quantity"].diff().dropna().to_numpy()
    if not target.over_nominal and len(steps) and np.allclose(steps, -quantities.time.step, rtol=1e-6, atol=0):
        raise ConfigError(
            f"params.yaml: task.track: {target.quantity} falls by exactly one step of time a row on every "
            f"{quantities.asset.one}: remaining life, which is known only after failure; {advice}"
        )


def _check_features(channels: Channels, features: list[str], task: TaskParams) -> None:
    if task.track == "sensors_only" and not channels.features:
        raise ConfigError(
            "params.yaml: task.track: sensors_only needs at least one feature; choose with_target, or "
            "name some in data.csv.features and task.sensors_only.features"
        )
    missing = [name for name in (*channels.features, *channels.relative) if name not in features]
    if missing:
        raise ConfigError(
            f"params.yaml: task.{task.track}.features: {missing[0]!r} is not in the data, which has "
            f"{', '.join(map(repr, features)) or 'no features'}; leave it out or map it in data.csv.features"
        )
    unseen = [name for name in channels.relative if name not in channels.features]
    if unseen:
        raise ConfigError(
            f"params.yaml: task.{task.track}.relative: {unseen[0]!r} is not among the track's features, which are "
            f"{', '.join(map(repr, channels.features)) or 'none'}; add it there or leave it out"
        )


def _check_rows(clean: CleanParams, task: TaskParams) -> None:
    if clean.min_rows < task.window + task.horizon:
        raise ConfigError(
            f"params.yaml: clean.min_rows ({clean.min_rows}) must be at least task.window + task.horizon "
            f"({task.window} + {task.horizon})"
        )
    if clean.window > task.window:
        raise ConfigError(
            f"params.yaml: clean.window ({clean.window}) must be at most task.window ({task.window}): a device cleans "
            "within the rows that a model reads"
        )


@dataclass(frozen=True)
class _Cleaned:
    """Rows of one asset, what was counted, (n, F) which feature values were replaced, and what is odd."""

    rows: pd.DataFrame
    counts: dict[str, Any]
    touched: np.ndarray
    findings: list[Finding]


def _clean_asset(
    asset: pd.DataFrame, features: list[str], clean: CleanParams, quantities: Quantities, track: Track
) -> _Cleaned:
    health, measured = asset["health"].to_numpy(), asset[features].to_numpy(np.float64)
    inputs, values = clean_inputs(health, measured, features, clean, quantities, track=track)
    targets = clean_targets(health, clean, quantities)
    touched = values != measured
    rows = asset[["asset", "group", "row"]].assign(health=inputs, target=targets)
    rows = pd.concat([rows, pd.DataFrame(values, columns=features, index=rows.index)], axis=1)
    counts = {
        "asset": asset["asset"].iloc[0],
        "group": asset["group"].iloc[0],
        "rows": len(asset),
        "touched_inputs": int((inputs != health).sum()),
        "touched_targets": int((targets != health).sum()),
        "touched_features": int(touched.sum()),
    }
    levels = health_levels(health, clean, quantities)
    findings = [
        *check_up_findings(counts["asset"], levels, quantities, track),
        *oddities(counts["asset"], health, targets, measured, quantities),
    ]
    return _Cleaned(rows, counts, touched, findings)


def _counts(assets: pd.DataFrame, task: TaskParams) -> dict[str, SplitCounts]:
    """Assets, rows and windows of each split."""
    counts: dict[str, dict[str, int]] = {}
    for split in (*SPLITS, "unused"):
        of_split = assets[assets["split"] == split]
        counts[split] = {"assets": len(of_split), "rows": int(of_split["rows"].sum())}
        if split in SPLITS:
            used = of_split[of_split["used_in_training"]] if split == "train" else of_split
            stride = task.stride_train if split == "train" else task.stride_eval
            starts = used["rows"] - task.window - task.horizon
            counts[split]["windows"] = int((starts // stride + 1).clip(lower=0).sum())
    counts["train"]["assets_used"] = int(assets["used_in_training"].sum())
    return {split: SplitCounts(**entry) for split, entry in counts.items()}
