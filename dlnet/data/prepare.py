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
from dlnet.data.gap_findings import missing_findings, not_measured
from dlnet.data.oddities import oddities
from dlnet.data.schema import KEYS
from dlnet.data.split import SPLITS, split_assets
from dlnet.data.windows import measured_ahead
from dlnet.errors import ConfigError


@dataclass(frozen=True)
class Prepared:
    """Outputs of the prepare stage (formats in docs/data.md).

    Attributes:
        rows: ``rows.parquet``.
        assets: ``assets.parquet``.
        task: ``task.json``.
        raw: (R,) health before cleaning, NaN where it was not measured, for the report.
        touched, missing: (R, F) which feature values were replaced, and which were not measured, for the report.
        public_rows, public_assets: of public sources that train beside these, see ``dlnet.data.public``; None: none.
    """

    rows: pd.DataFrame
    assets: pd.DataFrame
    task: TaskRecord
    raw: np.ndarray
    touched: np.ndarray
    missing: np.ndarray
    public_rows: pd.DataFrame | None = None
    public_assets: pd.DataFrame | None = None

    def all_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """``rows.parquet`` and ``assets.parquet``: the own assets, then the public ones; the own have weight 1."""
        if self.public_rows is None or self.public_assets is None:
            return self.rows, self.assets
        own, public = self.assets.assign(weight=1.0, public=False), self.public_assets.assign(public=True)
        rows = pd.concat([self.rows, self.public_rows], ignore_index=True)
        return rows, pd.concat([own, public], ignore_index=True)


def prepare(
    table: pd.DataFrame,
    source: SourceRecord,
    quantities: Quantities,
    clean: CleanParams,
    split: SplitParams,
    task: TaskParams,
    preset: Preset = "default",
) -> Prepared:
    """Assign the assets to splits and clean each one.

    Rows before an asset's first target are left out: nothing is known of its health there.

    Args:
        table: ``assets.parquet`` of the fetch stage.
        source: ``source.json`` of the fetch stage.
        quantities: the task. clean: section ``clean``. split: section ``split``. task: section ``task``.
        preset: whose values the sections to come have; every result names it.

    Raises:
        ConfigError: a feature of the track is not in the data, or is relative and no input, or has no value in any
            training asset; ``clean.min_rows`` is too small for a window; or the track would see a target that is known
            only after failure.
        DataError: too few assets for the split.
    """
    features = [name for name in table.columns if name not in KEYS]
    if source.columns.labels == "check_up":
        quantities = unfiltered(quantities)
    channels = task.channels(quantities, features)
    _check_features(channels, features, task)
    _check_rows(clean, task)
    check_leak(table, quantities, task)
    table = from_first_target(table).reset_index(drop=True)
    raw = quantities.target.to_health(table["quantity"] / table["nominal"])
    table = table.assign(health=raw)
    assets = split_assets(sizes(table), split, clean.min_rows)
    training = table.loc[table["asset"].isin(assets.loc[assets["used_in_training"], "asset"]), features]
    typical = typical_values(training)
    channels = task.channels(quantities, features, float(training.isna().to_numpy().mean()) if features else 0.0)
    parts = clean_table(table, features, clean, quantities, task.track, typical)
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    assets = assets.merge(pd.DataFrame([part.counts for part in parts]), on="asset", how="left")
    columns = ["asset", "group", "rows", "split", "used_in_training", *_TOUCHED]
    findings = (*source.findings, *(finding for part in parts for finding in part.findings))
    record = TaskRecord(
        **{**dict(source), "findings": findings},
        **{name: getattr(task, name) for name in Windows.model_fields},
        quantities=quantities,
        clean=clean,
        features=tuple(features),
        channels=channels,
        counts=_counts(assets, rows, task),
        typical=typical,
        preset=preset,
    )
    touched = np.concatenate([part.touched for part in parts])
    missing = table[features].isna().to_numpy()
    return Prepared(rows, assets[columns], record, raw, touched, missing)


def unfiltered(quantities: Quantities) -> Quantities:
    """The task whose target has no outliers: between check-ups it stands still, so each of them would look like one."""
    low, high = quantities.target.range
    return quantities.model_copy(update={"cleaning": quantities.cleaning.model_copy(update={"target": high - low})})


