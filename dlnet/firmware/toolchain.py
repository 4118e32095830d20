"""Compilers, their flags, and where the firmware's sources are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.errors import ToolError

ROOT = Path(__file__).parent.parent.parent / "firmware"
LIBRARY = ROOT / "libraries/DLNet/src"
PROOF = ROOT / "proof"

WARNINGS = ("-Wall", "-Wextra", "-Werror")
HOST_FLAGS = ("-std=gnu++14", "-O2", "-ffp-contract=off", *WARNINGS)
SANITISERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMMON_FLAGS = (
    *("-Os", "-std=gnu++14", "-funsigned-char", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"),
    *("-ffunction-sections", "-fdata-sections", *WARNINGS),
)
ARM, ARM_PACKAGES = "arm-none-eabi-", "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"


@dataclass(frozen=True)
class Core:
    """A kind of processor that the library is compiled for.

    Attributes:
        prefix: of its tools. packages: how to install them. library: which C library is linked.
    """

    name: str
    prefix: str
    packages: str
    library: str
    flags: tuple[str, ...]

    def has_compiler(self) -> bool:
        """Whether its compiler is installed."""
        return shutil.which(f"{self.prefix}gcc") is not None

    def tool(self, name: str) -> str:
        """Full name of one of its tools, such as ``gcc`` or ``size``.

        Raises:
            ToolError: it is not installed; names the packages.
        """
        if shutil.which(f"{self.prefix}{name}") is None:
            raise ToolError(f"{self.prefix}{name}: no such command; {self.packages}")
        return f"{self.prefix}{name}"


# What the board's core passes to its compiler; the header is compiled on the board with nothing else.
CORTEX_M4 = Core(
    name="Cortex-M4",
    prefix=ARM,
    packages=ARM_PACKAGES,
    library="--specs=nano.specs",
    flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=softfp", "-mfpu=fpv4-sp-d16", *COMMON_FLAGS),
)
CORTEX_M0PLUS = Core(
    name="Cortex-M0+",
    prefix=ARM,
    packages=ARM_PACKAGES,
    library="--specs=nano.specs",
    flags=("-mcpu=cortex-m0plus", "-mthumb", *COMMON_FLAGS),
)
RV32IMC = Core(
    name="RV32IMC",
    prefix="riscv64-unknown-elf-",
    packages="apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    library="--specs=picolibc.specs",
    flags=("-march=rv32imc", "-mabi=ilp32", *COMMON_FLAGS),
)
HOST_COMPILERS = ("g++", "clang++")
SECONDS = 120


def host_compiler(name: str | None = None) -> str:
    """A C++ compiler of this machine.

    Raises:
        ToolError: there is none; names the packages.
    """
    for one in (name,) if name else HOST_COMPILERS:
        if shutil.which(one):
            return one
    raise ToolError(f"no C++ compiler ({name or ' or '.join(HOST_COMPILERS)}); apt-get install g++, or clang")


def call(arguments: Sequence[str | Path], **options: bytes | None) -> bytes:
    """Run a tool and give what it prints.

    Args:
        arguments: the command; no shell looks at it.
        options: ``input``: what it reads.

    Raises:
        ToolError: it failed or took too long; gives the first lines of what it said.
    """
    words = [str(word) for word in arguments]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=SECONDS, input=options.get("input"))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{words[0]}: {error}") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        said = [line for line in lines if " error:" in line] or lines
        raise ToolError(f"{words[0]} ended with {done.returncode}: " + " | ".join(said[:6]))
    return done.stdout


def includes(folder: Path) -> tuple[str, str]:
    """Flags that find the library, and model_data.h in ``folder``."""
    return f"-I{LIBRARY}", f"-I{folder}"
