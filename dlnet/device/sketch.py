"""Builds the sketch for the emulated board with arduino-builder, by the rules of the Arduino platform in firmware/."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from dlnet.errors import ToolError
from dlnet.firmware.toolchain import ROOT

SKETCH = "dlnet_monitor"
EMULATED = "dlnet:cortexm:mps2_an386"
BUILDER = "arduino-builder"
STRICT = [
    *("-warnings", "all"),
    *("-prefs", "compiler.c.extra_flags=-Werror"),
    *("-prefs", "compiler.cpp.extra_flags=-Werror"),
]
PROFILES = "sketch.yaml"  # names a platform from Arduino's index
PARTS = ("hardware", "libraries", SKETCH)


def stage(header: Path, out: Path, firmware: Path = ROOT) -> Path:
    """Write a sketchbook to ``out`` (hardware, libraries, sketch with ``header``); returns the sketch's folder.

    Raises:
        ToolError: the header or a part of the firmware is missing.
    """
    if not header.is_file():
        raise ToolError(f"{header}: no such file; dlnet firmware writes it")
    for part in PARTS:
        if not (firmware / part).is_dir():
            raise ToolError(f"{firmware / part}: no such folder; it comes with a clone of the project")
        shutil.copytree(firmware / part, out / part, dirs_exist_ok=True)
    shutil.copyfile(header, out / SKETCH / "model_data.h")
    return out / SKETCH


def build(sketch: Path, out: Path) -> Path:
    """Build a staged sketch for the emulated board, warnings as errors; returns the ELF file.

    Raises:
        ToolError: no builder, or it failed; the message ends with the compiler's last lines.
    """
    book, out = sketch.parent.resolve(), out.resolve()  # the builder fails on relative paths
    out.mkdir(parents=True, exist_ok=True)
    command = [BUILDER, "-compile", "-fqbn", EMULATED, "-build-path", str(out), *STRICT]
    # The tools are those on PATH; the builder only requires that some folder is named.
    command += ["-tools", str(book / "hardware"), "-hardware", str(book / "hardware")]
    command += ["-libraries", str(book / "libraries"), str(sketch / f"{sketch.name}.ino")]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise ToolError(f"{BUILDER}: not found; apt-get install arduino-builder gcc-arm-none-eabi") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise ToolError(f"{sketch}: {BUILDER} failed with code {done.returncode}:\n{tail}")
    return out / f"{sketch.name}.ino.elf"
