"""Cleaned rows in memory, and windows of them.

A window is identified by its end: the global row index one past its last input row. Inputs are the ``window`` rows
before the end, targets the ``horizon`` rows from the end on, all of one asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data.documents import TaskRecord
from dlnet.data.life import Life
from dlnet.errors import DataError
from dlnet.metrics import Errors, errors

Split = Literal["train", "validation", "test"]
Ends = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

SPARSE = 0.5
"""Share of rows that measured the target below which training makes use of each of them."""

ROW_COLUMNS = ("asset", "group", "row", "health", "target")


@dataclass(frozen=True)
class Histories:
    """N windows of cleaned rows, the input of a model.

    Attributes:
        health: (N, W) health: the target as models see it, see ``quantities.Target``.
        features: (N, W, F) in natural units. names: of the F features.
        known: the rows of their assets from the first one on; None: the windows hold all that is known.
    """

    health: Floats
    features: Floats
    names: tuple[str, ...]
    known: Life | None = None

    @property
    def life(self) -> Life:
        """The rows of their assets; where nothing else is known, those of the windows: the assets begin with them."""
        if self.known is not None:
            return self.known
        return Life.of_assets(list(self.health), list(self.features), self.names)

    def last(self, rows: int) -> Histories:
        """The last ``rows`` rows of each window; what is known of the rows before them stays known."""
        return Histories(self.health[:, -rows:], self.features[:, -rows:], self.names, self.life)

    def of(self, names: Sequence[str]) -> Floats:
        """(N, W, len(names)) the features of these names."""
        return self.features[..., [self.names.index(name) for name in names]]


@dataclass(frozen=True)
class WindowDataset:
    """All cleaned rows of all assets, concatenated.

    Attributes:
        health: (R,) health as the device would see it (causally cleaned).
        target: (R,) health to be forecast (cleaned with both sides known); NaN where it was not measured, and for test
            assets unless allowed.
        measured: (R,) whether a row measured the target.
        features: (R, F) causally cleaned features, in the order of ``feature_names``.
        asset_index: (R,) index into ``assets``.
        assets: names of the assets.
        split: asset name -> train, validation, test or unused.
        training: names of the training assets in use (a share of the training split).
        task: source, params and counts (``task.json``).
        public: asset of a public source, which only trains -> weight of one of its windows; others are own and have 1.
    """

    health: Floats
    target: Floats
    measured: npt.NDArray[np.bool_]
    features: Floats
    feature_names: tuple[str, ...]
    asset_index: npt.NDArray[np.int64]
    assets: tuple[str, ...]
    split: dict[str, str]
    training: frozenset[str]
    task: TaskRecord
    public: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, *, allow_test: bool = False) -> WindowDataset:
        """Read what the prepare stage wrote; the targets of test assets are NaN unless ``allow_test``."""
        task = TaskRecord.read(folder / "task.json")
        rows, assets = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "assets.parquet")
        return cls.from_tables(rows, assets, task, allow_test=allow_test)

    @classmethod
    def from_tables(
        cls, rows: pd.DataFrame, assets: pd.DataFrame, task: TaskRecord, *, allow_test: bool = False
    ) -> WindowDataset:
        """Build a dataset from the tables of the prepare stage (formats in docs/data.md)."""
        names = tuple(dict.fromkeys(rows["asset"]))
        position = {name: i for i, name in enumerate(names)}
        split = dict(zip(assets["asset"], assets["split"], strict=True))
        asset_index = rows["asset"].map(position).to_numpy(np.int64)
        target = rows["target"].to_numpy(np.float64).copy()
        measured = np.isfinite(target)
        if not allow_test:
            hidden = np.array([split[name] == "test" for name in names])
            target[hidden[asset_index]] = np.nan
        feature_names = tuple(column for column in rows.columns if column not in ROW_COLUMNS)
        public = assets[assets["public"]] if "public" in assets else assets[:0].assign(weight=1.0)
        return cls(
            health=rows["health"].to_numpy(np.float64),
            target=target,
            measured=measured,
            features=rows[list(feature_names)].to_numpy(np.float64),
            feature_names=feature_names,
            asset_index=asset_index,
            assets=names,
            split=split,
            training=frozenset(assets.loc[assets["used_in_training"], "asset"]),
            task=task,
            public=dict(zip(public["asset"], public["weight"].astype(float), strict=True)),
        )

    @property
    def window(self) -> int:
        """Rows of history in a window."""
        return self.task.window

    @property
    def horizon(self) -> int:
        """Rows ahead to forecast."""
        return self.task.horizon

    @property
    def stride_eval(self) -> int:
        """Rows from one validation or test window to the next."""
        return self.task.stride_eval

    def windows(self, split: Split, stride: int, *, labelled: bool = True) -> Ends:
        """Ends of the windows of a split, ``stride`` rows apart.

        Args:
            split: which assets; for ``train`` only those in use.
            stride: rows from one end to the next, >= 1.
            labelled: keep only windows with all ``horizon`` rows ahead, one of them measured; else all.

        Returns:
            (N,) global row indices, one past the last input row.
        """
        of_split = [
            i
            for i, name in enumerate(self.assets)
            if self.split.get(name) == split and (split != "train" or name in self.training)
        ]
        starts = np.searchsorted(self.asset_index, np.arange(len(self.assets) + 1))
        ahead = self.horizon if labelled else 0
        ends = [np.arange(starts[i] + self.window, starts[i + 1] - ahead + 1, stride, dtype=np.int64) for i in of_split]
        found = np.concatenate(ends) if ends else np.empty(0, np.int64)
        return found[measured_ahead(self.measured, found, self.horizon)] if labelled else found

    @property
    def sparse(self) -> bool:
        """Whether most own rows did not measure the target, so that windows some rows apart would miss what was."""
        if not self.public:
            return bool(self.measured.mean() < SPARSE)
        return bool(self.measured[~self._public_rows].mean() < SPARSE)

    @property
    def _public_rows(self) -> npt.NDArray[np.bool_]:
        """(R,) whether a row is of an asset of a public source."""
        return np.isin(self.asset_index, [i for i, name in enumerate(self.assets) if name in self.public])

    def own(self, ends: Ends) -> npt.NDArray[np.bool_]:
        """(N,) whether each window is of an own asset."""
        return np.asarray(~self._public_rows[ends - 1])

    def weights(self, ends: Ends) -> Floats | None:
        """(N,) weight of each window in training; None where all weigh the same."""
        if not self.public:
            return None
        of_asset = np.array([self.public.get(name, 1.0) for name in self.assets])
        return np.asarray(of_asset[self.asset_of(ends)])

    @property
    def training_rows(self) -> npt.NDArray[np.bool_]:
        """(R,) whether a row is of a training asset in use, until the end of its data."""
        return np.isin(self.asset_index, [i for i, name in enumerate(self.assets) if name in self.training])

    def asset_of(self, ends: Ends) -> npt.NDArray[np.int64]:
        """(N,) index into ``assets`` of each window."""
        return self.asset_index[ends - 1]

    def targets(self, ends: Ends) -> Singles:
        """(N, horizon) health of the rows after each window; NaN where it was not measured.

        Raises:
            DataError: a window is of a test asset and the dataset was loaded without ``allow_test``.
        """
        rows = ends[:, None] + np.arange(self.horizon)
        values = self.target[rows]
        if np.isnan(values[self.measured[rows]]).any():
            raise DataError(
                "targets of test assets are read only by stages.evaluate (WindowDataset.load(allow_test=True))"
            )
        return values.astype(np.float32)

    def errors(self, forecast: Floats | Singles, ends: Ends) -> Errors:
        """Errors of (N, horizon) forecasts of health for the windows ``ends`` (N,), in the unit of the target."""
        return errors(forecast, self.targets(ends), self.asset_of(ends), self.assets, self.unit_size)

    @property
    def unit_size(self) -> float:
        """Size of a unit of health in the unit of the task's target; errors are shown in the latter."""
        return self.task.quantities.target.size

    def history(self, ends: Ends) -> Floats:
        """(N, window) health of the rows in each window."""
        return self.health[ends[:, None] + np.arange(-self.window, 0)]

    def columns(self, names: list[str]) -> npt.NDArray[np.int64]:
        """Positions of features by name.

        Raises:
            DataError: a name is not among the features of this data.
        """
        missing = [name for name in names if name not in self.feature_names]
        if missing:
            raise DataError(
                f"task.{self.task.track}.features names {missing}, but the data has "
                f"{list(self.feature_names)}; change params.yaml"
            )
        return np.array([self.feature_names.index(name) for name in names], np.int64)

    def histories(self, ends: Ends, names: Sequence[str]) -> Histories:
        """Windows with the features ``names``, and the lives of their assets up to them."""
        first = np.searchsorted(self.asset_index, self.asset_of(ends)).astype(np.int64)
        life = Life(self.health, self.features, self.feature_names, first, ends)
        return Histories(self.history(ends), self.feature_history(ends, list(names)), tuple(names), life)

    def feature_history(self, ends: Ends, names: list[str]) -> Floats:
        """(N, window, F) features of the rows in each window."""
        return self.features[:, self.columns(names)][ends[:, None] + np.arange(-self.window, 0)]


def measured_ahead(measured: npt.NDArray[np.bool_], ends: Ends, horizon: int) -> npt.NDArray[np.bool_]:
    """(R,) whether rows measured the target, (N,) ends -> (N,) whether one of the ``horizon`` rows ahead did."""
    count = np.concatenate([[0], np.cumsum(measured)])
    return np.asarray(count[ends + horizon] > count[ends])
