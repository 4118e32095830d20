"""The forecast of one asset, from its file."""

from __future__ import annotations

from pathlib import Path

from dlnet.forecast.assets import read_asset
from dlnet.forecast.layout import AS_TRAINED, FileLayout
from dlnet.forecast.predict import Needs, predict, prepare
from dlnet.forecast.result import Forecast
from dlnet.saved import LoadedModel


def forecast(path: Path, model: LoadedModel, layout: FileLayout = AS_TRAINED) -> Forecast:
    """Forecast the asset in a file, oldest row first.

    Raises:
        DataError: a column is missing, a value is invalid, or there are fewer rows than the model needs.
        ModelError: the forecast is not finite.
    """
    needs = Needs.of(model)
    return predict([prepare(path, read_asset(path, needs, layout), needs)], model)[0]
