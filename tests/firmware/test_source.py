"""The library's source: compilers with all warnings, an analyser, a fuzzer, the rules of Arduino libraries."""

import re
import shutil
from pathlib import Path

import pytest
from firmware_models import SHAPES, needs_arm, needs_clang, needs_gcc, shaped

from dlnet.errors import ToolError
from dlnet.files import write_text
from dlnet.firmware import toolchain
from dlnet.firmware.header import header
from dlnet.firmware.toolchain import LIBRARY, PROOF, call, includes

STRICT = ("-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Wcast-align", "-Wdouble-promotion")
FOLDER = LIBRARY.parent


@pytest.fixture(params=["liquid-13", "odd ltc, sensors only", "one of each", "all at once"])
def folder(request, tmp_path):
    write_text(tmp_path / "model_data.h", header(shaped(request.param)))
    return tmp_path


@needs_arm
@pytest.mark.parametrize("flags", [(), ("-DDLNET_PORTABLE",), ("-O0",), ("-O3",)], ids=["dsp", "portable", "O0", "O3"])
def test_board_compiler_has_no_complaint(folder, flags):
    unit = PROOF / "shim.cpp"
    call(
        [
            toolchain.CORTEX_M4.tool("gcc"),
            *toolchain.CORTEX_M4.flags,
            *STRICT,
            *flags,
            *includes(folder),
            "-c",
            unit,
            "-o",
            folder / "o",
        ]
    )


@pytest.mark.parametrize("compiler", [pytest.param("g++", marks=needs_gcc), pytest.param("clang++", marks=needs_clang)])
@pytest.mark.parametrize("standard", ["c++14", "gnu++14", "c++20"])
def test_host_compilers_have_no_complaint(folder, compiler, standard):
    flags = [f"-std={standard}", "-O2", *toolchain.WARNINGS, *STRICT]
    call([compiler, *flags, *includes(folder), "-c", PROOF / "shim.cpp", "-o", folder / "o"])


@needs_gcc
def test_two_units_may_include_the_same_model(folder):
    for name in ("one", "two"):
        entry = "int main() { return " if name == "one" else "int two() { return "
        status = "static_cast<int>(dlnet::self_test<dlnet::Model>()); }\n"
        (folder / f"{name}.cpp").write_text(f'#include <DLNet.h>\n#include "model_data.h"\nint two();\n{entry}{status}')
    call(
        ["g++", *toolchain.HOST_FLAGS, *includes(folder), folder / "one.cpp", folder / "two.cpp", "-o", folder / "both"]
    )
    call([folder / "both"])


@pytest.mark.skipif(shutil.which("cppcheck") is None, reason="apt-get install cppcheck")
def test_analyser_has_no_complaint(folder):
    checks = [
        "--enable=warning,portability,performance",
        "--inline-suppr",
        "--error-exitcode=1",
        "--quiet",
        "--std=c++14",
        "--suppress=shiftNegativeLHS",  # to the right: GCC and clang define it, and the arithmetic is made of it
    ]
    platform = ["--platform=unix32", "-D__BYTE_ORDER__=1234", "-D__ORDER_LITTLE_ENDIAN__=1234", "-D__SIZEOF_INT__=4"]
    call(["cppcheck", *checks, *platform, *includes(folder), PROOF / "shim.cpp"])


@needs_clang
@pytest.mark.slow
def test_fuzzed_states_neither_crash_nor_slip_in(tmp_path):
    write_text(tmp_path / "model_data.h", header(shaped("sensors only")))
    sanitisers = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
    units = [PROOF / "fuzz_state.cpp", PROOF / "shim.cpp"]
    call(["clang++", "-std=gnu++14", *sanitisers, *includes(tmp_path), *units, "-o", tmp_path / "fuzz"])
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/blank").write_bytes(b"\x03" + bytes(1400))
    limits = ["-runs=30000", "-max_total_time=10", "-max_len=1500", "-seed=1"]
    call([tmp_path / "fuzz", *limits, f"-artifact_prefix={tmp_path}/", tmp_path / "corpus"])


def test_headers_use_integers_and_nothing_of_the_standard_library():
    known = {"stdint.h", "stddef.h", "string.h"}
    for path in LIBRARY.glob("*.h"):
        if path.name == "dlnet_features.h":  # works on samples in floats, before the engine
            continue
        text = re.sub(r"//[^\n]*", "", path.read_text())
        assert set(re.findall(r"#include <([^>]+)>", text)) <= known, path
        assert not re.search(r"\b(new|delete|malloc|double|virtual|throw)\b", text), path


def test_each_file_names_the_licence_beside_it():
    assert "Apache License" in (FOLDER / "LICENSE").read_text()
    for path in [*LIBRARY.glob("*.h"), *FOLDER.glob("examples/*/*.ino")]:
        assert path.read_text().startswith("// SPDX-License-Identifier: Apache-2.0\n"), path


def test_every_public_name_is_a_keyword():
    words = {line.split("\t")[0] for line in (FOLDER / "keywords.txt").read_text().splitlines()}
    text = (LIBRARY / "dlnet_monitor.h").read_text()
    public = text.split(" private:")[0]
    methods = set(re.findall(r"^  (?:static constexpr |constexpr )?\w+ (\w+)\(", public, re.MULTILINE))
    assert methods - {"rows"} <= words
    assert words >= {"value", "soh", "raw"}


def test_arrays_stand_once_in_flash_only_if_used(folder):
    text = (folder / "model_data.h").read_text()
    assert "static constexpr const char *input_names[]" in text
    assert text.isascii()
    assert not re.search(r"/(home|root|tmp|work)/", text)


def test_the_example_names_only_what_there_is():
    sketch = (FOLDER / "examples/Forecast/Forecast.ino").read_text()
    assert set(re.findall(r"dlnet::(\w+)", sketch)) <= {
        "Monitor",
        "Forecast",
        "Model",
        "Status",
        "text",
        "self_test",
        "given",
    }


def test_shapes_cover_both_cells_and_tracks():
    models = [shaped(name) for name in SHAPES]
    assert {(m.spec.cell, m.encoder.track) for m in models} == {
        (cell, track) for cell in ("liquid", "ltc") for track in ("with_target", "sensors_only")
    }
    assert Path(PROOF / "shim.cpp").is_file()


@pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="apt-get install gcc-avr avr-libc")
def test_an_int_of_16_bits_is_refused_in_one_line(folder):
    with pytest.raises(ToolError, match="DLNet needs an int of 32 bits, and this board's has 16"):
        call(
            [
                "avr-gcc",
                "-mmcu=atmega2560",
                "-std=gnu++14",
                *includes(folder),
                "-c",
                PROOF / "shim.cpp",
                "-o",
                "/dev/null",
            ]
        )


def test_the_library_names_only_platforms_that_its_forecasts_were_compared_on():
    properties = dict(line.split("=", 1) for line in (FOLDER / "library.properties").read_text().splitlines())
    assert properties["architectures"].split(",") == ["mbed_nano", "mbed_rp2040", "stm32", "cortexm"]
