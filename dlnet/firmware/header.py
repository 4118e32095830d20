"""``model_data.h``: one model as C++ constants, for the firmware library. Layouts: docs/firmware.md."""

from __future__ import annotations

import zlib
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.codec_bounds import check_codec
from dlnet.export.edge import MOST_COUNTER, NO_COUNTER, DeviceModel
from dlnet.export.frontend import HEALTH_OFFSET, Codec, to_codes
from dlnet.export.layout import Spec
from dlnet.firmware import self_test
from dlnet.firmware.arrays import Array
from dlnet.firmware.form_header import form_arrays, form_constants
from dlnet.firmware.records import records
from dlnet.firmware.streams import gate_stream, head_stream, inner_stream, skip_events, step_stream

TEMPLATES = Path(__file__).parent / "templates"
LONGEST_TEXT = 100  # characters: info has two of them, and must fit its buffer
MOST_DROP = 1 << 29  # between two knots, 2^-24 of health: the read-out multiplies it by 4 in 32 bits


def header(model: DeviceModel) -> str:
    """The text of model_data.h.

    Raises:
        ModelError: the model is beyond what the engine's layout holds, has a name that is not printable ASCII, or a
            counter that no release has.
    """
    spec, codec = model.spec, model.codec
    _check(spec, codec)
    check_codec(codec)
    if not NO_COUNTER <= model.counter <= MOST_COUNTER:
        raise ModelError(f"counter is {model.counter}; the counter of a release is from 1 to {MOST_COUNTER:,}")
    windows, anchors = model.golden
    stored = records(spec, windows, model.golden_form)
    golden = [Array("int16_t", "golden_window", stored.reshape(-1)), Array("int32_t", "golden_anchor", anchors)]
    first = 0 if codec.target is None else 1
    engine = _engine_arrays(spec)
    kept, form = engine if spec.has_network else engine[-2:], form_arrays(model)
    arrays = [*kept, *_codec_arrays(codec), *(form if spec.form is not None else []), *golden]
    absent = [one for one in (*engine, *form) if one not in arrays]
    return (
        _environment()
        .get_template("model_data.h.j2")
        .render(
            model=model,
            spec=spec,
            codec=codec,
            words=model.quantities,
            units=[model.quantities.unit_of(name) for name in codec.names],
            has_floors=any(codec.floor[first:]),
            arrays=arrays,
            absent=absent,
            form=form_constants(model),
            health_offset=HEALTH_OFFSET,
            synthetic_windows=self_test.WINDOWS,
            synthetic_rows=self_test.rows(codec),
            golden_crc=self_test.checksum(model),
            tables_crc=zlib.crc32(b"".join(one.bytes for one in arrays)),
        )
    )


def _environment() -> Environment:
    # No autoescape, which is for HTML: every string from outside goes through the filter `quoted`.
    cpp = Environment(  # noqa: S701
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    cpp.filters |= {"quoted": _quoted, "braced": _braced, "literal": _literal}
    return cpp


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
        raise ModelError("a fall between two knots could reach 32; train with a smaller delta_scale")


def _engine_arrays(spec: Spec) -> list[Array]:
    half = 1 << (fixed.STATE_BITS - 1)
    return [
        Array("uint32_t", "inner_rows", inner_stream(spec)),
        Array("uint32_t", "step_rows", step_stream(spec)),
        Array("uint32_t", "gate_rows", gate_stream(spec)),
        Array("uint32_t", "head_rows", head_stream(spec)),
        Array("int16_t", "sigmoid_table", spec.tables["sigmoid"] - half),
        Array("int16_t", "tanh_table", spec.tables["tanh"] if spec.reversal is None else []),
        Array("uint16_t", "softplus_table", spec.tables["softplus"]),
        Array("uint8_t", "skip_event", skip_events(spec)),
        Array("uint8_t", "skip_channel", [channel for channel, _ in spec.skip]),
        Array("uint16_t", "knot", spec.knots),
        Array("int32_t", "inv_gap_q30", spec.inv_gap_q30),
    ]


def _codec_arrays(codec: Codec) -> list[Array]:
    slots = np.full(len(codec.names) - (codec.target is not None), -1)
    slots[[i for i, _ in codec.relative]] = np.arange(len(codec.relative))
    standard = codec.quantiles is None
    own_floors = codec.floor[len(codec.names) - len(slots) :]
    return [
        Array("float", "input_offset", codec.offset),
        Array("float", "input_scale", codec.scale),
        Array("int16_t", "input_typical", to_codes(codec, codec.typical[None])[0]),
        Array("int16_t", "quantile", np.zeros((0, 0), np.int64) if codec.quantiles is None else codec.quantiles),
        Array("int32_t", "centre", codec.centre if standard else []),
        Array("int32_t", "feature_multiplier", [s.multiplier for s in codec.feature] if standard else []),
        Array("uint8_t", "feature_extra_shift", [s.extra_shift for s in codec.feature] if standard else []),
        Array("int32_t", "feature_floor", own_floors if any(own_floors) else []),
        Array("int8_t", "relative_slot", slots),
        Array("uint8_t", "relative_feature", [i for i, _ in codec.relative]),
        Array("int32_t", "relative_multiplier", [scale.multiplier for _, scale in codec.relative]),
        Array("uint8_t", "relative_extra_shift", [scale.extra_shift for _, scale in codec.relative]),
    ]


def _literal(value: Any) -> str:
    if isinstance(value, np.floating):
        text = f"{float(value):.9g}"
        return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
    number = int(value)
    if number == -(2**31):
        return "-2147483647 - 1"
    return f"{number}u" if number >= 2**31 else str(number)


def _braced(values: np.ndarray) -> str:
    if values.ndim > 1:
        return "{" + ",\n   ".join(_braced(row) for row in values) + "}"
    text = ", ".join(map(_literal, values)) + ","
    return "{" + "\n    ".join(wrap(text, 113, break_long_words=False, break_on_hyphens=False))[:-1] + "}"


def _quoted(text: str) -> str:
    """A C string of printable ASCII.

    Raises:
        ModelError: the text holds anything else, or could be taken for another part of a reply.
    """
    if not text.isascii() or not text.isprintable():
        raise ModelError(f"{repr(text)[:80]} must be printable ASCII to be a string of the header; rename it")
    if "=" in text or text != text.strip() or not 1 <= len(text) <= LONGEST_TEXT:
        reason = f"a board's replies are key=value words: no =, no blanks at the ends, 1 to {LONGEST_TEXT} characters"
        raise ModelError(f"{repr(text)[:80]} cannot be a string of the header ({reason}); rename it")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
