"""``model_data.h``: one model as C++ constants, for the firmware library. Layouts stand in docs/firmware.md."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import SOH_OFFSET, Codec, Scale
from dlnet.export.layout import Affine, Spec
from dlnet.export.reference import Int16s, Int32s, run

BLOCK_WORDS = 4  # of a row that stand together; dlnet_arith.h loads them at once
SYNTHETIC_WINDOWS = 6  # of the self test, generated on the device
MOST_DROP = 1 << 29  # between two knots, 2^-24 SoH: the read-out multiplies it by 4 in 32 bits
UNITS = {"Q": "Ah", "charge time": "s", "kurtosis": "1", "skewness": "1", "entropy": "nat", "SoH": "1"}
NONE = 255
LAYOUT = {f"{sign}int{8 * size}_t": f"<{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4)}
LAYOUT["float"] = "<f4"

Words = list[int]


def header(model: DeviceModel) -> str:
    """The text of model_data.h.

    Raises:
        ModelError: the model is beyond what the engine's layout holds.
    """
    spec, codec = model.spec, model.codec
    _check(spec, codec)
    values = {**_shape(spec, codec), **_scalars(spec, codec), **_self_test(model)}
    arrays = [*_engine_arrays(spec), *_codec_arrays(codec), *_golden_arrays(model)]
    values["tables_crc"] = zlib.crc32(b"".join(one.bytes for one in arrays))
    identity = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(model.sha256)[:8])
    names = [_quoted(name) for name in codec.names]
    units = [_quoted(unit_of(name)) for name in codec.names]
    return _TEMPLATE.format(
        name=_quoted(model.name),
        version=_quoted(model.version),
        sha256=_quoted(model.sha256),
        parameters=spec.parameters,
        constants="\n".join(f"  static constexpr {_type(one)} {key} = {_literal(one)};" for key, one in values.items()),
        declared="\n".join(one.declared for one in arrays),
        defined="\n".join(one.defined for one in arrays),
        summed="\n".join(f"    sum = add({one.name}, sizeof {one.name}, sum);" for one in arrays),
        identity=identity,
        input_names=", ".join(names),
        input_units=", ".join(units),
    )


class _Arrays:
    """One static array of the model: inside of the struct, and its definition outside, as C++14 wants both."""

    def __init__(self, kind: str, name: str, values: Any) -> None:
        content = np.asarray(values, np.float32 if kind == "float" else np.int64)
        if content.size == 0:  # C++ has no empty arrays; nothing reads this one
            content = np.zeros((1,) * content.ndim, content.dtype)
        size = "".join(f"[{length}]" for length in content.shape)
        self.declared = f"  static constexpr {kind} {name}{size} = {_braced(content)};"
        self.defined = f"template <class T> constexpr {kind} ModelTables<T>::{name}{size};"
        self.name, self.bytes = name, content.astype(LAYOUT[kind]).tobytes()


def unit_of(name: str) -> str:
    """Unit of an input, in SI or Ah; slopes are per 5 s (docs/features.md)."""
    part, _, statistic = name.partition(" ")
    if name in UNITS:
        return UNITS[name]
    if statistic in UNITS:
        return UNITS[statistic]
    base = {"voltage": "V", "current": "A"}.get(part, "1")
    return f"{base}/5s" if statistic == "slope" else base


def _check(spec: Spec, codec: Codec) -> None:
    most = max(int(np.abs(part.bias.astype(np.int64)).max()) for part in spec.parts.values())
    limits = {
        "channels": (spec.channels, 254),
        "hidden": (spec.hidden, 255),
        "rank": (spec.rank, 255),
        "branches": (spec.branches, 255),
        "relative features": (len(codec.relative), 127),
        "skip inputs": (len(spec.skip), 254),
        "block": (codec.block, 64),
        "steps": (spec.steps, 254),
        "bias": (most, fixed.INT32_MAX),
    }
    for name, (value, limit) in limits.items():
        if value > limit:
            raise ModelError(f"{name} is {value}; the firmware engine holds at most {limit}")
    if codec.relative and len({i for i, _ in codec.relative}) < len(codec.relative):
        raise ModelError("a feature stands twice among the relative ones; the firmware engine sees each once")
    peak = (fixed.INT16_MAX << (fixed.INCREMENT_BITS - fixed.INPUT_BITS)) + int(spec.tables["softplus"].max())
    if int(fixed.requantise(np.array(peak), *spec.delta)) >= MOST_DROP:
        raise ModelError("a fall of SoH between two knots could reach 32; train with a smaller delta_scale")


def _shape(spec: Spec, codec: Codec) -> dict[str, int | bool]:
    return {
        "inputs": codec.inputs,
        "window": codec.window,
        "horizon": spec.horizon,
        "block": codec.block,
        "steps": spec.steps,
        "substeps": spec.substeps,
        "channels": spec.channels,
        "hidden": spec.hidden,
        "skips": len(spec.skip),
        "knots": len(spec.knots),
        "outputs": spec.outputs,
        "branches": spec.branches,
        "rank": spec.rank,
        **{f"{name}_bits": bits for name, bits in spec.precision.to_json().items()},
        "memory": codec.memory,
        "features": len(codec.names) - (codec.capacity is not None),
        "relatives": len(codec.relative),
        "quantiles": 0 if codec.quantiles is None else codec.quantiles.shape[1],
        "liquid": spec.reversal is None,
        "capacity": codec.capacity is not None,
        "has_offset": spec.offset is not None,
    }


def _scalars(spec: Spec, codec: Codec) -> dict[str, int]:
    offset, capacity = spec.offset or (0, 1), codec.capacity
    nothing = Scale(0, 1)
    change, level = (capacity.change, capacity.level) if capacity else (nothing, nothing)
    count = 0 if codec.quantiles is None else codec.quantiles.shape[1]
    first = 0 if capacity is None else 1
    return {
        "update_multiplier": spec.update[0],
        "update_shift": spec.update[1],
        "delta_multiplier": spec.delta[0],
        "delta_shift": spec.delta[1],
        "offset_multiplier": offset[0],
        "offset_shift": offset[1],
        "soh_offset": SOH_OFFSET,
        "soh_sigmas": codec.sigmas[0],
        "soh_floor": codec.floor[0],
        "feature_sigmas": codec.sigmas[first],
        "change_multiplier": change.multiplier,
        "change_extra_shift": change.extra_shift,
        "drop_limit": capacity.drop_limit if capacity else 0,
        "level_multiplier": level.multiplier,
        "level_extra_shift": level.extra_shift,
        "level_centre": capacity.level_centre if capacity else 0,
        "quantile_reach": 1 << ((count - 1).bit_length() - 1) if count > 1 else 0,
        "score_low": codec.score_low,
        "score_step": codec.score_step,
        "score_bits": codec.score_bits,
        "score_half": (1 << codec.score_bits) >> 1,
        "anchor": codec.anchor,
    }


def _engine_arrays(spec: Spec) -> list[_Arrays]:
    half = 1 << (fixed.STATE_BITS - 1)
    return [
        _Arrays("uint32_t", "inner_rows", inner_stream(spec)),
        _Arrays("uint32_t", "step_rows", step_stream(spec)),
        _Arrays("uint32_t", "gate_rows", gate_stream(spec)),
        _Arrays("uint32_t", "head_rows", head_stream(spec)),
        _Arrays("int16_t", "sigmoid_table", spec.tables["sigmoid"] - half),
        _Arrays("int16_t", "tanh_table", spec.tables["tanh"] if spec.reversal is None else []),
        _Arrays("uint16_t", "softplus_table", spec.tables["softplus"]),
        _Arrays("uint8_t", "skip_event", skip_events(spec)),
        _Arrays("uint8_t", "skip_channel", [channel for channel, _ in spec.skip]),
        _Arrays("uint16_t", "knot", spec.knots),
        _Arrays("int32_t", "inv_gap_q30", spec.inv_gap_q30),
    ]


def _codec_arrays(codec: Codec) -> list[_Arrays]:
    slots = np.full(len(codec.names) - (codec.capacity is not None), -1)
    slots[[i for i, _ in codec.relative]] = np.arange(len(codec.relative))
    standard = codec.quantiles is None
    return [
        _Arrays("float", "input_offset", codec.offset),
        _Arrays("float", "input_scale", codec.scale),
        _Arrays("int16_t", "quantile", np.zeros((0, 0), np.int64) if codec.quantiles is None else codec.quantiles),
        _Arrays("int32_t", "centre", codec.centre if standard else []),
        _Arrays("int32_t", "feature_multiplier", [s.multiplier for s in codec.feature] if standard else []),
        _Arrays("uint8_t", "feature_extra_shift", [s.extra_shift for s in codec.feature] if standard else []),
        _Arrays("int8_t", "relative_slot", slots),
        _Arrays("uint8_t", "relative_feature", [i for i, _ in codec.relative]),
        _Arrays("int32_t", "relative_multiplier", [scale.multiplier for _, scale in codec.relative]),
        _Arrays("uint8_t", "relative_extra_shift", [scale.extra_shift for _, scale in codec.relative]),
    ]


def _golden_arrays(model: DeviceModel) -> list[_Arrays]:
    windows, anchors = model.golden
    return [_Arrays("int16_t", "golden_window", windows.reshape(-1)), _Arrays("int32_t", "golden_anchor", anchors)]


def step_stream(spec: Spec) -> Words:
    """The cell's rows as the engine reads them, two at a time: a neuron's gate and target, or two neurons' gates."""
    n, part = spec.hidden, spec.step
    blocks = [part.weights] if spec.inner is not None else _state_first(spec, part)
    words: Words = []
    if spec.reversal is None:
        for i in range(n):
            words += _pair(part, blocks, i, n + i)
            words.append(int(part.shift[i]) - 32 | (int(part.shift[n + i]) - 32) << 8 | _half(spec.rate[i]) << 16)
        return words
    for i in range(0, n, 2):
        j = i + 1 if i + 1 < n else None
        words += _pair(part, blocks, i, j)
        words.append(_shifts(part, i, j))
        for constants in (spec.rate, spec.reversal):
            words.append(_half(constants[i]) | (_half(constants[j]) << 16 if j is not None else 0))
    return words


