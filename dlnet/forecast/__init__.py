"""Forecasts of the next rows of assets, from their files and a saved model. Does not read params.yaml."""

from dlnet.forecast.assets import Asset, read_asset
from dlnet.forecast.layout import AS_TRAINED, FileLayout
from dlnet.forecast.picture import draw
from dlnet.forecast.predict import name_of
from dlnet.forecast.result import Forecast
from dlnet.forecast.single import forecast

__all__ = ["AS_TRAINED", "Asset", "FileLayout", "Forecast", "draw", "forecast", "name_of", "read_asset"]
