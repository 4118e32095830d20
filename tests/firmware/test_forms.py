"""Models with a form: NumPy reference = g++ = Cortex-M4, from windows and from rows; state saved and restored."""

import functools

import numpy as np
import pytest
from firmware_models import asset, needs_arm, needs_gcc, values_of
from form_shapes import FORMS, formed, records_of

from dlnet.export.path import device_path
from dlnet.export.reference import run
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.host import CompiledModel
from dlnet.firmware.prove import prove_arm, prove_life, trace
from dlnet.firmware.random_model import random_model

ROWS = 530  # beyond the longest history, so that the ring of block means goes round


@functools.cache
def built(name):
    return CompiledModel(formed(name))


@needs_gcc
@pytest.mark.parametrize("name", FORMS)
def test_host_equals_reference(name):
    one = built(name)
    z, anchor, x = records_of(one.model, 3_000)
    expected = run(one.spec, z, anchor, x)
    forecast, hidden = one.trace(z, anchor, x)
    assert np.array_equal(hidden, expected.hidden)
    assert np.array_equal(forecast, expected.forecast)
    assert np.array_equal(one.engine(z[:300], anchor[:300], x[:300]), expected.forecast[:300])


@needs_gcc
@pytest.mark.parametrize("name", FORMS)
def test_self_test_passes_on_the_model_it_was_made_for(name):
    assert built(name).self_test() == "ok"


@needs_gcc
@pytest.mark.parametrize("name", FORMS)
def test_a_monitor_equals_the_reference_over_a_life(name):
    one = built(name)
    values = asset(one.model, ROWS, seed=3)
    played = one.replay(values)
    taken = values[played.status == 0].astype(np.float32)
    path = device_path(one.model, taken, np.arange(one.model.codec.window, len(taken) + 1))
    assert np.array_equal(played.inputs, path.form)
    assert np.array_equal(played.forecast, values_of(one.model, path.forecast(one.model)))
    prove_life(one.model)


@needs_gcc
def test_a_restored_state_goes_on_as_if_nothing_had_happened():
    one = built("blend")
    values = asset(one.model, 300, seed=4)
    one.clear()
    for i, row in enumerate(values[:140], 1):
        one.push(i, row)
    state = one.save()
    for i, row in enumerate(values[140:], 141):
        one.push(i, row)
    kept = one.forecast()
    one.clear()
    assert one.load(state) == "ok"
    for i, row in enumerate(values[140:], 141):
        one.push(i, row)
    assert np.array_equal(one.forecast(), kept)


@needs_gcc
def test_a_life_that_no_rows_lead_to_is_refused():
    import zlib

    one = built("blend")
    one.clear()
    for i, row in enumerate(asset(one.model, 3), 1):
        one.push(i, row)
    state = bytearray(one.save())
    life = len(state) - 4 - (8 + 4 * 4 + 2 * 42)
    for at, value in ((life, 2), (life, 2**31), (life + 4, 4 * 32768), (life + 8, 11 * 32768)):
        damaged = bytearray(state)
        damaged[at : at + 4] = int(value).to_bytes(4, "little")
        damaged[-4:] = zlib.crc32(damaged[:-4]).to_bytes(4, "little")
        assert one.load(bytes(damaged)) == "bad state"
    assert one.load(bytes(state)) == "ok"


@needs_gcc
def test_a_network_alone_takes_no_byte_for_forms():
    from firmware_models import SHAPES

    with CompiledModel(random_model(**SHAPES["liquid-13"])) as plain:
        assert plain.monitor_bytes == 1040


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_arm_equals_reference(name):
    model = formed(name)
    z, anchor, x = records_of(model, 40)
    image = prove_arm(model, z, anchor, x)
    forecast, _ = trace(EmulatedCore(image.content), model, z, anchor, x)
    assert np.array_equal(forecast, run(model.spec, z, anchor, x).forecast)


FORM_H, LIFE_H, FOREST_H = "dlnet_form.h", "dlnet_life.h", "dlnet_forest.h"
FAULTS = {
    "a product in 16 bits": ("blend", FORM_H, "x[i] * x[j]", "static_cast<int16_t>(x[i] * x[j])"),
    "a sum in 32 bits": (
        "blend", FORM_H, "a += static_cast<int64_t>(term) * low_half(word)",
        "a = static_cast<int32_t>(a + static_cast<int64_t>(term) * low_half(word))",
    ),
    "a share rounded down": ("blend", FORM_H, "(both + 16384) >> 15", "both >> 15"),
    "no clip of an input": ("blend", FORM_H, "value > clip ? clip :", "value > 8 * clip ? clip :"),
    "a history of another block": ("blend", FORM_H, "(last - lag) / life_block", "(last - lag) / life_block + 1"),
    "a history over the lag": ("blend", FORM_H, "(twice >> 1)) / twice", "lag) / (2 * lag)"),
    "a mean that is cut": ("blend", LIFE_H, "life_block / 2 + life_block * 32768", "life_block * 32768"),
    "youth that goes on": ("blend", LIFE_H, "count_ < Model::youth_end", "true"),
    "an age from 1 on": ("blend", LIFE_H, "return count_ - 1;", "return count_;"),
    "the other child": ("forest, one lag", FOREST_H, "word >> 4 : word", "word : word >> 4"),
}  # fmt: skip


@needs_gcc
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_one_line_fails_the_self_test_of_a_form(tmp_path, monkeypatch, fault):
    import shutil

    from dlnet.firmware import toolchain

    shape, name, right, wrong = FAULTS[fault]
    shutil.copytree(toolchain.LIBRARY, tmp_path / "src")
    source = tmp_path / "src" / name
    text = source.read_text()
    assert text.count(right) == 1
    source.write_text(text.replace(right, wrong))
    monkeypatch.setattr(toolchain, "LIBRARY", tmp_path / "src")
    with CompiledModel(formed(shape), flags=("-fwrapv", "-Wno-error")) as broken:
        assert broken.self_test() == "self test failed"
