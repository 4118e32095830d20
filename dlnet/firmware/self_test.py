"""What the self test of a device must find: dlnet_self_test.h in NumPy, by the reference."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from dlnet.export import fixed
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import CODE_BITS, Codec, acceptable, clean_codes, code_levels, to_codes
from dlnet.export.layout import Spec
from dlnet.export.path import device_path
from dlnet.export.reference import Int16s, Int32s, run
from dlnet.firmware.status import given_as

WINDOWS = 6  # synthetic ones
WORN = 110  # last synthetic rows, in which the first input wears evenly


def rows(codec: Codec) -> int:
    """How many synthetic rows the self test pushes: until all are replaced once, and every amplitude was there; then
    rows that wear."""
    return 2 * codec.window + 64 + WORN


def checksum(model: DeviceModel) -> int:
    """CRC-32 of the forecasts of golden and synthetic windows, then of what a monitor makes of synthetic rows."""
    windows, anchors = model.golden
    every = np.concatenate([windows, synthetic_windows(model.spec, WINDOWS)])
    anchor: Int32s = np.concatenate([anchors, np.full(WINDOWS, 1 << fixed.FORECAST_BITS, np.int32)])
    made = synthetic_inputs(model.spec, WINDOWS)
    inputs = None if made is None or model.golden_form is None else np.concatenate([model.golden_form, made])
    return _monitor(model, zlib.crc32(_bytes(run(model.spec, every, anchor, inputs).forecast)))


def _monitor(model: DeviceModel, crc: int) -> int:
    codec, values = model.codec, synthetic_rows(model.codec)
    accepted = acceptable(codec, values)
    count = np.cumsum(accepted)[5::8]  # after row 6, 14, ...
    enough = np.asarray(count[count >= codec.window], np.int64)
    path = device_path(model, values[accepted], enough)
    for status, forecast in zip(given_as(path).tolist(), path.forecast(model), strict=True):
        crc = zlib.crc32(bytes([status]) + _bytes(forecast), crc)
    return zlib.crc32(_codes(codec, values[accepted]).tobytes(), crc)


def _codes(codec: Codec, values: npt.NDArray[np.float32]) -> Int16s:
    """(inputs, codes) that ``Rows`` of dlnet_encoder.h holds at the end: cleaned, then measured, filled to words."""
    measured = to_codes(codec, values)
    clean, sound = clean_codes(codec, measured)[-codec.window :], measured[code_levels(codec, measured).off == 0]
    both = np.concatenate([clean, sound[len(sound) - codec.memory :]])
    return np.ascontiguousarray(np.pad(both, ((0, len(both) % 2), (0, 0))).T, "<i2")


def _bytes(forecast: Int32s) -> bytes:
    return np.ascontiguousarray(forecast, "<i4").tobytes()


def _numbers(seeds: npt.NDArray[np.int64], count: int) -> Int16s:
    """Pseudo-random int16, (seeds, count)."""
    out, x = np.empty((len(seeds), count), np.int64), seeds
    for i in range(count):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out[:, i] = x >> 16
    return out.astype(np.uint16).view(np.int16)


def synthetic_windows(spec: Spec, count: int) -> Int16s:
    """Windows that the device generates, (count, T, C); zeros of a model without a network."""
    shape = (count, spec.steps, spec.channels)
    if not spec.has_network:
        return np.zeros(shape, np.int16)
    return _numbers(np.arange(count, dtype=np.int64), spec.steps * spec.channels).reshape(shape)


def synthetic_inputs(spec: Spec, count: int) -> Int16s | None:
    """Inputs of a form that the device generates after each window, (count, P); None of a model without a form."""
    if spec.form is None:
        return None
    before = spec.steps * spec.channels * spec.has_network
    return _numbers(np.arange(count, dtype=np.int64), before + spec.form.inputs)[:, before:]


def synthetic_rows(codec: Codec) -> npt.NDArray[np.float32]:
    """Rows that the device generates, (rows, inputs), in the units of the inputs; NaN is not measured."""
    number = np.arange(1, rows(codec) + 1)
    any_code = _numbers(np.zeros(1, np.int64), len(number) * codec.inputs).reshape(-1, codec.inputs).astype(np.int64)
    ahead = 4 * (np.arange(codec.inputs) == 0)
    code = (any_code + (any_code >> 2)) >> (number[:, None] // 8 + ahead) % 8
    worn = np.arange(1, WORN + 1)
    part, within = worn // 28, worn % 28
    off = (within == 3) | (within == 4) | (within >= 24 - 3 * part) | (part == 3)
    code[-WORN:, 0] = (
        (any_code[-WORN:, 0] >> 11) - 60 * worn + np.where(off, np.where(part % 2, -400, 400), 100 * (within == 10))
    )
    code[-WORN:, 0] += 800 * (worn == 105)
    values = codec.offset + (code << CODE_BITS).astype(np.float32) / codec.scale
    absent = (5 * number[:, None] + 7 * np.arange(codec.inputs) + 3) % 29 == 0
    absent[:8, 1:][:, -1:] = True
    return np.asarray(np.where(absent, np.nan, values), np.float32)
