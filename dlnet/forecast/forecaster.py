"""A saved model as Python users see it: what ``dlnet.load`` returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dlnet.data.windows import Floats, Histories, Singles
from dlnet.errors import DataError
from dlnet.forecast.assets import Refused, Table, each_asset, lined
from dlnet.forecast.layout import AS_TRAINED, FileLayout, check_layout
from dlnet.forecast.predict import Needs, predict, prepare
from dlnet.models.document import ModelDocument
from dlnet.saved import LoadedModel, load

TABLE = Path("table")  # stands for the file in messages about a table in memory


@dataclass(frozen=True)
class Forecaster:
    """A saved model of any kind; ``model`` has what only its own kind has.

    Attributes:
        model: as ``dlnet.saved.load`` opens it.
    """

    model: LoadedModel

    @property
    def document(self) -> ModelDocument:
        """Its name, task and training data, how rows are cleaned for it, its errors on validation windows."""
        return self.model.document

    @property
    def window(self) -> int:
        """Rows of history that it needs."""
        return self.model.window

    @property
    def horizon(self) -> int:
        """Rows ahead that it forecasts."""
        return self.model.horizon

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""
        return self.model.features

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return self.model.remembers

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.model.uses_target

    def predict(self, histories: Histories) -> Floats | Singles:
        """N windows of at least ``window`` rows -> (N, horizon) health."""
        return self.model.predict(histories)

    def forecast(self, table: pd.DataFrame, layout: FileLayout = AS_TRAINED) -> pd.DataFrame:
        """Forecast the next rows of each asset in a table, as ``dlnet forecast`` does from a file.

        Args:
            table: rows of one asset, oldest first, or of several that a column ``asset`` names; the columns are those
                of the files that the model was trained on, or those of the project's own table.
            layout: how the table differs from that; also the nominal value, in the task's unit.

        Returns:
            One row a step of time: ``asset`` (in the order of the table), steps ahead, the target in its unit,
            ``typical_error`` (mean absolute error on validation assets; NaN outside), and ``outside``: whether the
            asset is unlike those of training.

        Raises:
            DataError: a column is missing, a value is invalid, or an asset has fewer rows than the model needs.
            ModelError: a forecast is not finite.
        """
        needs = Needs.of(self.model)
        check_layout(needs, layout)
        ready = []
        named = table.rename(columns=lambda name: str(name).strip())
        for asset in each_asset([Table(TABLE, str(TABLE), lined(named))], needs, layout):
            if isinstance(asset, Refused):
                raise DataError(f"{asset.name}: {asset.reason}")
            ready.append(prepare(Path(asset.name), asset, needs))
        parts = [one.table().assign(asset=one.asset) for one in predict(ready, self.model)]
        out = pd.concat(parts, ignore_index=True)
        return out[["asset", *(name for name in out if name != "asset")]]


def load_forecaster(path: Path | str) -> Forecaster:
    """Open a saved model by its folder.

    Raises:
        ModelError: the folder has no model, or one of an older version, or a damaged one.
    """
    return Forecaster(load(path))
