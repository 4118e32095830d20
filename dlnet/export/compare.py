"""The same windows through every engine, and how far each stands from the integer reference."""

from __future__ import annotations

import numpy as np

from dlnet.export.layout import Spec
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import FloatInput, Trace, quantise_anchor, quantise_inputs, run
from dlnet.export.runtime import run_litert, run_tflm

REFERENCE = "reference"


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
    """Largest distance from the reference in units of the spec: state 2^-15, logits 2^-12, forecast 2^-24 SoH."""
    return {
        part: int(np.abs(getattr(trace, part).astype(np.int64) - getattr(reference, part)).max(initial=0))
        for part in ("hidden", "logits", "forecast")
    }
