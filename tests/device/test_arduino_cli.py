"""Parsing of arduino-cli's answers. The real one runs on GitHub only; here a script prints recorded answers."""

import json
import os
import sys

import pytest

from dlnet.device import arduino, sketch
from dlnet.errors import ToolError

SIZES = [{"name": "text", "size": 120_000, "max_size": 983_040}, {"name": "data", "size": 45_000, "max_size": 262_144}]
GOOD = {"success": True, "builder_result": {"executable_sections_size": SIZES}}


@pytest.fixture
def staged(tmp_path):
    (tmp_path / "model_data.h").write_text("// made\n")
    return sketch.stage(tmp_path / "model_data.h", tmp_path / "book")


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """A function: what arduino-cli prints, its exit code -> the file it writes its call to."""

    def answer(text, code=0):
        seen, script = tmp_path / "seen.json", tmp_path / "bin/arduino-cli"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"json.dump({{'words': sys.argv[1:], 'env': dict(os.environ)}}, open({str(seen)!r}, 'w'))\n"
            f"print({text!r})\nsys.exit({code})\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
        return seen

    return answer


def test_sizes_are_those_of_the_answer(staged, cli, tmp_path):
    cli(json.dumps(GOOD))
    sizes = arduino.build_real(staged, tmp_path / "out")
    assert [(size.part, size.bytes, size.most) for size in sizes] == [
        ("text", 120_000, 983_040),
        ("data", 45_000, 262_144),
    ]


def test_the_real_board_is_built_by_its_profile(staged, cli, tmp_path):
    seen = cli(json.dumps(GOOD))
    arduino.build_real(staged, tmp_path / "out")
    words = json.loads(seen.read_text())["words"]
    assert words[:3] == ["compile", "--profile", "nano33ble"]
    assert "--fqbn" not in words
    assert (staged / "sketch.yaml").is_file()


def test_the_emulated_board_is_built_without_a_profile_and_warnings_are_errors(staged, cli, tmp_path):
    seen = cli(json.dumps(GOOD))
    arduino.build_emulated(staged, tmp_path / "out")
    words = json.loads(seen.read_text())["words"]
    assert words[:3] == ["compile", "--fqbn", "dlnet:cortexm:mps2_an386"]
    assert "compiler.cpp.extra_flags=-Werror" in words
    assert not (staged / "sketch.yaml").exists()


def test_the_compiler_sees_no_secret(staged, cli, tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "DLNET_GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hush")
    seen = cli(json.dumps(GOOD))
    arduino.build_real(staged, tmp_path / "out")
    environment = json.loads(seen.read_text())["env"]
    assert "hush" not in environment.values()
    assert environment["ARDUINO_DIRECTORIES_USER"] == str(staged.parent)


@pytest.mark.parametrize(
    ("part", "size", "words"),
    [(0, 983_041, "text takes 983,041 B"), (1, 300_000, "data takes 300,000 B"), (0, 0, "takes 0 B")],
)
def test_an_image_that_does_not_fit_is_refused(staged, cli, tmp_path, part, size, words):
    sizes = [dict(one) for one in SIZES]
    sizes[part]["size"] = size
    cli(json.dumps({"success": True, "builder_result": {"executable_sections_size": sizes}}))
    with pytest.raises(ToolError, match=words):
        arduino.build_real(staged, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (json.dumps({"success": False, "error": "Platform 'arduino:mbed_nano' not found"}), 1, "mbed_nano' not found"),
        (json.dumps({"success": False, "compiler_err": "sketch.ino:3: error: no"}), 1, "sketch.ino:3: error"),
        (json.dumps(GOOD), 3, "code 3"),
        ("panic: no JSON", 2, "panic: no JSON"),
        ("[]", 0, "failed with code 0"),
        (json.dumps({"success": True}), 0, "reports no sizes"),
        (json.dumps({"success": True, "builder_result": {"executable_sections_size": SIZES[:1]}}), 0, "expected"),
    ],
)
def test_a_failure_is_reported_with_its_message(staged, cli, tmp_path, text, code, words):
    cli(text, code)
    with pytest.raises(ToolError, match=words):
        arduino.build_real(staged, tmp_path / "out")


def test_without_arduino_cli_the_page_is_named(staged, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"docs/device.md"):
        arduino.build_real(staged, tmp_path / "out")
