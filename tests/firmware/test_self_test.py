"""The self test finds a fault of any part of cleaning and encoding, such as those of 16-bit arithmetic."""

import shutil
import zlib

import numpy as np
import pytest
from firmware_models import needs_arm, needs_gcc, shaped

from dlnet.export.frontend import acceptable, to_codes
from dlnet.firmware import toolchain
from dlnet.firmware.arm import MONITOR, build
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.host import CompiledModel
from dlnet.firmware.self_test import synthetic_rows

ENCODER, ARITH, MONITOR_H = "dlnet_encoder.h", "dlnet_arith.h", "dlnet_monitor.h"
FAULTS = {
    "a code doubled in 16 bits": (ENCODER, "abs_i32(2 * values[i] - centre)", "abs_i32({2 * values[i]} - centre)"),
    "the newest code doubled in 16 bits": (
        ENCODER, "abs_i32(2 * values[count - 1] - centre)", "abs_i32({2 * values[count - 1]} - centre)"
    ),
    "half of a median": (ENCODER, "2] + values[count / 2];", "2] + 0 * values[count / 2];"),
    "half of a block": (ARITH, "(values) + values[count - 1];", "(values) / 2 + values[count - 1];"),
    "a quantile times the block in 16 bits": (
        ENCODER, "sum >= Model::block * knot[i + reach]", "sum >= {Model::block * knot[i + reach]}"
    ),
    "a change scaled in 16 bits": (ENCODER, "scale(change * fine,", "scale({change * fine},"),
    "a path scaled in 16 bits": (ENCODER, "scale(near * fine,", "scale({near * fine},"),
    "health in 16 bits": (ENCODER, "+ Model::health_offset) * 512", "+ {Model::health_offset * 512})"),
    "a wide product in 32 bits": (
        ENCODER, "static_cast<int64_t>(sigmas) * spread * widened", "int64_t{sigmas * spread * widened}"
    ),
    "falls without a limit": (ENCODER, "fall < Model::drop_limit ? fall : Model::drop_limit", "fall"),
    "rounding left out": (ENCODER, "(whole >> 8) + ((whole >> 7) & 1)", "whole >> 8"),
    "no filter": (ENCODER, "floor, widening) ? (all.centre + 1) >> 1 : value", "floor, widening) ? value : value"),
    "cleaned neighbours": (
        MONITOR_H, "feature_floor(input)), code);", "feature_floor(input)), rows_.clean(input)[0]);"
    ),
    "no check-up": (MONITOR_H, "rows_.settled > longest_check_up && rows_.held < longest_check_up", "false"),
    "no new level": (MONITOR_H, "rows_.held < longest_check_up", "true"),
    "a level without a beginning": (MONITOR_H, "      rows_.known = 0;\n", ""),
    "a check-up in the first rows of a level": (MONITOR_H, "rows_.settled > longest_check_up && ", ""),
    "of two rows the first is the level": (MONITOR_H, "if (rows_.known == 1) rows_.settled = 0;", ""),
    "a level that never settles": (
        MONITOR_H, "rows_.settled <= longest_check_up) ++", "rows_.settled < longest_check_up) ++"
    ),
    "a level that never widens": (ENCODER, "trend_spread * (widening + held)", "trend_spread * widening"),
    "the spread of a level is allowed for once": (ENCODER, "trend_spread * (widening + held)", "widening + held"),
    "a level without a trend": (ENCODER, "fall > 0) fall = 0", "true) fall = 0"),
    "a level that rises": (ENCODER, "if (fall > 0) fall = 0;", ""),
    "held rows do not wear": (ENCODER, "fall * (held + known - i)", "fall * (known - i)"),
    "a trend in 16 bits": (
        ENCODER, "unit * before[i] + fall * (held + known - i)", "{unit * before[i] + fall * (held + known - i)}"
    ),
    "a floor of another unit": (ENCODER, "floor * unit, trend_spread", "floor, trend_spread"),
    "a value as before is compared": (ENCODER, "  if (value == before[known - 1]) return false;\n", ""),
    "a missing value holds that of a check-up": (MONITOR_H, "if (!hold) memcpy(rows_.latest", "memcpy(rows_.latest"),
    "a missing value holds none": (MONITOR_H, "rows_.count ? rows_.latest[i] :", "false ? rows_.latest[i] :"),
    "a missing value at first is any": (MONITOR_H, ": Model::input_typical[i];", ": int16_t(9999);"),
    "missing values are not counted": (MONITOR_H, "        ++absent;\n", ""),
    "missing values are not said": (MONITOR_H, "held() || missing() ?", "held() ?"),
    "held rows are not said": (MONITOR_H, "held() || missing() ?", "missing() ?"),
    "the last row is not compared": (ENCODER, "step < all.away ? step : all.away", "all.away"),
    "the median is not compared": (ENCODER, "step < all.away ? step : all.away", "step"),
    "held rows shift by none": (ENCODER, "i < (Model::window - 1) / 2;", "i < 0;"),
    "no flag": (MONITOR_H, "rows_.flagged = Model::window;", "rows_.flagged = 0;"),
    "a target beyond its limits": (MONITOR_H, "Model::with_target && !possible", "false"),
}  # fmt: skip


