"""The sketch's C++: other compilers, the fuzzer, static analysis."""

import shutil
import subprocess
from pathlib import Path

import pytest
from host_compiler import HERE, LIBRARY, PROJECT, SKETCH

from dlnet.files import write_text
from dlnet.firmware.header import header

CORE = PROJECT / "firmware/hardware/dlnet/cortexm/cores/cmsdk"
SEEDS = (
    b"\x00info\nhelp\nstatus\ninput 0\nselftest\ntime\nreset\n",
    b"\x00charge 3.6 0.2 0.005 0.5 0.1 5\nsample 0 3.3 1.1\nsample 5 3.5 1.1\nfeatures\nfinish 1 0.9\n",
    b"\x00load 0 444c4e01\nsave 0\nsave 64\nload 0 00\nvalue 5\nsoh 5\ncrossing 0.8\nforecast\n",
    b"\x00" + b"".join(b"push %d 0.9 0.001 3.5 1 0.1 0.2 500 300\n" % i for i in range(1, 53)) + b"forecast\n",
    b"\x01" + bytes(range(256)) * 4,
    b"\x02" + bytes([190] * 20 + [254, 255, 252, 253] + [64] * 40 + [251, 254, 253]),
)


@pytest.fixture(scope="module")
def model_folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("header")
    write_text(folder / "model_data.h", header(model))
    return folder


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed; see docker/firmware.apt")


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["gnu++14", "gnu++20"])
def test_protocol_and_session_compile_without_a_warning(model_folder, tmp_path, compiler, standard):
    need(compiler)
    flags = ["-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror", "-funsigned-char"]
    source = tmp_path / "one.cpp"
    source.write_text(
        '#include "model_data.h"\n#include "session.h"\ntemplate class protocol::Session<dlnet::Model>;\n'
    )
    includes = [f"-I{folder}" for folder in (SKETCH, model_folder)] + ["-isystem", str(LIBRARY)]
    command = [compiler, f"-std={standard}", *flags, *includes, "-c", str(source), "-o", str(tmp_path / "one.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_fuzzer_finds_nothing(model_folder, tmp_path):
    need("clang++")
    flags = ["-std=gnu++14", "-g", "-O1", "-funsigned-char", "-fsanitize=fuzzer,address,undefined"]
    flags += ["-fno-sanitize-recover=all", f"-I{LIBRARY}", f"-I{SKETCH}", f"-I{model_folder}"]
    fuzzer = tmp_path / "fuzzer"
    subprocess.run(["clang++", *flags, str(HERE / "fuzz_session.cpp"), "-o", str(fuzzer)], check=True)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for i, seed in enumerate(SEEDS):
        (corpus / f"seed{i}").write_bytes(seed)
    words = [
        f'"{word}"'
        for word in ("info", "push ", "cycle ", "value ", "forecast", "sample ", "charge", "finish ", "save ", "load ")
    ]
    (tmp_path / "words").write_text("\n".join(words))
    # libFuzzer reads a peak of memory that begins with its parent's: only allocations are limited.
    limits = [
        "-rss_limit_mb=0",
        "-malloc_limit_mb=512",
        "-max_total_time=12",
        "-max_len=4096",
        "-timeout=5",
        "-seed=1",
        f"-dict={tmp_path / 'words'}",
    ]
    done = subprocess.run(
        [str(fuzzer), *limits, str(corpus)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs = int(done.stderr.rsplit("Done ", 1)[1].split()[0])
    assert runs > 1000


SOURCES = {
    "sketch": ("c++", sorted(SKETCH.glob("*.h"))),
    "core": ("c++", [*sorted(CORE.glob("*.h")), *sorted(CORE.glob("*.cpp"))]),
    "start-up": ("c", sorted(CORE.glob("*.c"))),
    "features": ("c++", [LIBRARY / "dlnet_features.h"]),
}


@pytest.mark.parametrize("part", SOURCES)
def test_cppcheck_finds_nothing(model_folder, part):
    need("cppcheck")
    language, files = SOURCES[part]
    assert files
    variant = PROJECT / "firmware/hardware/dlnet/cortexm/variants/mps2_an386"
    folders = [f"-I{folder}" for folder in (LIBRARY, SKETCH, CORE, variant, model_folder)]
    checks = ["--enable=warning,style,performance,portability", "--error-exitcode=1", "--quiet"]
    checks += [f"--language={language}", "--std=c++14" if language == "c++" else "--std=c11"]
    # There is no STL, and members of registers and of a vector table are there for their place.
    checks += [f"--suppress={name}" for name in ("missingIncludeSystem", "useStlAlgorithm", "unusedStructMember")]
    done = subprocess.run(
        ["cppcheck", *checks, *folders, *map(str, files)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_board_profile_builds_with_the_library_of_this_project():
    profile = (SKETCH / "sketch.yaml").read_text()
    assert "default_profile: nano33ble" in profile
    assert "platform: arduino:mbed_nano (4.6.0)" in profile
    library = profile.split("dir: ")[1].splitlines()[0]
    assert (SKETCH / library).resolve() == Path(LIBRARY).parent
