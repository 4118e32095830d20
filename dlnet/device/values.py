"""Cycles of a cell's file as inputs of a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlnet.device.replay import Singles
from dlnet.errors import DataError
from dlnet.export.saved import SavedEdge
from dlnet.forecast import AS_TRAINED, FileLayout, read_cell


def device_values(path: Path, model: SavedEdge, layout: FileLayout = AS_TRAINED) -> Singles:
    """(n, inputs) cycles in natural units, in the order of the model's inputs.

    Raises:
        DataError: the file does not fit the model, or a cycle lacks a number.
    """
    cell, names = read_cell(path, model, layout), model.device.codec.names
    if "SoH" in names and not cell.has_capacity:
        raise DataError(f"{path}: no capacity, which is an input of this model")
    table = cell.cycles.assign(SoH=cell.cycles["capacity_ah"] / cell.nominal_ah)
    values = table[list(names)].to_numpy(np.float32)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if broken.size:
        raise DataError(f"{path}: data row {broken[0] + 1} lacks an input of the model; remove the row")
    return values
