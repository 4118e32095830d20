"""Runs the same windows in every engine, and compares each with the integer reference."""

from __future__ import annotations

import numpy as np

from dlnet.errors import ModelError
from dlnet.export.layout import Spec
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import FloatInput, Trace, quantise_anchor, quantise_inputs, run
from dlnet.export.runtime import run_litert, run_tflm

REFERENCE = "reference"


class EngineMismatch(ModelError):
    """Engines run one model with errors that differ by more than rounding explains."""


def run_engines(
    files: EdgeFiles, spec: Spec, z: FloatInput, anchor: FloatInput, progress: bool = True
) -> dict[str, Trace]:
    """Traces of encoded windows ``z`` (N, T, C) by engine.

    "reference" is NumPy; "litert" and "litert_optimised" are LiteRT with its plain and its optimised kernels;
    "tflm" is TFLite Micro.
    """
    codes, anchors = quantise_inputs(z), quantise_anchor(anchor)
    return {
        REFERENCE: run(spec, codes, anchors),
        "litert": run_litert(files, spec, codes, anchors, "reference"),
        "litert_optimised": run_litert(files, spec, codes, anchors, "default"),
        "tflm": run_tflm(files, spec, codes, anchors, progress),
    }


def largest_difference(trace: Trace, reference: Trace) -> dict[str, int]:
    """Largest distance from the reference in units of the spec: state 2^-15, logits 2^-12, forecast 2^-24 health.

    Another branch gives other logits, so windows for which an engine chose another branch than the reference are left
    out of logits and forecast, and counted: ``rerouted``.
    """
    same_branch = trace.branch == reference.branch

    def largest(part: str) -> int:
        distance = np.abs(getattr(trace, part).astype(np.int64) - getattr(reference, part))
        return int(distance[same_branch].max(initial=0)) if part != "hidden" else int(distance.max(initial=0))

    parts = {part: largest(part) for part in ("hidden", "logits", "forecast")}
    return {**parts, "rerouted": int((~same_branch).sum())}


def check_agreement(name: str, mae: dict[str, float], bound: float) -> None:
    """Compare each engine's MAE on the same windows with the reference's.

    Args:
        name: of the model. mae: by engine, the reference among them. bound: largest ratio, either way, >= 1.

    Raises:
        EngineMismatch: an engine is further off.
    """
    for engine, value in mae.items():
        if not mae[REFERENCE] / bound <= value <= mae[REFERENCE] * bound:
            raise EngineMismatch(
                f"models/edge/{name}: {engine} has MAE {value:.6g}, the integer reference {mae[REFERENCE]:.6g}; more "
                f"than quantise.engine_bound = {bound:g} apart: do not ship it; remove it from students in params.yaml"
            )