def inner_stream(spec: Spec) -> Words:
    """Rows of the cell's first factor, two at a time; none of full rank."""
    return [] if spec.inner is None else _rows(spec.inner, _state_first(spec, spec.inner), range(spec.rank))


def gate_stream(spec: Spec) -> Words:
    """The gate's rows, two at a time; none of one branch."""
    return [] if spec.gate is None else _rows(spec.gate, _state_first(spec, spec.gate), range(spec.branches))


def head_stream(spec: Spec) -> Words:
    """The head's rows as the engine reads them, two at a time, branch by branch: streams of one length."""
    blocks = [spec.head.weights[:, : spec.hidden], spec.head.weights[:, spec.hidden :]]
    starts = range(0, len(spec.head.bias), spec.outputs)
    return [word for start in starts for word in _rows(spec.head, blocks, range(start, start + spec.outputs))]


def _state_first(spec: Spec, part: Affine) -> list[np.ndarray]:
    """Weights on the state and on the inputs, as they stand in the engine's vector."""
    return [part.weights[:, spec.channels :], part.weights[:, : spec.channels]]


def _rows(part: Affine, blocks: list[np.ndarray], rows: range) -> Words:
    words: Words = []
    for i in rows[::2]:
        j = i + 1 if i + 1 in rows else None
        words += [*_pair(part, blocks, i, j), _shifts(part, i, j)]
    return words


