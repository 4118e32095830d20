"""The form of a model as constants and arrays of its header."""

from __future__ import annotations

import numpy as np

from dlnet.export.edge import DeviceModel
from dlnet.export.form import Polynomial, Trees
from dlnet.export.form_inputs import slope_lengths
from dlnet.firmware.arrays import Array

Constants = dict[str, int | str]


def form_constants(model: DeviceModel) -> Constants:
    """Constants by name; all 0 of a network alone, so that nothing of a form is compiled."""
    form, inputs = model.spec.form, model.form_inputs
    youth = inputs.youth if inputs is not None else None
    first, end = youth or (0, 0)
    return {
        "form_inputs": form.inputs if form is not None else 0,
        "form_outputs": len(form.bias) if form is not None else 0,
        "trees": form.count if isinstance(form, Trees) else 0,
        "quadratic": _bool(isinstance(form, Polynomial) and form.quadratic),
        "blend_weight": model.spec.weight,
        "form_target": _bool(inputs is not None and inputs.target),
        "form_features": len(inputs.features) if inputs is not None else 0,
        "form_age": _bool(inputs is not None and inputs.age),
        "histories": len(inputs.history) if inputs is not None else 0,
        "ring": max(1, inputs.ring) if inputs is not None else 1,
        "youth_first": first,
        "youth_end": end,
        "keeps_life": _bool(inputs is not None and inputs.looks_back),
    }


def _bool(value: bool) -> str:
    return "true" if value else "false"


def form_arrays(model: DeviceModel) -> list[Array]:
    """Arrays of the form; none of a network alone."""
    form, codec = model.spec.form, model.form_codec
    if form is None or codec is None:
        return [Array(kind, name, []) for kind, name in EMPTY]
    return [
        Array("uint32_t", "form_rows", coefficient_stream(form) if isinstance(form, Polynomial) else []),
        Array("uint32_t", "tree_splits", split_stream(form) if isinstance(form, Trees) else []),
        Array("int16_t", "tree_leaves", form.leaves.reshape(-1) if isinstance(form, Trees) else []),
        Array("uint8_t", "form_shift", form.shift),
        Array("int32_t", "form_bias", form.bias),
        Array("int32_t", "form_centre", codec.centre),
        Array("int32_t", "form_multiplier", codec.multiplier),
        Array("uint8_t", "form_input_shift", codec.shift),
        Array("uint8_t", "form_feature", codec.position),
        Array("uint16_t", "slope_length", slope_lengths(model.codec.window) if codec.inputs.target else []),
        Array("uint16_t", "history_lag", codec.inputs.history),
    ]


EMPTY = (
    ("uint32_t", "form_rows"),
    ("uint32_t", "tree_splits"),
    ("int16_t", "tree_leaves"),
    ("uint8_t", "form_shift"),
    ("int32_t", "form_bias"),
    ("int32_t", "form_centre"),
    ("int32_t", "form_multiplier"),
    ("uint8_t", "form_input_shift"),
    ("uint8_t", "form_feature"),
    ("uint16_t", "slope_length"),
    ("uint16_t", "history_lag"),
)


def coefficient_stream(form: Polynomial) -> list[int]:
    """Coefficients of two outputs a word, term by term; then those of the next two outputs."""
    wide = form.coefficients.astype(np.int64) & 0xFFFF
    if len(wide) % 2:
        wide = np.concatenate([wide, np.zeros_like(wide[:1])])
    return [int(word) for low, high in zip(wide[::2], wide[1::2], strict=True) for word in low | high << 16]


def split_stream(form: Trees) -> list[int]:
    """A split a word: threshold, input, codes of both children."""
    threshold = (form.threshold.astype(np.int64) & 0xFFFF) << 16
    words = threshold | form.feature.astype(np.int64) << 8 | form.left.astype(np.int64) << 4 | form.right
    return [int(word) for word in words.reshape(-1)]
