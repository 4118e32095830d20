"""Compiles a C++ file of these tests for this machine, with the project's Arduino library on the include path."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
LIBRARY = PROJECT / "firmware/libraries/DLNet/src"
SKETCH = PROJECT / "firmware/dlnet_monitor"


def compile_host(source: str, out: Path, *flags: str, compiler: str = "g++") -> Path:
    """Compile tests/device/``source`` to ``out``; a warning is an error."""
    command = [compiler, "-std=gnu++14", "-O2", "-ffp-contract=off", "-funsigned-char", "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{LIBRARY}", f"-I{SKETCH}", *flags, str(HERE / source), "-o", str(out)]
    subprocess.run(command, check=True)
    return out
