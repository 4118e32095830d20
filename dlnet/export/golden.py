"""Golden vectors: quantised windows, some of them at the limits, and all results of the reference for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.bounds import ANCHOR_LIMIT
from dlnet.export.layout import Spec
from dlnet.export.reference import Int16s, Int32s, run
from dlnet.files import read_tensors, write_tensors

Tensors = dict[str, np.ndarray]
RANDOM_WINDOWS = 4


def golden_vectors(spec: Spec, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> tuple[list[str], Tensors]:
    """Names (V,) and vectors of the windows ``z`` (N, T, C), ``anchor`` (N,), then of windows at the limits.

    Of a model with a form ``x`` (N, P) are its inputs, and ``form`` int16 (V, P) is stored too. The others: ``input``
    int16 (V, T, C), ``anchor`` int32 (V,), ``hidden`` int16 (V, T, n), ``skip`` int16 (V, S), ``branch`` int16 (V,),
    ``logits`` int16 (V, M), ``forecast`` int32 (V, horizon); units as in the spec.
    """
    extremes = _extremes(spec.steps, spec.channels)
    edges = np.array([0, ANCHOR_LIMIT, -ANCHOR_LIMIT, 1 << fixed.FORECAST_BITS], np.int32)
    names = [f"window {i}" for i in range(len(z))] + list(extremes)
    inputs = np.concatenate([z, np.stack(list(extremes.values()))])
    anchors = np.concatenate([anchor, edges[np.arange(len(extremes)) % len(edges)]])
    if spec.form is not None and x is not None:
        x = np.concatenate([x, np.stack(list(_extremes(1, spec.form.inputs).values()))[:, 0]])
    return names, _vectors(spec, inputs, anchors, x)


def _vectors(spec: Spec, inputs: Int16s, anchors: Int32s, x: Int16s | None) -> Tensors:
    trace = run(spec, inputs, anchors, x)
    return ({} if x is None else {"form": x}) | {
        "input": inputs,
        "anchor": anchors,
        "hidden": trace.hidden,
        "skip": trace.skip,
        "branch": trace.branch,
        "logits": trace.logits,
        "forecast": trace.forecast,
    }


def _extremes(steps: int, channels: int) -> dict[str, Int16s]:
    shape, low, high = (steps, channels), fixed.INT16_MIN, fixed.INT16_MAX
    odd_steps, odd_channels = (np.indices(shape)[axis] % 2 == 1 for axis in (0, 1))
    late = np.arange(steps)[:, None] == steps - 1
    windows = {
        "zeros": np.zeros(shape),
        "highest": np.full(shape, high),
        "lowest": np.full(shape, low),
        "alternating steps": np.where(odd_steps, high, low),
        "alternating channels": np.where(odd_channels, high, low),
        "last step jumps": np.broadcast_to(np.where(late, high, low), shape),
    }
    rng = np.random.default_rng(0)
    windows |= {f"random {i}": rng.integers(low, high, shape, endpoint=True) for i in range(RANDOM_WINDOWS)}
    return {name: window.astype(np.int16) for name, window in windows.items()}


def save_golden(path: Path, spec: Spec, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> None:
    """Write ``golden_vectors`` as safetensors; the names are in the metadata, as a JSON list."""
    names, vectors = golden_vectors(spec, z, anchor, x)
    write_tensors(path, vectors, {"names": json.dumps(names)})


def check_golden(path: Path, spec: Spec) -> None:
    """Run the stored inputs again.

    Raises:
        ModelError: a stored result differs from the reference's result now; names the file and the part.
    """
    stored = read_tensors(path)
    fresh = _vectors(spec, stored["input"], stored["anchor"], stored.get("form"))
    for name, values in fresh.items():
        if name not in stored or not np.array_equal(stored[name], values):
            raise ModelError(f"{path}: {name} differs from what the spec gives; run dvc repro")
