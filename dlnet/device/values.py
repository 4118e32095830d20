"""Rows of an asset's file as inputs of a device."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlnet.device.replay import Singles
from dlnet.errors import DataError
from dlnet.export.saved import SavedEdge
from dlnet.forecast import AS_TRAINED, FileLayout, read_asset
from dlnet.forecast.predict import Needs, prepare


class DeviceRows(NamedTuple):
    """Rows of an asset for a device.

    Attributes:
        values: (n, inputs) in natural units, in the order of the model's inputs; NaN where not measured.
        outside: how the asset differs from the training assets, a line each; of too few rows for a forecast nothing is
            said.
    """

    values: Singles
    outside: tuple[str, ...]


def device_rows(path: Path, model: SavedEdge, layout: FileLayout = AS_TRAINED) -> DeviceRows:
    """Read the rows of an asset for a device.

    Raises:
        DataError: the file does not fit the model.
    """
    asset, target = read_asset(path, model, layout), model.document.quantities.target
    if model.uses_target and not asset.has_target:
        raise DataError(f"{path}: no {target.quantity}, which is an input of this model")
    table = asset.rows.assign(**{target.symbol: asset.target})
    values = table[list(model.device.codec.names)].to_numpy(np.float32)
    enough = len(asset.rows) >= model.window
    return DeviceRows(values, prepare(path, asset, Needs.of(model)).outside if enough else ())
