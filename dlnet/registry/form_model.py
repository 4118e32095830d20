"""A form, a forest or a blend as MLflow loads it: this file, spec.json, model.json, and the reference in ``code/``.

The forecast is that of the integer reference to the last bit: the modules of dlnet that it needs come with the model,
so that dlnet need not be installed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from dlnet.export import fixed
from dlnet.export.reference import predict_reference
from dlnet.export.spec import load_spec

HEALTH_RANGE = (0.05, 1.5)  # what the target's range becomes inside the model; a rising target is mirrored


class FormModel:
    """Forecast of the target in the next rows from the inputs of a form, and of a network where there is one."""

    def load_context(self, context: Any) -> None:
        """Read the spec; called by MLflow."""
        self.spec = load_spec(Path(context.artifacts["spec.json"]))
        self.target = json.loads(Path(context.artifacts["model.json"]).read_text())["quantities"]["target"]

    # No hint on model_input: MLflow would take it for a signature, and hints cannot name tensors.
    def predict(self, context: Any, model_input, params: Any = None) -> npt.NDArray[np.float32]:  # type: ignore[no-untyped-def]
        """Forecast.

        Args:
            context: MLflow's; not used here.
            model_input: ``x`` (N, P) inputs of the form, standardised as model.json says (``form_inputs``), ``anchor``
                (N, 1) health; of a blend also ``z`` (N, steps, channels) encoded rows.
            params: none are known.

        Returns:
            (N, horizon) target, in its unit.
        """
        anchor = model_input["anchor"]
        blank = np.zeros((len(anchor), self.spec.steps, self.spec.channels))
        z = model_input["z"] if self.spec.has_network else blank
        codes = np.rint(np.asarray(model_input["x"], np.float64) * 2.0**fixed.INPUT_BITS)
        x = np.clip(codes, fixed.INT16_MIN, fixed.INT16_MAX).astype(np.int16)
        return np.asarray(self._from_health(predict_reference(self.spec, z, anchor, x)), np.float32)

    def _from_health(self, health: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        low, high = self.target["range"]
        size = (high - low) / (HEALTH_RANGE[1] - HEALTH_RANGE[0])
        scale, end = (size, low) if self.target["direction"] == "falling" else (-size, high)
        return np.asarray(end - HEALTH_RANGE[0] * scale + scale * health)


class Served(FormModel, PythonModel):
    """``FormModel`` under MLflow's base class, which asks for hints on a predict of its own, not on one inherited."""


set_model(Served())
