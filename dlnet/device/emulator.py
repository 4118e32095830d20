"""The emulated board: QEMU's mps2-an386 with the sketch on it, its UART behind a pseudo terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlnet.errors import ToolError

QEMU = "qemu-system-arm"
MACHINE = "mps2-an386"
STOP_S = 5.0


@contextmanager
def emulated(elf: Path) -> Iterator[str]:
    """Run the firmware in ``elf``; yields the name of a port that ``Line`` opens. QEMU stops when the block ends.

    Raises:
        ToolError: there is no emulator or no such file.
    """
    if shutil.which(QEMU) is None:
        raise ToolError(f"{QEMU}: not found; apt-get install qemu-system-arm")
    if not elf.is_file():
        raise ToolError(f"{elf}: no such file; build the sketch first")
    qemu_end, serial_end = os.openpty()
    try:
        tty.setraw(serial_end)  # before any byte flows, or the terminal would echo it
        # QEMU gets the end without a name; the other can be opened by its name, as a plain serial port.
        process = subprocess.Popen(
            [QEMU, "-M", MACHINE, "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(elf)],
            stdin=qemu_end,
            stdout=qemu_end,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        os.close(serial_end)
        raise ToolError(f"{QEMU}: cannot be started ({error})") from error
    finally:
        os.close(qemu_end)
    try:
        yield os.ttyname(serial_end)
    finally:
        os.close(serial_end)
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
