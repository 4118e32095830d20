"""The int8 edge model as MLflow loads it: this file, two .tflite graphs, spec.json and model.json; no dlnet needed.

Everything up to the logits runs in LiteRT. The read-out is done here in floats from the spec's constants, so a
forecast may differ from the integer reference by LiteRT's own rounding and about 1e-7 of health (docs/quantisation.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

Floats = npt.NDArray[np.float64]
INCREMENT, LOGIT, FORECAST = 2.0**16, 2.0**12, 2.0**24  # units of the spec: increments, logits, health
HEALTH_RANGE = (0.05, 1.5)  # what the target's range becomes inside the model; a rising target is mirrored


class Graph:
    """One .tflite file: real numbers in and out, int16 inside at the scales that the file states."""

    def __init__(self, path: str) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.interpreter = Interpreter(
            model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
        )
        self.inputs = {self._name(detail): detail for detail in self.interpreter.get_input_details()}
        self.output = self.interpreter.get_output_details()[0]

    @staticmethod
    def _name(detail: dict[str, Any]) -> str:
        return str(detail["name"]).removeprefix("serving_default_").partition(":")[0]

    def resize(self, count: int) -> None:
        """Make room for ``count`` windows at once."""
        for detail in self.inputs.values():
            self.interpreter.resize_tensor_input(detail["index"], [count, detail["shape"][1]])
        self.interpreter.allocate_tensors()

    def __call__(self, **values: Floats) -> Floats:
        """Named (N, width) inputs -> (N, width) output."""
        for name, detail in self.inputs.items():
            codes = np.rint(values[name] / detail["quantization"][0])
            self.interpreter.set_tensor(detail["index"], np.clip(codes, -32768, 32767).astype(np.int16))
        self.interpreter.invoke()
        codes = self.interpreter.get_tensor(self.output["index"])
        return np.asarray(codes * float(self.output["quantization"][0]), np.float64)


class EdgeModel:
    """Forecast of the target in the next rows from an encoded window."""

    def load_context(self, context: Any) -> None:
        """Read the graphs and the spec; called by MLflow."""
        self.step, self.head = (
            Graph(context.artifacts["step.tflite"]),
            Graph(context.artifacts["head.tflite"]),
        )
        self.spec = json.loads(Path(context.artifacts["spec.json"]).read_text())
        self.target = json.loads(Path(context.artifacts["model.json"]).read_text())["quantities"]["target"]

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
        z, anchor = model_input["z"].astype(np.float64), model_input["anchor"].astype(np.float64)
        self.step.resize(len(z))
        self.head.resize(len(z))
        h = np.zeros((len(z), self.spec["hidden"]))
        for t in range(z.shape[1]):
            for _ in range(self.spec["substeps"]):
                h = self.step(x=z[:, t], h=h)
        logits = self._spoken(self.head(h=h, s=self._skip(z), x=z[:, -1]))
        return np.asarray(self._from_health(self._read_out(logits, anchor)), np.float32)

    def _from_health(self, health: Floats) -> Floats:
        low, high = self.target["range"]
        size = (high - low) / (HEALTH_RANGE[1] - HEALTH_RANGE[0])
        scale, end = (size, low) if self.target["direction"] == "falling" else (-size, high)
        return np.asarray(end - HEALTH_RANGE[0] * scale + scale * health)

    def _spoken(self, every: Floats) -> Floats:
        """Logits of the branch that the gate, whose logits are the last, gives most."""
        if self.spec["gate"] is None:
            return every
        branches, rows = len(self.spec["gate"]["bias"]), len(self.spec["head"]["bias"])
        apart = every[:, :rows].reshape(len(every), branches, -1)
        return np.asarray(apart[np.arange(len(every)), every[:, rows:].argmax(axis=1)])

    def _skip(self, z: Floats) -> Floats:
        columns = [z[:, -1, c] - (z[:, -1 - lag, c] if lag else 0.0) for c, lag in self.spec["skip"]]
        return np.stack(columns, axis=1) if columns else np.zeros((len(z), 0))

    def _read_out(self, logits: Floats, anchor: Floats) -> Floats:
        """Each knot lies a softplus below the one before; straight lines between."""
        knots = self.spec["knots"]
        drops = np.logaddexp(0.0, logits[:, : len(knots)]) * _real(self.spec["delta"]) * INCREMENT / FORECAST
        start = anchor
        if self.spec["offset"] is not None:
            start = start + logits[:, len(knots) :] * _real(self.spec["offset"]) * LOGIT / FORECAST
        levels = start - np.concatenate([np.zeros_like(start), np.cumsum(drops, axis=1)], axis=1)
        ahead = np.arange(1, knots[-1] + 1)
        return np.stack([np.interp(ahead, [0, *knots], row) for row in levels])


def _real(scale: list[int]) -> float:
    """``multiplier / 2**shift``."""
    return float(np.ldexp(float(scale[0]), -scale[1]))


class Served(EdgeModel, PythonModel):
    """``EdgeModel`` under MLflow's base class, which asks for hints on a predict of its own, not on one inherited."""


set_model(Served())
