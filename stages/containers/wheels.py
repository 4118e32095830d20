"""Fetches the wheels of an image with the host's pip: index, proxy, certificates and passwords stay on the host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from stages.containers.errors import ImageError

PYTHON = "3.11"
GLIBC_MINORS = range(5, 37)  # Debian 12 has glibc 2.36
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # index of the builds whose version ends in +cpu
MESSAGE_LINES = 3


def fetch_wheels(locked: Path, folder: Path) -> None:
    """Fetch the wheels of a locked requirements file into ``folder``.

    Raises:
        ImageError: pip failed; the message has its last lines.
    """
    pins = re.findall(r"^[^#\s]+==\S+", locked.read_text(), flags=re.MULTILINE)
    special = [pin for pin in pins if pin.endswith("+cpu") and not _in_find_links(pin)]
    if plain := [pin for pin in pins if pin not in special]:
        _pip(folder, plain, [])
    if special:
        _pip(folder, special, ["--index-url", TORCH_INDEX])


def _in_find_links(pin: str) -> bool:
    """Whether a folder of ``PIP_FIND_LINKS`` has a wheel of this version."""
    stem = pin.replace("==", "-")
    return any(any(Path(folder).glob(f"{stem}-*.whl")) for folder in os.environ.get("PIP_FIND_LINKS", "").split())


def _pip(folder: Path, pins: list[str], options: list[str]) -> None:
    # The lock is complete, so pip has nothing to resolve; ai-edge-litert needs a package that claims to be
    # for older Pythons only.
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in GLIBC_MINORS]
    platforms += [f"manylinux{year}_x86_64" for year in ("1", "2010", "2014")]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), "--no-deps", *options]
    command += ["--ignore-requires-python", "--only-binary=:all:", "--python-version", PYTHON]
    command += ["--implementation", "cp", "--abi", "cp311", "--abi", "abi3", "--abi", "none"]
    command += [argument for platform in platforms for argument in ("--platform", platform)]
    done = subprocess.run([*command, *pins], capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")] or ["no message"]
        raise ImageError(f"pip cannot fetch the wheels of an image: {' '.join(last[-MESSAGE_LINES:])}")
