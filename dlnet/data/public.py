"""Public assets beside a user's own: they train, and never validate or test.

Each source is cleaned as the own one is. Its health is relative to its own nominal values, and its features are mapped
to the scale of the own ones, so that a network reads both alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.config.clean import CleanParams
from dlnet.config.data import DataParams
from dlnet.config.quantities import Quantities
from dlnet.config.task import TaskParams
from dlnet.data import published
from dlnet.data.clean import ROUNDING
from dlnet.data.documents import PublicSource
from dlnet.data.prepare import Prepared, clean_table, count_windows, from_first_target, sizes, typical_values
from dlnet.data.schema import KEYS
from dlnet.data.sources import load_assets
from dlnet.data.split import UNUSED
from dlnet.data.windows import Floats
from dlnet.errors import ConfigError, DataError

EMBEDDED = Path("data/embedded.parquet")
"""The simulated cells of the repository."""


def load_public(
    data: DataParams, quantities: Quantities, own: pd.DataFrame
) -> tuple[dict[str, pd.DataFrame], tuple[PublicSource, ...]]:
    """Read the public sources of ``data.public``.

    Args:
        own: ``assets.parquet`` of the own assets.

    Returns:
        The table of each source, with the columns of ``own``, assets and groups named ``source:name``; and the entries
        of ``source.json``.

    Raises:
        ConfigError: the task is not that of the public sources, or one lacks a feature of the own assets.
        DataError, DownloadError: as ``load_assets``.
    """
    tables: dict[str, pd.DataFrame] = {}
    records = []
    for source, weight in data.public.items():
        if quantities.name != published.TASK:
            raise ConfigError(
                f"params.yaml: data.public: {source} holds quantities of task {published.TASK!r}, and task.name is "
                f"{quantities.name!r}; leave data.public empty"
            )
        table, record = load_assets(data.model_copy(update={"source": source, "path": EMBEDDED}), quantities)
        tables[source] = as_public(table, own, source)
        known = {name: getattr(record, name) for name in ("source", "label", "simulated", "assets", "rows")}
        records.append(PublicSource(**{**known, "source": source}, weight=weight))
    return tables, tuple(records)


def as_public(table: pd.DataFrame, own: pd.DataFrame, source: str) -> pd.DataFrame:
    """The table of a public source with the columns of the own one, its assets and groups named ``source:name``.

    Raises:
        ConfigError: it lacks a feature of the own assets.
    """
    features = [name for name in own.columns if name not in KEYS]
    missing = [name for name in features if name not in table.columns]
    if missing:
        raise ConfigError(
            f"params.yaml: data.public: {source} has no {missing[0]!r}, which the own data have; leave that feature "
            f"out of data.csv.features, or {source} out of data.public"
        )
    named = {key: f"{source}:" + table[key] for key in ("asset", "group")}
    return table[[*KEYS, *features]].assign(**named)


@dataclass(frozen=True)
class PublicAssets:
    """A cleaned public source: its entry in ``task.json``, and its part of ``rows.parquet`` and ``assets.parquet``.

    The features are in their own scale still; the assets have a column ``weight``.
    """

    record: PublicSource
    rows: pd.DataFrame
    assets: pd.DataFrame


def clean_public(
    table: pd.DataFrame, record: PublicSource, quantities: Quantities, clean: CleanParams, task: TaskParams
) -> PublicAssets:
    """Clean the table of a public source, and count what trains: assets of ``clean.min_rows`` rows, and their windows.

    Raises:
        DataError: no asset is long enough.
    """
    features = [name for name in table.columns if name not in KEYS]
    table = from_first_target(table).reset_index(drop=True)
    table = table.assign(health=quantities.target.to_health(table["quantity"] / table["nominal"]))
    assets = sizes(table)
    used = assets["rows"] >= clean.min_rows
    if not used.any():
        raise DataError(f"data.public: no asset of {record.source} has the {clean.min_rows} rows of clean.min_rows")
    table = table[table["asset"].isin(assets.loc[used, "asset"])].reset_index(drop=True)
    parts = clean_table(table, features, clean, quantities, task.track, typical_values(table[features]))
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    touched = pd.DataFrame([part.counts for part in parts]).set_index("asset")
    assets = assets.assign(split=np.where(used, "train", UNUSED), used_in_training=used, weight=record.weight)
    assets = assets.join(touched.reindex(assets["asset"], fill_value=0), on="asset")
    counted = {"used": int(used.sum()), "windows": count_windows(rows, task, task.stride_train)}
    return PublicAssets(record.model_copy(update=counted), rows, assets)


def add_public(prepared: Prepared, public: Sequence[PublicAssets]) -> Prepared:
    """The prepared own assets, and beside them those of public sources, for training alone.

    Returns:
        ``prepared`` with ``public_rows`` and ``public_assets``; its record names the sources, its notes what trains.

    Raises:
        DataError: an asset has the name of an own one.
    """
    names = list(prepared.task.features)
    training = prepared.assets.loc[prepared.assets["used_in_training"], "asset"]
    own = prepared.rows.loc[prepared.rows["asset"].isin(training), names].to_numpy(np.float64)
    same = sorted(set(prepared.assets["asset"]) & {name for part in public for name in part.assets["asset"]})
    if same:
        raise DataError(f"data.public: {same[0]!r} is also the name of an own asset; rename the own one")
    rows = []
    for part in public:
        values = matched(part.rows[names].to_numpy(np.float64), own)
        rows.append(part.rows.assign(**dict(zip(names, values.T, strict=True))))
    notes = [_note(part.record, prepared.task.quantities) for part in public]
    changes = {"public": tuple(part.record for part in public), "notes": (*prepared.task.notes, *notes)}
    return replace(
        prepared,
        task=prepared.task.model_copy(update=changes),
        public_rows=pd.concat(rows, ignore_index=True),
        public_assets=pd.concat([part.assets for part in public], ignore_index=True),
    )


def matched(values: Floats, own: Floats) -> Floats:
    """(R, F) features of a public source, shifted and stretched so that each has mean and spread of the own (S, F).

    A feature that does not vary in one of the two gets the mean of the own one.
    """
    spread, wanted = values.std(axis=0), own.std(axis=0)
    varies = spread > ROUNDING * np.abs(values).max(axis=0, initial=0.0)
    factor = np.where(varies, wanted / np.where(varies, spread, 1.0), 0.0)
    return np.asarray((values - values.mean(axis=0)) * factor + own.mean(axis=0))


def _note(record: PublicSource, quantities: Quantities) -> str:
    return (
        f"Training also saw {quantities.asset.count(record.used or 0)} of the public source {record.label}, each "
        f"window with weight {record.weight:g}; validation and test are of the own {quantities.asset.many} alone."
    )
