"""Bytes of an edge model as firmware would store it."""

from __future__ import annotations

import math

from dlnet.export.form import Form, Trees
from dlnet.export.layout import Spec

HEADER_BYTES = 16  # cell, K, T, C, n, S, M, horizon, and the update's multiplier and shift


def stored_bytes(spec: Spec) -> dict[str, int]:
    """Bytes by part, with ``model`` (all but tables), ``tables`` (shared by all models) and ``total``.

    Weights int8 or packed int4; bias int32; a scale is an int32 multiplier and a uint8 shift; rate and reversal int16;
    a skip input two uint8; a knot uint16 and its int32 inverse gap; table entries uint16. A form: a coefficient int16,
    a split four bytes, a leaf int16, an output its int32 constant and uint8 shift; scales of its inputs 9.
    """
    form = {} if spec.form is None else {"form": form_bytes(spec.form)}
    if not spec.has_network:
        alone = {**form, "readout": 6 * len(spec.knots), "header": HEADER_BYTES}
        return {**alone, "model": sum(alone.values()), "tables": 0, "total": sum(alone.values())}
    rows = sum(len(part.bias) for part in spec.parts.values())
    readout = 6 * len(spec.knots) + 5 * (1 if spec.offset is None else 2)
    parts = {
        "weights": sum(math.ceil(part.weights.size * part.bits / 8) for part in spec.parts.values()),
        "biases": 4 * rows,
        "scales": 5 * rows,
        "cell": 2 * spec.hidden * (1 if spec.reversal is None else 2),
        "skip": 2 * len(spec.skip),
        "readout": readout,
        "header": HEADER_BYTES,
        **form,
    }
    model = sum(parts.values())
    tables = sum(2 * table.size for table in spec.tables.values())
    return {**parts, "model": model, "tables": tables, "total": model + tables}


def form_bytes(form: Form) -> int:
    """Bytes of a form."""
    scales = 9 * form.inputs + 5 * len(form.bias)
    if isinstance(form, Trees):
        return scales + 4 * form.threshold.size + 2 * form.leaves.size
    return scales + 2 * form.coefficients.size


def spec_bytes(spec: Spec) -> int:
    """All bytes that firmware stores for this model, tables included."""
    return stored_bytes(spec)["total"]
