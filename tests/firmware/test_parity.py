"""NumPy reference = host g++ = host clang with sanitisers = Arm portable = Arm DSP = QEMU, byte for byte."""

import shutil
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from firmware_models import SHAPES, needs_arm, needs_clang, shaped, windows
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dlnet.errors import ModelError, ParityError
from dlnet.export.reference import run
from dlnet.files import write_text
from dlnet.firmware import arm, toolchain
from dlnet.firmware import prove as prove_module
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.header import header
from dlnet.firmware.prove import OTHER_CORES, prove_arm, prove_host, prove_others, trace
from dlnet.firmware.random_model import random_model
from dlnet.firmware.self_test import synthetic_windows
from dlnet.models.precision import Precision


def test_host_equals_reference(on_host):
    z, anchor = windows(on_host.model, 10_000)
    expected = run(on_host.spec, z, anchor)
    forecast, hidden = on_host.trace(z, anchor)
    assert np.array_equal(hidden, expected.hidden)
    assert np.array_equal(forecast, expected.forecast)
    assert len(set(expected.branch)) == on_host.spec.branches
    assert np.array_equal(on_host.engine(z[:500], anchor[:500]), expected.forecast[:500])


def test_predict_is_the_reference_of_floats(on_host):
    rng = np.random.default_rng(1)
    z, anchor = rng.normal(size=(20, on_host.spec.steps, on_host.spec.channels)) * 4, rng.uniform(0.5, 1.2, 20)
    from dlnet.export.reference import predict_reference

    assert np.array_equal(on_host.predict(z, anchor), predict_reference(on_host.spec, z, anchor))


def test_self_test_passes_on_the_model_it_was_made_for(on_host):
    assert on_host.self_test() == "ok"


@needs_clang
@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_clang_with_sanitisers_equals_reference(tmp_path, name):
    model = shaped(name)
    write_text(tmp_path / "model_data.h", header(model))
    sources = [toolchain.PROOF / "driver.cpp", toolchain.PROOF / "shim.cpp"]
    flags = [*toolchain.HOST_FLAGS, *toolchain.SANITISERS, *toolchain.includes(tmp_path)]
    toolchain.call(["clang++", *flags, *sources, "-o", tmp_path / "driver"])
    z, anchor = windows(model, 2_000)
    records = b"".join(
        one.tobytes() + int(a).to_bytes(4, "little", signed=True) for one, a in zip(z, anchor, strict=True)
    )
    output = toolchain.call([tmp_path / "driver", "engine"], input=records)
    expected = run(model.spec, z, anchor)
    expected_output = b"".join(
        f.tobytes() + h.tobytes() for f, h in zip(expected.forecast, expected.hidden, strict=True)
    )
    assert output == expected_output


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), (arm.PORTABLE,)], ids=["dsp", "portable"])
@pytest.mark.parametrize("name", SHAPES)
def test_arm_equals_reference(name, flags):
    model = shaped(name)
    z, anchor = windows(model, 10_000 if name == "liquid-13" and not flags else 1_000)
    forecast, hidden = trace(EmulatedCore(arm.build(model, flags=flags).content), model, z, anchor)
    expected = run(model.spec, z, anchor)
    assert np.array_equal(hidden, expected.hidden)
    assert np.array_equal(forecast, expected.forecast)


@pytest.mark.slow
@pytest.mark.parametrize("chosen", range(len(OTHER_CORES)), ids=[core.name for core, _ in OTHER_CORES])
@pytest.mark.parametrize("name", ["liquid-13", "odd ltc, sensors only", "all at once", "rising"])
def test_other_cores_equal_the_reference(name, chosen):
    core, processor = OTHER_CORES[chosen]
    if not core.has_compiler():
        pytest.skip(core.packages)
    model = shaped(name)
    z, anchor = windows(model, 200)
    forecast, hidden = trace(EmulatedCore(arm.build(model, core=core).content, processor=processor), model, z, anchor)
    expected = run(model.spec, z, anchor)
    assert np.array_equal(hidden, expected.hidden)
    assert np.array_equal(forecast, expected.forecast)


needs_others = pytest.mark.skipif(
    not all(core.has_compiler() for core, _ in OTHER_CORES), reason="apt-get install; see docker/firmware.apt"
)


@needs_others
@pytest.mark.slow
def test_each_other_core_that_agrees_comes_with_its_flash():
    model = shaped("one of each")
    proven, left_out = prove_others(model, *windows(model, 6))
    assert left_out == []
    assert set(proven) == {"Cortex-M0+", "RV32IMC"}
    for core, _ in OTHER_CORES:
        assert proven[core.name] == arm.build(model, arm.ENGINE, core=core).flash


