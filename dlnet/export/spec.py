"""The one integer spec of an edge model: made from a float student, kept as JSON of integers.

The .tflite files, the C++ header, the golden vectors and the NumPy reference all come from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.bounds import check_bounds
from dlnet.export.layout import Affine, Spec
from dlnet.export.reference import Int16s
from dlnet.export.rounding import fit_rounding
from dlnet.export.weights import Cell, StudentWeights
from dlnet.files import read_json, write_json

FORMAT = "dlnet-spec/1"
UNITS = {
    "input": "int16, 2^-12",
    "state": "int16, 2^-15",
    "preactivation": "int16, 2^-12",
    "rate": "int16, 2^-15 per step",
    "reversal": "int16, 2^-15",
    "increment": "int32, 2^-16",
    "forecast": "int32, 2^-24 SoH",
    "weight": "int8, multiplier / 2^shift of its row",
    "bias": "int32, 2^-12 x multiplier / 2^shift of its row",
}
SMALLEST_SCALE = 2.0**-24
WEIGHT_LIMIT = 127 / 4

__all__ = ["Affine", "Spec", "StudentWeights", "from_json", "load_spec", "make_spec", "save_spec", "to_json"]


def make_spec(student: StudentWeights, windows: Int16s | None = None) -> Spec:
    """Quantise a float student.

    With quantised training ``windows`` (N, T, C), weights are rounded so that rows come out right on them (see
    ``rounding``): the error of quantising falls to about a third. Without, each is rounded to nearest.

    Raises:
        ModelError: the student is malformed, has a weight of 31.75 or more, or could overflow.
        DataError: the windows do not fit the student.
    """
    student.check()
    spec = _nearest(student)
    if windows is not None:
        spec = fit_rounding(spec, student, windows)
    check_bounds(spec)
    return spec


def _nearest(student: StudentWeights) -> Spec:
    lengths = np.diff((0, *student.knots))
    return Spec(
        cell=student.cell,
        steps=student.steps,
        substeps=student.substeps,
        step=_quantise_affine("wx, wh", np.vstack([student.wx, student.wh]), student.b),
        head=_quantise_affine("wo", student.wo, student.bo),
        rate=_to_state(student.rate),
        reversal=None if student.reversal is None else _to_state(student.reversal),
        update=fixed.multiplier_of(2.0 ** (1 - fixed.STATE_BITS) / student.substeps),
        skip=student.pairs,
        knots=tuple(int(knot) for knot in student.knots),
        place=tuple(round(2**fixed.WEIGHT_BITS / int(length)) for length in lengths),
        delta=fixed.multiplier_of(student.delta_scale * 2.0 ** (fixed.FORECAST_BITS - fixed.INCREMENT_BITS)),
        offset=_offset(student),
        tables=fixed.make_tables(),
    )


def _offset(student: StudentWeights) -> tuple[int, int] | None:
    if not student.offset:
        return None
    return fixed.multiplier_of(student.offset_scale * 2.0 ** (fixed.FORECAST_BITS - fixed.INPUT_BITS))


def _to_state(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    scaled = np.rint(np.asarray(values, np.float64) * 2**fixed.STATE_BITS)
    return np.asarray(np.clip(scaled, -fixed.INT16_MAX, fixed.INT16_MAX), np.int16)


def _quantise_affine(name: str, weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> Affine:
    """Quantise ``weights`` (inputs, rows) and ``bias`` (rows,), one scale a row."""
    columns, offsets = np.asarray(weights, np.float64).T, np.asarray(bias, np.float64)
    peak = np.abs(columns).max(axis=1)
    if peak.max() >= WEIGHT_LIMIT:
        raise ModelError(f"{name}: weight {peak.max():g} is not below {WEIGHT_LIMIT}; train with more weight decay")
    # A row whose weights are tiny beside its bias needs a coarser scale, or its bias would not fit 31 bits.
    room = np.abs(offsets) * 2.0 ** (fixed.INPUT_BITS - 30)
    pairs = [fixed.multiplier_of(scale) for scale in np.maximum.reduce([peak / 127, room, 0 * peak + SMALLEST_SCALE])]
    multiplier = np.array([pair[0] for pair in pairs], np.int32)
    shift = np.array([pair[1] for pair in pairs], np.uint8)
    scale = np.ldexp(multiplier.astype(np.float64), -shift.astype(np.int64))
    units = np.clip(np.rint(columns / scale[:, None]), -127, 127)
    return Affine(
        weights=units.astype(np.int8),
        bias=np.rint(offsets / scale * 2**fixed.INPUT_BITS).astype(np.int32),
        multiplier=multiplier,
        shift=shift,
    )


def to_json(spec: Spec) -> dict[str, Any]:
    """The spec as a JSON document: integers, lists of integers, names and units."""
    return {
        "format": FORMAT,
        "units": UNITS,
        "cell": spec.cell,
        "channels": spec.channels,
        "hidden": spec.hidden,
        "horizon": spec.horizon,
        "steps": spec.steps,
        "substeps": spec.substeps,
        "step": _affine_to_json(spec.step),
        "head": _affine_to_json(spec.head),
        "rate": spec.rate.tolist(),
        "reversal": None if spec.reversal is None else spec.reversal.tolist(),
        "update": list(spec.update),
        "skip": [list(pair) for pair in spec.skip],
        "knots": list(spec.knots),
        "place": list(spec.place),
        "delta": list(spec.delta),
        "offset": None if spec.offset is None else list(spec.offset),
        "tables": {name: table.tolist() for name, table in spec.tables.items()},
    }


def from_json(document: dict[str, Any]) -> Spec:
    """Read back ``to_json``.

    Raises:
        ModelError: the document is of another format, lacks a part, holds a number that does not fit, or
            describes a model that could overflow.
    """
    if document.get("format") != FORMAT:
        raise ModelError(f"spec has format {document.get('format')!r}, expected {FORMAT!r}; run dvc repro")
    try:
        spec = _parse(document)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"spec is broken ({type(error).__name__}: {error}); run dvc repro") from error
    check_bounds(spec)
    return spec


def _parse(document: dict[str, Any]) -> Spec:
    reversal, offset = document["reversal"], document["offset"]
    return Spec(
        cell=cast(Cell, document["cell"]),
        steps=int(document["steps"]),
        substeps=int(document["substeps"]),
        step=_affine_from_json(document["step"]),
        head=_affine_from_json(document["head"]),
        rate=np.array(document["rate"], np.int16),
        reversal=None if reversal is None else np.array(reversal, np.int16),
        update=_pair(document["update"]),
        skip=tuple(_pair(pair) for pair in document["skip"]),
        knots=tuple(int(knot) for knot in document["knots"]),
        place=tuple(int(place) for place in document["place"]),
        delta=_pair(document["delta"]),
        offset=None if offset is None else _pair(offset),
        tables={name: np.array(document["tables"][name], np.int64) for name in ("sigmoid", "tanh", "softplus")},
    )


def save_spec(path: Path, spec: Spec) -> None:
    """Write the spec as JSON."""
    write_json(path, to_json(spec))


def load_spec(path: Path) -> Spec:
    """Read a spec; errors name the file.

    Raises:
        DLNetError: the file is missing or is not JSON (``ModelError`` if it is no usable spec).
    """
    try:
        return from_json(read_json(path))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _affine_to_json(part: Affine) -> dict[str, Any]:
    return {name: getattr(part, name).tolist() for name in ("weights", "bias", "multiplier", "shift")}


def _affine_from_json(document: dict[str, Any]) -> Affine:
    return Affine(
        weights=np.array(document["weights"], np.int8),
        bias=np.array(document["bias"], np.int32),
        multiplier=np.array(document["multiplier"], np.int32),
        shift=np.array(document["shift"], np.uint8),
    )


def _pair(values: list[int]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
