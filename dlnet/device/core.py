"""The sketch's answers without a board: its ELF file in an emulated core, no serial line, no other hardware.

Runs the file that is uploaded to a board, with any Arduino core linked in. Only the two functions that the sketch
exports are called; they need no hardware.
"""

from __future__ import annotations

from pathlib import Path

from dlnet.device.errors import DeviceError
from dlnet.errors import ToolError
from dlnet.firmware.emulate import EmulatedCore

BEGIN, TAKE = "dlnet_begin", "dlnet_take"
LONGEST = 8192  # bytes of a reply


class CoreLine:
    """A line to the sketch in ``elf``, just started.

    Raises:
        ToolError: no such file, or it is no program with this sketch.
    """

    def __init__(self, elf: Path) -> None:
        if not elf.is_file():
            raise ToolError(f"{elf}: no such file; build the sketch first")
        self.port = str(elf)
        self._core = EmulatedCore(elf.read_bytes(), self.port)
        self._core.call(BEGIN)

    def exchange(self, line: str) -> str:
        """The reply to one line.

        Raises:
            DeviceError: the firmware left its memory, or gave no answer.
        """
        try:
            reply = [self._core.call(TAKE, byte) for byte in line.encode("ascii") + b"\n"][-1]
            text = self._core.text(reply, LONGEST) if reply else b""
        except ToolError as error:
            raise DeviceError(f"{self.port}: the firmware crashed on {line[:40]!r} ({error})") from error
        if not reply:
            raise DeviceError(f"{self.port}: no answer to {line[:40]!r}")
        return text.decode("ascii", errors="replace")
