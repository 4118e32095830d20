"""The sketch's answers without a board: its ELF file in an emulated Cortex-M4, no serial line, no other hardware.

Runs the file that is uploaded to a board, with any Arduino core linked in. Only the two functions that the sketch
exports are called; they need no hardware.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dlnet.device.errors import DeviceError
from dlnet.errors import ToolError
from dlnet.firmware import emulate

BEGIN, TAKE = "dlnet_begin", "dlnet_take"
LONGEST = 8192  # bytes of a reply


class CoreLine:
    """A line to the sketch in ``elf``, just started.

    Raises:
        ToolError: no such file, or it is not this sketch.
    """

    def __init__(self, elf: Path) -> None:
        if not elf.is_file():
            raise ToolError(f"{elf}: no such file; build the sketch first")
        self.port = str(elf)
        self._core = emulate.EmulatedCore(elf.read_bytes())
        self._core.call(BEGIN)

    def exchange(self, line: str) -> str:
        """The reply to one line.

        Raises:
            DeviceError: the firmware left its memory, or gave no answer.
        """
        try:
            results = [self._core.call(TAKE, byte) for byte in line.encode("ascii") + b"\n"]
        except ToolError as error:
            raise DeviceError(f"{self.port}: the firmware crashed on {line[:40]!r} ({error})") from error
        if not results[-1]:
            raise DeviceError(f"{self.port}: no answer to {line[:40]!r}")
        limit = min(LONGEST, emulate.RAM + emulate.RAM_BYTES - results[-1])
        text = self._core.get(results[-1], (limit,), np.uint8).tobytes()
        return text.split(b"\0", 1)[0].decode("ascii", errors="replace")
