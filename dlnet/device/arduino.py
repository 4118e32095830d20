"""Builds the sketch with arduino-cli: for the real board by the profile in sketch.yaml, and for the emulated one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlnet.device.sketch import EMULATED, PROFILES
from dlnet.errors import ToolError

CLI = "arduino-cli"
PROFILE = "nano33ble"
MINUTES = 20  # the first build downloads the board's platform
PRIVATE = ("MLFLOW_", "DLNET_", "AWS_", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_")  # secrets that a compiler must not see
PARTS = ("text", "data")


@dataclass(frozen=True)
class Size:
    """A part of an image, ``text`` (flash) or ``data`` (static RAM): its size and what the board has, in bytes."""

    part: str
    bytes: int
    most: int


def build_real(sketch: Path, out: Path) -> tuple[Size, ...]:
    """Build a staged sketch for the Nano 33 BLE Sense, by its profile.

    Raises:
        ToolError: no arduino-cli, it failed, or the image does not fit the board.
    """
    return _compile(sketch, out, ["--profile", PROFILE])


def build_emulated(sketch: Path, out: Path) -> tuple[Size, ...]:
    """Build a staged sketch for the emulated board, warnings as errors. The profile is removed from the sketch."""
    (sketch / PROFILES).unlink(missing_ok=True)  # a default profile would override --fqbn
    strict = [f"compiler.{language}.extra_flags=-Werror" for language in ("c", "cpp")]
    flags = [argument for flag in strict for argument in ("--build-property", flag)]
    return _compile(sketch, out, ["--fqbn", EMULATED, "--warnings", "all", *flags])


def _compile(sketch: Path, out: Path, board: list[str]) -> tuple[Size, ...]:
    if shutil.which(CLI) is None:
        raise ToolError(f"{CLI}: not found; see docs/device.md (version 1.3.0 or later)")
    command = [CLI, "compile", *board, "--output-dir", str(out.absolute()), "--json", str(sketch)]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60 * MINUTES, env=_environment(sketch.parent)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{CLI}: {error}") from error
    answer = _answer(done.stdout)
    if done.returncode or not answer.get("success"):
        output = "\n".join(str(answer.get(key, "")) for key in ("compiler_err", "error")) + done.stderr
        raise ToolError(f"{sketch}: {CLI} failed with code {done.returncode}:\n{output.strip()[-2000:]}")
    return _sizes(answer)


def _environment(book: Path) -> dict[str, str]:
    """The environment of arduino-cli: the sketchbook as its user folder, and no secrets."""
    passed = {key: value for key, value in os.environ.items() if not key.startswith(PRIVATE)}
    return passed | {"ARDUINO_DIRECTORIES_USER": str(book.absolute())}


def _answer(text: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        return {"error": text[-2000:]}
    return answer if isinstance(answer, dict) else {}


def _sizes(answer: Mapping[str, Any]) -> tuple[Size, ...]:
    """Both sizes that arduino-cli reports, checked against what the board has."""
    try:
        listed = answer["builder_result"]["executable_sections_size"]
        sizes = tuple(Size(str(entry["name"]), int(entry["size"]), int(entry["max_size"])) for entry in listed)
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(f"{CLI} reports no sizes ({error!r}); version 1.3.0 or later is needed") from error
    if sorted(size.part for size in sizes) != sorted(PARTS):
        raise ToolError(f"{CLI} reports sizes of {[size.part for size in sizes]}, expected {list(PARTS)}")
    for size in sizes:
        if not 0 < size.bytes <= size.most:
            raise ToolError(f"{size.part} takes {size.bytes:,} B, the board has {size.most:,} B")
    return sizes
