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
