"""The one integer spec of an edge model: made from a float student, stored as JSON of integers.

The .tflite files, the C++ header, the golden vectors and the NumPy reference all come from it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dlnet.errors import ModelError
from dlnet.export import fixed, integers
from dlnet.export.absent import form_alone
from dlnet.export.bounds import LONGEST, WIDEST, check_bounds, inverse_gap
from dlnet.export.form_json import form_sections, parse_form
from dlnet.export.layout import LIMIT, UNIT, Affine, Spec
from dlnet.export.reference import Int16s
from dlnet.export.rounding import fit_rounding
from dlnet.export.weights import Cell, StudentWeights
from dlnet.files import read_json, write_json
from dlnet.models.precision import Bits, Precision

FORMAT = "dlnet-spec/4"
UNITS = {
    "input": "int16, 2^-12",
    "state": "int16, 2^-15",
    "preactivation": "int16, 2^-12",
    "rate": "int16, 2^-15 per step",
    "reversal": "int16, 2^-15",
    "increment": "int32, 2^-16",
    "forecast": "int32, 2^-24 health",
    "weight": "int8, multiplier / 2^shift of its row; of 4 bits a multiple of 16",
    "bias": "int32, 2^-12 x multiplier / 2^shift of its row",
}
FORM_UNITS = {
    "input": "int16, 2^-12",
    "coefficient": "int16, 2^-shift of its output",
    "leaf": "int16, 2^-(shift + 8) of its output",
    "forecast": "int32, 2^-24 health",
}
SMALLEST_SCALE = 2.0**-24
LARGEST_SCALE = 2.0**-2
ALL_INT8 = Precision()

__all__ = ["Affine", "Spec", "StudentWeights", "from_json", "load_spec", "make_spec", "save_spec", "to_json"]


def make_spec(student: StudentWeights, windows: Int16s | None = None, precision: Precision = ALL_INT8) -> Spec:
    """Quantise a float student.

    With quantised training ``windows`` (N, T, C), weights are rounded to minimise the error of each row's output
    (see ``rounding``), which lowers the quantisation error to about a third. Without, each is rounded to nearest.

    Raises:
        ModelError: the student is malformed, has a weight beyond a quarter of its integers' limit (31.75 in 8 bits,
            28 in 4), or could overflow.
        DataError: the windows do not fit the student.
    """
    student.check()
    spec = _nearest(student, precision)
    if windows is not None:
        spec = fit_rounding(spec, student, windows)
    check_bounds(spec)
    return spec


def _nearest(student: StudentWeights, precision: Precision) -> Spec:
    lengths = np.diff((0, *student.knots))
    seen = np.vstack([student.wx, student.wh])
    if student.v is None:
        inner, step = None, _quantise_affine("wx, wh", seen, student.b, precision.step)
    else:
        inner = _quantise_affine("wx, wh", seen, np.zeros(len(student.v)), precision.inner)
        step = _quantise_affine("v", student.v, student.b, precision.step)
    return Spec(
        cell=student.cell,
        steps=student.steps,
        substeps=student.substeps,
        inner=inner,
        step=step,
        gate=_quantised_gate(student, precision.gate),
        head=_quantise_affine("wo", student.wo, student.bo, precision.head),
        rate=_to_state(student.rate),
        reversal=None if student.reversal is None else _to_state(student.reversal),
        update=fixed.multiplier_of(2.0 ** (1 - fixed.STATE_BITS) / student.substeps),
        skip=student.pairs,
        knots=tuple(int(knot) for knot in student.knots),
        inv_gap_q30=tuple(inverse_gap(int(length)) for length in lengths),
        delta=fixed.multiplier_of(student.delta_scale * 2.0 ** (fixed.FORECAST_BITS - fixed.INCREMENT_BITS)),
        offset=_offset(student),
        tables=fixed.make_tables(),
    )


def _quantised_gate(student: StudentWeights, bits: Bits) -> Affine | None:
    if student.wg is None or student.bg is None:
        return None
    return _quantise_affine("wg", student.wg, student.bg, bits)


def _offset(student: StudentWeights) -> tuple[int, int] | None:
    if not student.offset:
        return None
    return fixed.multiplier_of(student.offset_scale * 2.0 ** (fixed.FORECAST_BITS - fixed.INPUT_BITS))


def _to_state(values: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    scaled = np.rint(np.asarray(values, np.float64) * 2**fixed.STATE_BITS)
    return np.asarray(np.clip(scaled, -fixed.INT16_MAX, fixed.INT16_MAX), np.int16)


def _quantise_affine(
    name: str, weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating], bits: Bits
) -> Affine:
    """Quantise ``weights`` (inputs, rows) and ``bias`` (rows,), one scale a row."""
    columns, offsets = np.asarray(weights, np.float64).T, np.asarray(bias, np.float64)
    unit, limit = UNIT[bits], LIMIT[bits]
    peak = np.abs(columns).max(axis=1)
    if peak.max() >= limit * LARGEST_SCALE:
        most = limit * LARGEST_SCALE
        raise ModelError(f"{name}: weight {peak.max():g} is not below {most:g}; train with more weight decay")
    # A row whose weights are tiny beside its bias needs a coarser scale, or its bias would not fit 31 bits.
    room = np.abs(offsets) * 2.0 ** (fixed.INPUT_BITS - 30)
    pairs = [fixed.multiplier_of(scale) for scale in np.maximum.reduce([peak / limit, room, 0 * peak + SMALLEST_SCALE])]
    multiplier = np.array([pair[0] for pair in pairs], np.int32)
    shift = np.array([pair[1] for pair in pairs], np.uint8)
    scale = np.ldexp(multiplier.astype(np.float64), -shift.astype(np.int64))
    units = np.clip(unit * np.rint(columns / (unit * scale[:, None])), -limit, limit)
    return Affine(
        weights=units.astype(np.int8),
        bias=(unit * np.rint(offsets / (unit * scale) * 2**fixed.INPUT_BITS)).astype(np.int32),
        multiplier=multiplier,
        shift=shift,
        bits=bits,
    )


def to_json(spec: Spec) -> dict[str, Any]:
    """The spec as a JSON document: integers, lists of integers, names and units."""
    network = _network_to_json(spec) if spec.has_network else _form_alone_to_json(spec)
    return network | form_sections(spec.form, spec.weight)


def _network_to_json(spec: Spec) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "units": UNITS,
        "cell": spec.cell,
        "channels": spec.channels,
        "hidden": spec.hidden,
        "horizon": spec.horizon,
        "steps": spec.steps,
        "substeps": spec.substeps,
        "inner": None if spec.inner is None else _affine_to_json(spec.inner),
        "step": _affine_to_json(spec.step),
        "gate": None if spec.gate is None else _affine_to_json(spec.gate),
        "head": _affine_to_json(spec.head),
        "rate": spec.rate.tolist(),
        "reversal": None if spec.reversal is None else spec.reversal.tolist(),
        "update": list(spec.update),
        "skip": [list(pair) for pair in spec.skip],
        "knots": list(spec.knots),
        "inv_gap_q30": list(spec.inv_gap_q30),
        "delta": list(spec.delta),
        "offset": None if spec.offset is None else list(spec.offset),
        "tables": {name: table.tolist() for name, table in spec.tables.items()},
    }


def _form_alone_to_json(spec: Spec) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "units": FORM_UNITS,
        "channels": spec.channels,
        "horizon": spec.horizon,
        "steps": spec.steps,
        "knots": list(spec.knots),
        "inv_gap_q30": list(spec.inv_gap_q30),
    }


def from_json(document: dict[str, Any]) -> Spec:
    """Read back ``to_json``.

    Raises:
        ModelError: the document is of another format, lacks a part, holds a number that does not fit, or
            describes a model that could overflow.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        written = document.get("format") if isinstance(document, dict) else None
        mismatch = f"spec has format {repr(written)[:40]}, expected {FORMAT!r}"
        raise ModelError(f"{mismatch}: made by an older version; run dvc repro")
    try:
        spec = _parse(document)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"spec is broken ({type(error).__name__}: {error}); run dvc repro") from error
    check_bounds(spec)
    again = to_json(spec)  # the derived fields, the units, and no field more
    wrong = sorted(name for name in document.keys() | again.keys() if document.get(name) != again.get(name))
    if wrong:
        raise ModelError(f"spec: {wrong[0][:40]!r} is not what the rest of the spec gives; run dvc repro")
    return spec