@needs_gcc
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_line_fails_the_self_test(tmp_path, monkeypatch, fault):
    name, right, wrong = FAULTS[fault]
    shutil.copytree(toolchain.LIBRARY, tmp_path / "src")
    source = tmp_path / "src" / name
    text = source.read_text()
    assert text.count(right) == 1
    narrow = wrong.replace("int64_t{", "int64_t<").replace("{", "static_cast<int16_t>(").replace("}", ")")
    source.write_text(text.replace(right, narrow.replace("int64_t<", "int64_t(")))
    monkeypatch.setattr(toolchain, "LIBRARY", tmp_path / "src")
    with CompiledModel(shaped("liquid-13"), flags=("-fwrapv", "-Wno-error")) as broken:
        assert broken.self_test() == "self test failed"


def test_the_rows_of_the_self_test_leave_the_range_of_codes_and_lie_deep_within():
    codec = shaped("sensors only").codec
    values = synthetic_rows(codec)
    codes = to_codes(codec, values).astype(int)
    assert acceptable(codec, values).all()
    assert (np.abs(codes[:7, 1:]) >= 32767).any()
    measured = np.isfinite(values[55:63, 1:])
    assert np.abs(codes[55:63, 1:][measured]).max() <= 321  # (32768 + 8192) / 128, and one for rounding
    assert zlib.crc32(codes.astype("<i2").tobytes()) == zlib.crc32(by_hand(codec).tobytes())


def by_hand(codec):
    """The codes again, one number after the other."""
    x, out = 0, []
    rows, latest = 2 * codec.window + 64 + 110, to_codes(codec, codec.typical[None])[0].tolist()
    for number in range(1, rows + 1):
        for i in range(codec.inputs):
            x = (1664525 * x + 1013904223) % 2**32
            any_code = (x >> 16) - (65536 if x >> 31 else 0)
            code = (any_code + any_code // 4) // 2 ** ((number // 8 + 4 * (i == 0)) % 8)
            worn = number + 110 - rows
            if i == 0 and worn > 0:
                off = worn % 28 in (3, 4) or worn % 28 >= (24, 21, 18, 0)[worn // 28]
                level = (400, -400, 400, -400)[worn // 28] if off else 100 if worn % 28 == 10 else 0
                code = any_code // 2048 - 60 * worn + level + 800 * (worn == 105)
            value = codec.offset[i] + np.float32(code * 256) / codec.scale[i]
            if (5 * number + 7 * i + 3) % 29 and not (number <= 8 and i == codec.inputs - 1):
                latest[i] = int(np.floor(float((value - codec.offset[i]) * codec.scale[i]) / 256 + 0.5))
            out.append(latest[i])
    return np.clip(out, -32768, 32767).astype("<i2")


@needs_arm
@pytest.mark.slow
def test_the_self_test_takes_the_stack_of_a_second_monitor():
    model = shaped("liquid-13")
    board = EmulatedCore(build(model).content)
    run = board.measure("dlnet_self_test")
    monitor = board.call("dlnet_sizes", 0)
    assert run.result == 0
    assert monitor < run.stack < monitor + 1024
    alone = build(model, MONITOR).flash
    assert 0 < build(model, (*MONITOR, "dlnet_self_test")).flash - alone < 6000
