"""A model-from-code for tests: the forecast is the anchor times a gain."""

from pathlib import Path

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class Stub:
    def load_context(self, context):
        self.gain = float(Path(context.artifacts["gain.txt"]).read_text())

    def predict(self, context, model_input, params=None):
        return np.repeat(model_input["anchor"] * np.float32(self.gain), 4, axis=1)


class Served(Stub, PythonModel):
    pass


set_model(Served())