def _parse(document: dict[str, Any]) -> Spec:
    form, weight = parse_form(document)
    if form is not None and not weight:
        steps, channels = (integers.whole(document[name], 1, WIDEST) for name in ("steps", "channels"))
        return form_alone(form, steps, channels, _knots(document))
    return replace(_parse_network(document), form=form, weight=weight)


def _knots(document: dict[str, Any]) -> tuple[int, ...]:
    """Knots that rise: the gaps between them are divided by."""
    knots = tuple(integers.wholes(document["knots"], np.int32).tolist())
    if not knots or min(high - low for low, high in zip((0, *knots), knots, strict=False)) < 1:
        raise ValueError("knots that do not rise")
    return knots


def _parse_network(document: dict[str, Any]) -> Spec:
    reversal, offset, inner, gate = (document[name] for name in ("reversal", "offset", "inner", "gate"))
    for name in ("channels", "hidden", "horizon"):  # derived; compared once the rest is known
        integers.whole(document[name], 1, LONGEST)
    return Spec(
        cell=cast(Cell, document["cell"]),
        steps=integers.whole(document["steps"], 1, WIDEST),
        substeps=integers.whole(document["substeps"], 1, WIDEST),
        inner=None if inner is None else _affine_from_json(inner),
        step=_affine_from_json(document["step"]),
        gate=None if gate is None else _affine_from_json(gate),
        head=_affine_from_json(document["head"]),
        rate=integers.wholes(document["rate"], np.int16),
        reversal=None if reversal is None else integers.wholes(reversal, np.int16),
        update=_pair(document["update"]),
        skip=tuple(_pair(pair) for pair in integers.listed(document["skip"])),
        knots=tuple(integers.wholes(document["knots"], np.int32).tolist()),
        inv_gap_q30=tuple(integers.wholes(document["inv_gap_q30"], np.int32).tolist()),
        delta=_pair(document["delta"]),
        offset=None if offset is None else _pair(offset),
        tables={name: integers.wholes(document["tables"][name], np.int64) for name in ("sigmoid", "tanh", "softplus")},
    )


def save_spec(path: Path, spec: Spec) -> None:
    """Write the spec as JSON."""
    write_json(path, to_json(spec))


def load_spec(path: Path) -> Spec:
    """Read a spec; errors name the file.

    Raises:
        DLNetError: the file is missing or is not JSON (``ModelError`` if it is no usable spec).
    """
    document = read_json(path)
    try:
        return from_json(document)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _affine_to_json(part: Affine) -> dict[str, Any]:
    arrays = {name: getattr(part, name).tolist() for name in ("weights", "bias", "multiplier", "shift")}
    return {"bits": part.bits, **arrays}


def _affine_from_json(document: dict[str, Any]) -> Affine:
    bits = document["bits"]
    if type(bits) is not int or bits not in UNIT:
        raise ValueError(f"weights of {repr(bits)[:20]} bits")
    return Affine(
        weights=integers.matrix(document["weights"], np.int8),
        bias=integers.wholes(document["bias"], np.int32),
        multiplier=integers.wholes(document["multiplier"], np.int32),
        shift=integers.wholes(document["shift"], np.uint8),
        bits=bits,
    )


def _pair(values: Any) -> tuple[int, int]:
    first, second = integers.wholes(values, np.int32).tolist()
    return first, second
