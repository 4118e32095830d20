"""Rows of an asset's file as inputs of a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlnet.device.replay import Singles
from dlnet.errors import DataError
from dlnet.export.saved import SavedEdge
from dlnet.forecast import AS_TRAINED, FileLayout, read_asset


def device_values(path: Path, model: SavedEdge, layout: FileLayout = AS_TRAINED) -> Singles:
    """(n, inputs) rows in natural units, in the order of the model's inputs; NaN where not measured.

    Raises:
        DataError: the file does not fit the model.
    """
    asset, target = read_asset(path, model, layout), model.document.quantities.target
    if model.uses_target and not asset.has_target:
        raise DataError(f"{path}: no {target.quantity}, which is an input of this model")
    table = asset.rows.assign(**{target.symbol: asset.target})
    return table[list(model.device.codec.names)].to_numpy(np.float32)
