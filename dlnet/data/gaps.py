"""Values that were not measured: hidden on purpose, and bridged where a curve is only drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlnet.data.windows import Floats, WindowDataset


def thinned(dataset: WindowDataset, complete: float, seed: int = 0) -> WindowDataset:
    """The dataset with the features of random rows hidden: those of the last complete row hold, as on a device.

    Args:
        complete: share of the rows that keep their features, 0-1. seed: of the choice; a row that is hidden at one
            share is hidden at every smaller one too.
    """
    if complete >= 1:
        return dataset
    rows = np.arange(len(dataset.health))
    kept = np.random.default_rng(seed).random(len(rows)) < complete
    last = np.maximum.accumulate(np.where(kept, rows, -1))
    known = last >= np.searchsorted(dataset.asset_index, dataset.asset_index)  # of the same asset
    typical = [dataset.task.typical.get(name, np.nan) for name in dataset.feature_names]
    held = np.where(known[:, None], dataset.features[last], np.array(typical))
    # Data of an older release state no typical value: the first row of an asset stays.
    return replace(dataset, features=np.where(np.isnan(held), dataset.features, held))


def bridged(values: Floats) -> Floats:
    """(n,) with straight lines over NaN between two values, flat at the ends; to draw and to find a knee, no more."""
    known = np.flatnonzero(np.isfinite(values))
    return values if len(known) in (0, len(values)) else np.interp(np.arange(len(values)), known, values[known])
