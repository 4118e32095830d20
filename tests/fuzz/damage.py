"""Damage to the files of a model: what bit flips, other programs and attackers could do to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from dlnet.export import fixed
from dlnet.export.bounds import inverse_gap
from tests.fuzz.bases import Base

Files = dict[str, bytes]
Documents = dict[str, Any]
Rng = np.random.Generator

INTEGERS = (0, 1, -1, 2, 7, 62, 63, 64, 127, 128, -128, 254, 255, 256, 32767, 32768, -32768, 65535, 65536, 10**6)
INTEGERS += (2**30, 2**31 - 1, 2**31, -(2**31), 2**53, 2**62, 2**63 - 1, 10**25, 10**400)
FLOATS = (0.0, -0.0, 0.5, 1.0, -1.0, 1e-30, 1e-300, 5e-324, 1e30, -1e30, 1e38, 1e39, 1e100, 1e308, -1e308)
FLOATS += (float("nan"), float("inf"), -float("inf"))
TEXTS = (
    "",
    " ",
    "x",
    "1",
    "a" * 400,
    "a\nb",
    "a\0b",
    "\x1b[31m",
    "\ud800",
    "\u202e",
    "ü",
    "$\\frac$",
    "a=b",
    '"',
    "all",
)
OTHERS: tuple[Any, ...] = (True, False, None, [], {}, [[]], [0] * 70_000, [None], {"a": 1})


def damaged(base: Base, rng: Rng) -> Files:
    """The files of a model, one to three of whose parts are other than they were."""
    documents, files = dict(base.documents), dict(base.files)
    if base.edge and rng.random() < 0.45:
        _pick(rng, FITTING)(documents, rng)
    if rng.random() < 0.75:
        for _ in range(int(rng.integers(1, 4))):
            name = _pick(rng, list(documents))
            documents[name] = _other(documents[name], rng)
    files |= {name: json.dumps(content).encode() for name, content in documents.items()}
    if rng.random() < 0.25:
        name = _pick(rng, list(files))
        files[name] = _pick(rng, RAW)(files[name], rng)
    if rng.random() < 0.01:
        del files[_pick(rng, list(files))]
    return files


def _pick(rng: Rng, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _other(content: Any, rng: Rng, above: Any = None) -> Any:
    """The content with one part of it replaced; only the parts above it are copied."""
    if not isinstance(content, (dict, list)) or not content or (above is not None and rng.random() < 0.12):
        return _replaced(content, rng, above)
    copy: Any = content.copy()
    key = _pick(rng, list(copy) if isinstance(copy, dict) else range(len(copy)))
    copy[key] = _other(content[key], rng, content)
    return copy


def _replaced(value: Any, rng: Rng, above: Any) -> Any:
    if isinstance(value, (dict, list)) and value and rng.random() < 0.7:
        return _rearranged(value, rng)
    if isinstance(above, list) and rng.random() < 0.2:
        return _pick(rng, above)
    kind = rng.random()
    if isinstance(value, int | float) and kind < 0.5 and not abs(value) > 1e300:
        near = (value + 1, value - 1, -value, value * 2, value * 1.01, value * 10.0 ** int(rng.integers(-9, 10)))
        return _pick(rng, (*near, float(value), bool(value), str(value), [value]))
    return _pick(rng, _pick(rng, (INTEGERS, FLOATS, TEXTS, OTHERS)))


def _rearranged(value: Any, rng: Rng) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        at = int(rng.integers(len(items)))
        key, content = items.pop(at)
        new = _pick(rng, TEXTS) if rng.random() < 0.5 else f"{key}x"
        return dict(_pick(rng, (items, [*items, (new, content)], [*items, (key, content), (new, content)])))
    at = int(rng.integers(len(value)))
    return _pick(
        rng,
        (value[:at] + value[at + 1 :], [*value, value[at]], value[::-1], value[:at], sorted(value, key=str), [value]),
    )


# What reads the files as bytes must stand these.


def _cut(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _flipped(content: bytes, rng: Rng) -> bytes:
    out = bytearray(content)
    # The header of a safetensors file, and the first keys of a JSON file, stand in the first bytes.
    most = len(out) if rng.random() < 0.5 else min(len(out), 600)
    for _ in range(int(rng.integers(1, 4))):
        out[int(rng.integers(most))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _swapped_text(content: bytes, rng: Rng) -> bytes:
    old, new = _pick(
        rng,
        ((b"F32", b"F64"), (b"I16", b"U16"), (b"F32", b"I32"), (b"I64", b"F64"), (b"0.", b".0"), (b":", b":1e999,"),
         (b"[", b"[" * 5000), (b"{", b'{"format": 1, "format": 2, '), (b"1", b"9" * 5000), (b'"', b"'"),
         (b"true", b"NaN"), (b"0", b"Infinity"), (b"shape\":[", b"shape\":[4294967296,"), (b" ", b"\xff")),
    )  # fmt: skip
    return content.replace(old, new, 1 if rng.random() < 0.7 else -1)


def _weights(content: bytes, rng: Rng) -> bytes:
    """Numbers of a safetensors file, behind its header, of any value."""
    size = 8 + int.from_bytes(content[:8], "little")
    words = np.frombuffer(content[size : size + (len(content) - size) // 4 * 4], "<f4").copy()
    if content[8:9] != b"{" or not len(words):
        return _flipped(content, rng)
    chosen = rng.random(len(words)) < rng.choice([0.01, 0.3, 1.0])
    with np.errstate(all="ignore"):
        scaled = words * np.float32(10.0 ** int(rng.integers(-3, 39)))
    words[chosen] = _pick(rng, (scaled, np.full_like(words, np.nan), np.full_like(words, 3e38), -words))[chosen]
    return content[:size] + words.tobytes() + content[size + words.nbytes :]


RAW: tuple[Callable[[bytes, Rng], bytes], ...] = (_cut, _flipped, _swapped_text, _weights, _weights)

# Changes after which the parts of an edge model may still fit together: so that what is accepted is no base again.


def _extreme_weights(documents: Documents, rng: Rng) -> None:
    spec = documents["spec.json"] = dict(documents["spec.json"])
    for name in ("inner", "step", "gate", "head"):
        if spec.get(name) is not None and rng.random() < 0.7:
            spec[name] = _extreme_part(spec[name], rng)
    for name in ("form", "forest"):
        if name in spec:
            spec[name] = _extreme_form(spec[name], rng)
    if "blend" in spec and rng.random() < 0.5:
        spec["blend"] = {"weight": int(rng.choice([1, 16384, 32767]))}


def _extreme_form(form: dict[str, Any], rng: Rng) -> dict[str, Any]:
    outputs = len(form["shift"])
    changed: dict[str, Any] = {
        "shift": rng.integers(1, 63, outputs).tolist(),
        "bias": (rng.choice([-1, 0, 1], outputs) * 2**25).tolist(),
    }
    for name in ("coefficients", "threshold", "leaves"):
        if name in form:
            shape = np.shape(form[name])
            codes = rng.integers(-(2**15), 2**15, shape)
            changed[name] = np.where(rng.random(shape) < 0.3, rng.choice([-32768, 32767], shape), codes).tolist()
    return {**form, **{name: value for name, value in changed.items() if rng.random() < 0.7}}


def _extreme_part(part: dict[str, Any], rng: Rng) -> dict[str, Any]:
    most = 127 if part["bits"] == 8 else 112
    unit = 1 if part["bits"] == 8 else 16
    shape = np.shape(part["weights"])
    weights = rng.integers(-most // unit, most // unit + 1, shape) * unit
    weights = np.where(rng.random(shape) < rng.choice([0.0, 0.5, 1.0]), most * rng.choice([-1, 1], shape), weights)
    bias = rng.integers(-(2 ** int(rng.integers(5, 31))), 2 ** int(rng.integers(5, 31)), shape[0]) // unit * unit
    shift = rng.integers(33, 63, shape[0]) if rng.random() < 0.3 else np.array(part["shift"])
    multiplier = rng.choice([2**30, 2**31 - 1, 2**30 + 1], shape[0])
    changed = {"weights": weights, "bias": bias, "shift": shift, "multiplier": multiplier}
    kept = {name: value.tolist() for name, value in changed.items() if rng.random() < 0.7}
    return {**part, **kept}


def _other_knots(documents: Documents, rng: Rng) -> None:
    spec, model = dict(documents["spec.json"]), dict(documents["model.json"])
    count = len(spec["knots"])
    gaps = rng.integers(1, 2 ** rng.integers(1, 9, count) + 1)
    knots = np.cumsum(gaps).tolist()
    spec |= {"knots": knots, "horizon": knots[-1], "inv_gap_q30": [inverse_gap(int(gap)) for gap in gaps]}
    model["encoder"] = {**model["encoder"], "knots": knots, "horizon": knots[-1]}
    model["validation"] = {**model["validation"], "by_horizon": [0.0] * knots[-1]}
    documents |= {"spec.json": spec, "model.json": model}


def _other_inputs(documents: Documents, rng: Rng) -> None:
    model = documents["model.json"] = dict(documents["model.json"])
    if "form_inputs" not in model:
        return
    inputs = model["form_inputs"] = dict(model["form_inputs"])
    for name in ("center", "scale"):
        size = 10.0 ** rng.integers(-40, 40, len(inputs[name]))
        inputs[name] = (np.array(inputs[name]) * np.where(rng.random(len(size)) < 0.3, size, 1.0)).tolist()


def _other_scales(documents: Documents, rng: Rng) -> None:
    spec = documents["spec.json"] = dict(documents["spec.json"])
    if "step" not in spec:
        return
    spec["delta"] = [int(rng.choice([2**30, 2**31 - 1])), int(rng.integers(18, 63))]
    if spec["offset"] is not None:
        spec["offset"] = [int(rng.choice([2**30, 2**31 - 1])), int(rng.integers(18, 63))]
    spec["rate"] = rng.choice([0, 1, 16384, 32767], len(spec["rate"])).tolist()
    if spec["reversal"] is not None:
        spec["reversal"] = rng.choice([-32767, 0, 32767], len(spec["reversal"])).tolist()
    spec["substeps"] = int(rng.integers(1, 9))
    spec["update"] = list(fixed.multiplier_of(2.0 ** (1 - fixed.STATE_BITS) / spec["substeps"]))


def _other_encoder(documents: Documents, rng: Rng) -> None:
    model = documents["model.json"] = dict(documents["model.json"])
    encoder = model["encoder"] = dict(model["encoder"])
    size = float(10.0 ** rng.integers(-36, 37)) if rng.random() < 0.5 else 1.0
    for name in ("center", "scale", "low", "high", "relative_scale"):
        spread = 10.0 ** rng.integers(-4, 5, len(encoder[name])) if rng.random() < 0.3 else 1.0
        encoder[name] = (np.array(encoder[name]) * size * spread).tolist()
    encoder["quantiles"] = [(np.array(row) * size).tolist() for row in encoder["quantiles"]]
    for name in ("level_mean", "level_scale", "delta_scale", "drop_limit"):
        if rng.random() < 0.4:
            encoder[name] = encoder[name] * float(10.0 ** rng.integers(-12, 4)) * float(rng.choice([-1, 1, 1, 1]))
    if rng.random() < 0.4:
        low = float(rng.choice([-1e8, -1.0, 0.0, 0.05, 1e3, 1e8 - 1]))
        width = float(rng.choice([1e-3, 0.5, 1.0, 1e3, 1e7]))
        task = model["quantities"] = dict(model["quantities"])
        task["target"] = {**task["target"], "range": [low, low + width], "end_of_life": None, "noise_floor": 0.0}
    if rng.random() < 0.4:
        model["clean"] = {**model["clean"], "sigmas": float(10.0 ** rng.integers(-9, 9)), "window": 3}


FITTING: tuple[Callable[[Documents, Rng], None], ...] = (
    _extreme_weights,
    _extreme_weights,
    _other_knots,
    _other_scales,
    _other_inputs,
    _other_encoder,
    _other_encoder,
)
