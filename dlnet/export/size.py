"""Bytes of an edge model as firmware would store it."""

from __future__ import annotations

import math

from dlnet.export.layout import Spec

HEADER_BYTES = 16  # cell, K, T, C, n, S, M, horizon, and the update's multiplier and shift


def stored_bytes(spec: Spec) -> dict[str, int]:
    """Bytes by part, with ``model`` (all but tables), ``tables`` (shared by all models) and ``total``.

    Weights int8 or packed int4; bias int32; a scale is an int32 multiplier and a uint8 shift; rate and reversal int16;
    a skip input two uint8; a knot uint16 and its int32 inverse gap; table entries uint16.
    """
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
    }
    model = sum(parts.values())
    tables = sum(2 * table.size for table in spec.tables.values())
    return {**parts, "model": model, "tables": tables, "total": model + tables}


def spec_bytes(spec: Spec) -> int:
    """All bytes that firmware stores for this model, tables included."""
    return stored_bytes(spec)["total"]