def from_first_target(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``assets.parquet`` without those before an asset's first target."""
    return table[table["quantity"].notna().groupby(table["asset"], sort=False).cummax()]


def sizes(table: pd.DataFrame) -> pd.DataFrame:
    """One row an asset: ``asset``, ``group``, ``rows``."""
    groups = table.groupby("asset", sort=False)
    return groups.agg(group=("group", "first"), rows=("group", "size")).reset_index()


def typical_values(training: pd.DataFrame) -> dict[str, float]:
    """Feature -> its median in rows of the training assets."""
    empty = [str(name) for name in training.columns if training[name].isna().all()]
    if empty:
        raise ConfigError(
            f"params.yaml: data.csv.features: {empty[0]!r} has no value in any training asset; leave it out"
        )
    return {str(name): float(training[name].median()) for name in training.columns}


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
    measured = table[table["quantity"].notna()].groupby("asset", sort=False)
    steps = (measured["quantity"].diff() / measured["row"].diff()).dropna().to_numpy()
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
class Cleaned:
    """Rows of one asset, what was counted, (n, F) which feature values were replaced, and what is odd."""

    rows: pd.DataFrame
    counts: dict[str, Any]
    touched: np.ndarray
    findings: list[Finding]


def clean_table(
    table: pd.DataFrame,
    features: list[str],
    clean: CleanParams,
    quantities: Quantities,
    track: Track,
    typical: dict[str, float],
) -> list[Cleaned]:
    """Each asset of ``assets.parquet`` with a column ``health``, cleaned; ``typical``: see ``TaskRecord``."""
    bar = tqdm(table.groupby("asset", sort=False), desc="cleaning", unit="asset", leave=False)
    return [_clean_asset(asset, features, clean, quantities, track, typical) for _, asset in bar]


def _clean_asset(
    asset: pd.DataFrame,
    features: list[str],
    clean: CleanParams,
    quantities: Quantities,
    track: Track,
    typical: dict[str, float],
) -> Cleaned:
    health, measured = asset["health"].to_numpy(), asset[features].to_numpy(np.float64)
    inputs, values = clean_inputs(health, measured, features, clean, quantities, track=track, typical=typical)
    targets = clean_targets(health, clean, quantities)
    touched, known = (values != measured) & np.isfinite(measured), np.isfinite(health)
    rows = asset[["asset", "group", "row"]].assign(health=inputs, target=targets)
    rows = pd.concat([rows, pd.DataFrame(values, columns=features, index=rows.index)], axis=1)
    counts = {
        "asset": asset["asset"].iloc[0],
        "touched_inputs": int((inputs != health)[known].sum()),
        "touched_targets": int((targets != health)[known].sum()),
        "touched_features": int(touched.sum()),
    }
    name, before = counts["asset"], int(asset["row"].iloc[0])
    found = [
        *check_up_findings(name, health_levels(health, clean, quantities), quantities, track),
        *missing_findings(name, measured, features, quantities),
        *oddities(name, health, targets, measured, quantities),
    ]
    findings = [*not_measured(name, before, health, quantities), *(finding.after(before) for finding in found)]
    return Cleaned(rows, counts, touched, findings)


def _counts(assets: pd.DataFrame, rows: pd.DataFrame, task: TaskParams) -> dict[str, SplitCounts]:
    """Assets, rows and windows of each split."""
    counts: dict[str, dict[str, int]] = {}
    for split in (*SPLITS, "unused"):
        of_split = assets[assets["split"] == split]
        counts[split] = {"assets": len(of_split), "rows": int(of_split["rows"].sum())}
        if split in SPLITS:
            used = of_split[of_split["used_in_training"]] if split == "train" else of_split
            stride = task.stride_train if split == "train" else task.stride_eval
            counts[split]["windows"] = count_windows(rows[rows["asset"].isin(used["asset"])], task, stride)
    counts["train"]["assets_used"] = int(assets["used_in_training"].sum())
    return {split: SplitCounts(**entry) for split, entry in counts.items()}


def count_windows(rows: pd.DataFrame, task: TaskParams, stride: int) -> int:
    """Windows with labels of the assets in ``rows``, ``stride`` rows apart."""
    lives = rows.groupby("asset", sort=False)["target"]
    return sum(_windows(life.notna().to_numpy(), task, stride) for _, life in lives)


def _windows(measured: np.ndarray, task: TaskParams, stride: int) -> int:
    """Windows of an asset, from (n,) which of its rows measured the target."""
    ends = np.arange(task.window, len(measured) - task.horizon + 1, stride)
    return int(measured_ahead(measured, ends, task.horizon).sum())
