"""What can go wrong between this computer and a board."""

from dlnet.errors import DLNetError


class DeviceError(DLNetError):
    """Base of all that a board or its line may do wrong."""


class PortError(DeviceError):
    """The serial port cannot be opened, or went away."""


class NoAnswer(DeviceError):
    """The board said nothing in time."""


class LineLost(DeviceError):
    """What came back is no reply to what was asked: a line was lost or damaged, or other firmware is on the board."""


class WrongModel(DeviceError):
    """The board runs another model than the one it is compared with."""


class Mismatch(DeviceError):
    """The board's forecast is not the one this computer makes of the same cycles."""


class Refused(DeviceError):
    """The board refused a command.

    Attributes:
        code: the protocol's number of the reason; see docs/protocol.md.
        reason: the same in words.
    """

    def __init__(self, command: str, code: int, reason: str) -> None:
        super().__init__(f"board refused {command!r}: {reason} (code {code})")
        self.code = code
        self.reason = reason