def _pair(part: Affine, blocks: list[np.ndarray], i: int, j: int | None) -> Words:
    """Biases, the two rows block by block, multipliers; a row that is missing is all zero."""
    rows = (i,) if j is None else (i, j)
    none = [0] * (2 - len(rows))
    words = [int(part.bias[row]) // part.unit & 0xFFFFFFFF for row in rows] + none
    size, packed = (BLOCK_WORDS, _packed) if part.bits == 8 else (1, _packed_nibbles)
    for block in blocks:
        chosen = [packed(block[row] // part.unit) for row in rows] + [packed(0 * block[0]) for _ in none]
        for start in range(0, len(chosen[0]), size):
            words += chosen[0][start : start + size] + chosen[1][start : start + size]
    return words + [int(part.multiplier[row]) for row in rows] + none


def _packed(row: np.ndarray) -> Words:
    """Weights as words of two int16, the even one in the low half."""
    padded = np.append(row.astype(np.int64), np.zeros(len(row) % 2, np.int64)) & 0xFFFF
    return [int(low) | int(high) << 16 for low, high in zip(padded[::2], padded[1::2], strict=True)]


def _packed_nibbles(row: np.ndarray) -> Words:
    """Weights of 4 bits plus 8, eight a word: nibble k of the low half is weight 2k, of the high half 2k + 1."""
    padded = np.append(row.astype(np.int64), np.zeros(-len(row) % 8, np.int64)).reshape(-1, 4, 2) + 8
    shifts = 4 * np.arange(4)[:, None] + np.array([0, 16])
    return [int(word) for word in (padded << shifts).sum(axis=(1, 2))]


def _shifts(part: Affine, i: int, j: int | None) -> int:
    return int(part.shift[i]) - 32 | ((int(part.shift[j]) - 32 if j is not None else 1) << 8)


def _half(value: Any) -> int:
    return int(value) & 0xFFFF


def skip_events(spec: Spec) -> list[int]:
    """(step, slot, channel) of each early value that a skip input is a difference from, by step; ends with 255."""
    events = sorted((spec.steps - 1 - lag, slot, channel) for slot, (channel, lag) in enumerate(spec.skip) if lag)
    return [number for event in events for number in event] + [NONE]


def synthetic_windows(spec: Spec, count: int) -> Int16s:
    """Windows that the device generates for its self test, (count, T, C): see dlnet_self_test.h."""
    out = np.empty((count, spec.steps * spec.channels), np.int64)
    x = np.arange(count, dtype=np.int64)
    for i in range(out.shape[1]):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out[:, i] = x >> 16
    return out.astype(np.uint16).view(np.int16).reshape(count, spec.steps, spec.channels)


def _self_test(model: DeviceModel) -> dict[str, int]:
    windows, anchors = model.golden
    synthetic = synthetic_windows(model.spec, SYNTHETIC_WINDOWS)
    every = np.concatenate([windows, synthetic])
    anchor: Int32s = np.concatenate([anchors, np.full(SYNTHETIC_WINDOWS, 1 << fixed.FORECAST_BITS, np.int32)])
    forecasts = run(model.spec, every, anchor).forecast
    crc = zlib.crc32(np.ascontiguousarray(forecasts, "<i4").tobytes())
    return {"golden": len(windows), "synthetic_windows": SYNTHETIC_WINDOWS, "golden_crc": crc}


def _type(value: int | bool | float) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int32_t" if -(2**31) <= value < 2**31 else "uint32_t"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        text = f"{float(value):.9g}"
        return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
    number = int(value)
    if number == -(2**31):
        return "-2147483647 - 1"
    return f"{number}u" if number >= 2**31 else str(number)


def _braced(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "{" + ",\n   ".join(_braced(row) for row in values) + "}"
    return "{" + _wrapped([_literal(value) for value in values]) + "}"


def _wrapped(items: Iterable[str], width: int = 112) -> str:
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > width:
            lines.append(line)
            line = ""
        line += f"{', ' if line else ''}{item}"
    return ",\n    ".join([*lines, line])


def _quoted(text: str) -> str:
    """A C string of printable ASCII.

    Raises:
        ModelError: the text holds anything else.
    """
    if not text.isascii() or not text.isprintable():
        raise ModelError(f"{text!r} must be printable ASCII to stand in a header; rename it")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TEMPLATE = """\
// Written by `dlnet firmware`; do not edit. One model of DLNet as constants, for the library DLNet.
#pragma once

#include <stdint.h>

namespace dlnet {{

// A template, so that C++14 lets the arrays be defined in a header and leaves out those that nothing uses.
template <class T>
struct ModelTables {{
{declared}
  static constexpr uint8_t id[8] = {{{identity}}};  // first bytes of sha256()
  static constexpr const char *input_names[] = {{{input_names}}};
  static constexpr const char *input_units[] = {{{input_units}}};
}};

{defined}
template <class T> constexpr uint8_t ModelTables<T>::id[8];
template <class T> constexpr const char *ModelTables<T>::input_names[];
template <class T> constexpr const char *ModelTables<T>::input_units[];

struct Model : ModelTables<void> {{
{constants}
  static constexpr int32_t parameters = {parameters};

  static const char *name() {{ return {name}; }}
  static const char *version() {{ return {version}; }}
  static const char *sha256() {{ return {sha256}; }}
  static const char *input_name(int i) {{ return input_names[i]; }}
  static const char *input_unit(int i) {{ return input_units[i]; }}

  // add(address, bytes, sum so far) over every table; with CRC-32, tables_crc is what comes of it.
  template <class Add>
  static uint32_t sum_of_tables(Add add) {{
    uint32_t sum = 0;
{summed}
    return sum;
  }}
}};

}}  // namespace dlnet
"""

__all__: Sequence[str] = ("header", "synthetic_windows", "unit_of")