@needs_others
@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["state differs", "self test fails"])
def test_another_core_that_differs_is_an_error_with_its_name(monkeypatch, wrong):
    model = shaped("odd ltc, sensors only")
    if wrong == "state differs":
        changed = replace(model, spec=replace(model.spec, rate=model.spec.rate // 2))
        monkeypatch.setattr(prove_module, "build", lambda _model, *more, **core: arm.build(changed, *more, **core))
    else:
        text = header(model).replace("golden_crc = ", "golden_crc = 1 + ")
        monkeypatch.setattr(arm, "header", lambda _model: text)
    with pytest.raises(ParityError, match=rf"{wrong}.*Cortex-M0\+"):
        prove_others(model, *windows(model, 6))


def test_a_core_without_its_compiler_is_named_with_the_package(monkeypatch):
    model = shaped("one of each")
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    proven, left_out = prove_others(model, *windows(model, 1))
    assert proven == {}
    assert "RV32IMC: not compared, no riscv64-unknown-elf-gcc (apt-get install gcc-riscv64-unknown-elf" in left_out[1]


@needs_arm
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="apt-get install qemu-system-arm")
@pytest.mark.parametrize("name", ["liquid-13", "odd ltc, sensors only", "all at once"])
def test_another_emulator_gives_the_same_checksum(tmp_path, name):
    model, count = shaped(name), 200
    write_text(tmp_path / "model_data.h", header(model))
    image = arm.link(tmp_path, [toolchain.PROOF / "bare.cpp"], ["start"], [f"-DWINDOWS={count}"])
    (tmp_path / "bare.elf").write_bytes(image.content)
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config", "enable=on,target=native"]
    done = subprocess.run([*machine, "-kernel", tmp_path / "bare.elf"], capture_output=True, timeout=60, check=False)
    forecast = run(model.spec, synthetic_windows(model.spec, count), np.full(count, 1 << 24, np.int32)).forecast
    crc = zlib.crc32(forecast.astype("<i4").tobytes())
    assert done.stderr.decode() == f"self test: ok, checksum: {crc:08x}\n"
    assert done.returncode == 0


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])  # each compiles three times: no shrinking
@given(
    cell=st.sampled_from(["liquid", "ltc"]),
    hidden=st.integers(1, 24),
    features=st.integers(1, 12),
    relative=st.integers(0, 12),
    with_target=st.booleans(),
    quantiles=st.sampled_from([0, 2, 5, 17, 65]),
    steps=st.integers(2, 12),
    block=st.integers(1, 8),
    substeps=st.integers(1, 3),
    knots=st.lists(st.integers(1, 120), min_size=1, max_size=9, unique=True),
    gain=st.sampled_from([0.1, 1.0, 6.0]),
    branches=st.sampled_from([1, 2, 3, 5]),
    rank=st.sampled_from([0, 1, 4, 9]),
    precision=st.builds(Precision, *[st.sampled_from([4, 8])] * 4),
    seed=st.integers(0, 2**32 - 1),
)
@pytest.mark.slow
def test_models_of_any_shape_are_alike_on_every_path(relative, features, steps, block, knots, **shape):
    block = max(block, -(-7 // steps))
    model = random_model(
        features=features,
        relative=min(relative, features),
        steps=steps,
        block=block,
        knots=tuple(sorted(knots)),
        **shape,
    )
    z, anchor = windows(model, 60)
    prove_host(model, z, anchor)
    if toolchain.CORTEX_M4.has_compiler():
        prove_arm(model, z[:20], anchor[:20])


def test_a_difference_is_an_error_that_names_the_window(monkeypatch):
    model = shaped("ltc-16")
    z, anchor = windows(model, 8)
    from dlnet.firmware import prove

    def wrong(spec, *rest):
        right = run(spec, *rest)
        right.forecast[5, 3] += 1
        return right

    monkeypatch.setattr(prove, "run", wrong)
    with pytest.raises(ParityError, match=r"forecast differs .* in 1 of 8 windows \(first: 5\): this machine"):
        prove_host(model, z, anchor)


def test_a_fall_that_would_not_fit_the_read_out_is_refused():
    from dataclasses import replace

    model = shaped("ltc-16")
    steep = replace(model, spec=replace(model.spec, delta=(2**30, 27)))
    with pytest.raises(ModelError, match="fall between two knots"):
        header(replace(steep, spec=replace(steep.spec, delta=(2**30, 18))))
