"""The line to a board: a serial port that carries one line out for each line in."""

from __future__ import annotations

import time
from types import TracebackType

import serial

from dlnet.device.errors import DeviceError, NoAnswer, PortError

BAUD = 115_200
TIMEOUT_S = 5.0
LONGEST = 8192  # bytes of a reply; this firmware never sends more
FAULT = "!fault"


class Line:
    """An open port. The protocol uses ``exchange`` only.

    Args:
        port: what pySerial opens: ``/dev/ttyACM0``, ``COM3``, the name of a pseudo terminal.
        timeout_s: how long to wait for a reply, s.

    Raises:
        PortError: it cannot be opened.
    """

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        self.port = port
        self.timeout_s = timeout_s
        try:
            self._serial = serial.Serial(port, BAUD, timeout=timeout_s, write_timeout=timeout_s)
        except (serial.SerialException, ValueError, OSError) as error:
            raise PortError(
                f"{port}: cannot be opened ({error}); is the board plugged in, and no other program on its port?"
            ) from error

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    def exchange(self, line: str) -> str:
        """Send one line, return the reply.

        Raises:
            NoAnswer: nothing came in time. PortError: the port went away. DeviceError: the firmware crashed.
        """
        return self.exchange_bytes(line.encode("ascii") + b"\n", line)

    def exchange_bytes(self, raw: bytes, name: str = "") -> str:
        """The same with any bytes, which must end one line; ``name`` is shown for them in messages."""
        try:
            self._serial.reset_input_buffer()  # drops a late reply to an earlier command
            self._serial.write(raw)
            reply = self._read()
        except serial.SerialTimeoutException as error:
            raise NoAnswer(f"{self.port}: the board takes no bytes within {self.timeout_s:g} s") from error
        except (serial.SerialException, OSError) as error:
            raise PortError(f"{self.port}: went away ({error}); was the board unplugged or reset?") from error
        text = reply.decode("ascii", errors="replace").strip()
        if not reply.endswith(b"\n"):
            raise NoAnswer(
                f"{self.port}: no answer to {name[:40]!r} within {self.timeout_s:g} s"
                + (f", only {text[:40]!r}" if text else "; is dlnet_monitor on the board?")
            )
        if not text and FAULT.encode() in self._read():
            raise DeviceError(f"{self.port}: the firmware crashed on {name[:40]!r}; reset the board")
        return text

    def _read(self) -> bytes:
        """Bytes up to a line end, or those received in time. ``read_until`` would read byte by byte."""
        deadline = time.monotonic() + self.timeout_s
        received = b""
        while not received.endswith(b"\n") and len(received) < LONGEST and time.monotonic() < deadline:
            received += self._serial.read(max(1, self._serial.in_waiting))
        return received
