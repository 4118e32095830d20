"""Assigns assets (never windows) to training, validation and test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dlnet.config.split import SplitParams
from dlnet.errors import DataError

SPLITS = ("train", "validation", "test")
UNUSED = "unused"
MIN_CELLS = 5
MIN_TRAIN = 2


def split_assets(assets: pd.DataFrame, params: SplitParams, min_rows: int) -> pd.DataFrame:
    """Assign assets to splits, stratified by group and, within a group, by life.

    The assets of a group are sorted by rows and divided into strata (of five for 60/20/20); each stratum is assigned
    in the proportions of ``params``, at random. Groups smaller than a stratum are assigned together.

    Args:
        assets: columns ``asset`` (str, unique), ``group`` (str), ``rows`` (int).
        params: fractions, seed, and the share of the training assets that is used.
        min_rows: assets with fewer rows are unused.

    Returns:
        ``assets`` with ``split`` (one of ``SPLITS`` or ``UNUSED``) and ``used_in_training`` (bool). A smaller
        ``train_share`` keeps a subset of the assets that a larger one keeps, at least two.

    Raises:
        DataError: fewer than five assets are long enough, or a split would be empty.
    """
    usable = assets[assets["rows"] >= min_rows]
    _check_enough(assets, len(usable), min_rows)
    rng = np.random.RandomState(params.seed)
    roles = pd.Series(UNUSED, index=assets.index)
    for stratum, assigned in _strata(usable, _stratum_size(params)):
        roles[stratum] = _roles(params, assigned, _stratum_size(params), rng)[: len(stratum)]
    _check_none_empty(roles, params, len(usable))
    names = assets["asset"].where(roles == "train").dropna()
    return assets.assign(split=roles.astype(str), used_in_training=assets["asset"].isin(_used(names, params)))


def _stratum_size(params: SplitParams) -> int:
    smallest = min(part for part in _parts(params) if part > 0)
    return max(1, round(1 / smallest))


def _parts(params: SplitParams) -> tuple[float, float, float]:
    return params.train, params.validation, params.test


def _strata(usable: pd.DataFrame, size: int) -> list[tuple[pd.Index, int]]:
    """Index labels of each stratum, and how many assets of its group were assigned before it."""
    big = usable["group"].map(usable["group"].value_counts()) >= size
    pools = [pool for _, pool in usable[big].groupby("group", sort=True)] + [usable[~big]]
    ordered = [pool.sort_values(["rows", "asset"]).index for pool in pools]
    return [(pool[i : i + size], i) for pool in ordered for i in range(0, len(pool), size)]


def _roles(params: SplitParams, assigned: int, size: int, rng: np.random.RandomState) -> np.ndarray:
    """Shuffled splits of a whole stratum; rounding is carried over, so that a large group meets its fractions."""
    bounds = np.cumsum(_parts(params))
    before, after = (np.round(bounds * assets + 1e-9) for assets in (assigned, assigned + size))
    quota = np.diff(after - before, prepend=0)
    return np.repeat(SPLITS, quota.astype(int))[rng.permutation(size)]


def _used(train: pd.Series, params: SplitParams) -> np.ndarray:
    """Names of the training assets in use: the first of an order that does not depend on the share."""
    order = np.random.RandomState([params.seed, 1]).permutation(sorted(train))
    return order[: max(MIN_TRAIN, round(params.train_share * len(train)))]


def _check_enough(assets: pd.DataFrame, usable: int, min_rows: int) -> None:
    if usable >= MIN_CELLS:
        return
    longest = assets.iloc[assets["rows"].to_numpy().argmax()]
    raise DataError(
        f"{usable} of {len(assets)} assets have the {min_rows} rows that clean.min_rows asks for, and "
        f"{MIN_CELLS} are needed (the longest, {longest['asset']}, has {longest['rows']}); add assets, or "
        "lower clean.min_rows (params.yaml) with task.window and task.horizon"
    )


def _check_none_empty(roles: pd.Series, params: SplitParams, usable: int) -> None:
    counts = roles.value_counts()
    for name, part in zip(SPLITS, _parts(params), strict=True):
        least = MIN_TRAIN if name == "train" else int(part > 0)
        if counts.get(name, 0) < least:
            raise DataError(
                f"params.yaml: split.{name}: {part:g} of {usable} usable assets leaves {counts.get(name, 0)}, "
                f"{least} needed; raise the fraction or add assets"
            )
