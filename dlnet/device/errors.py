"""Errors of a board and of the line to it."""

from dlnet.errors import DLNetError


class DeviceError(DLNetError):
    """Base of the errors of a board or its line."""


class PortError(DeviceError):
    """The serial port cannot be opened, or went away."""


class NoAnswer(DeviceError):
    """The board did not answer in time."""


class LineLost(DeviceError):
    """The reply does not match the command: a line was lost or damaged, or other firmware is on the board."""


class WrongModel(DeviceError):
    """The board runs another model than the one it is compared with."""


class Mismatch(DeviceError):
    """The board's forecast differs from this computer's for the same rows."""


class Refused(DeviceError):
    """The board refused a command.

    Attributes:
        code: the protocol's number of the reason; see docs/protocol.md.
        reason: its text.
    """

    def __init__(self, command: str, code: int, reason: str) -> None:
        super().__init__(f"board refused {command!r}: {reason} (code {code})")
        self.code = code
        self.reason = reason
