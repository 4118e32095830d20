"""The teacher or a float student as MLflow loads it: this file, weights in safetensors; needs dlnet installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from dlnet.models.trained import SavedNetwork
from dlnet.saved import load_as


class FloatModel:
    """Forecast of the target in the next rows from an encoded window."""

    def load_context(self, context: Any) -> None:
        """Read the weights; called by MLflow."""
        saved = load_as(Path(context.artifacts["model.json"]).parent, SavedNetwork)
        self.network, self.target = saved.network, saved.document.quantities.target

    # No hint on model_input: MLflow would take it for a signature, and hints cannot name tensors.
    def predict(self, context: Any, model_input, params: Any = None) -> npt.NDArray[np.float32]:  # type: ignore[no-untyped-def]
        """Forecast.

        Args:
            context: MLflow's; not used here.
            model_input: ``z`` (N, steps, channels) encoded rows, ``anchor`` (N, 1) health.
            params: none are known.

        Returns:
            (N, horizon) target, in its unit.
        """
        health = self.network.predict(model_input["z"], model_input["anchor"])
        return np.asarray(self.target.from_health(health), np.float32)


class Served(FloatModel, PythonModel):
    """``FloatModel`` under MLflow's base class, which asks for hints on a predict of its own, not on one inherited."""


set_model(Served())
