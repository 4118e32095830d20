"""The commands of a board as functions. The protocol is in docs/protocol.md."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dlnet.device.errors import DeviceError, LineLost, NoAnswer, Refused, WrongModel

PROTOCOL = 5
GREETINGS = 3
FORECAST_BITS = 24
FLAGS = (" held", " saturated")  # last words of an answer: it rests on older rows; on a feature beyond its range
ABSENT = "?"  # an input that was not measured
CHUNK = 64  # bytes of a saved state in a line
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Words:
    """The task's words on a board."""

    asset: str  # what wears out: cell
    time: str  # what a row is: cycle
    target: str  # symbol of what is forecast: SoH
    unit: str  # of it


@dataclass(frozen=True)
class Info:
    """What a board reports about its model. ``counter``: security counter of the release; 0: no release."""

    model: str
    version: str
    counter: int
    sha256: str
    inputs: int
    window: int
    horizon: int
    state: int  # bytes of a saved state
    words: Words


@dataclass(frozen=True)
class Held:
    """The rows that a board holds of its asset."""

    last: int  # number of the last row
    held: int  # rows that a forecast would read
    ready: bool  # whether there are enough for a forecast
    saturated: bool  # whether a feature among them is beyond the range of its codes: forecasts are flagged
    off_level: int  # rows since the target left its level, 0: the last row is sound; they repeat the last sound one
    missing: int  # inputs that the last row lacks: their last values hold


class Wire(Protocol):
    """Carries a line to a board and its reply back."""

    port: str

    def exchange(self, line: str) -> str:
        """Send one line, return the reply."""
        ...


class Board:
    """A board on an open line.

    Raises:
        NoAnswer: no board answers. LineLost: the answer is not of this firmware.
    """

    def __init__(self, line: Wire) -> None:
        self._line = line
        self.info = self._greet()

    def _greet(self) -> Info:
        """Send ``info`` until the first valid answer: a board that was just opened may still be starting."""
        for attempt in range(GREETINGS):
            try:
                fields = self._fields("info")
                if fields.get("protocol") != str(PROTOCOL):
                    raise DeviceError(
                        f"{self._line.port}: has protocol {fields.get('protocol')}, this computer {PROTOCOL}; "
                        "flash firmware of the same release"
                    )
                sizes = {name: int(fields[name]) for name in ("counter", "inputs", "window", "horizon", "state")}
                words = Words(fields["asset"], fields["time"], fields["target"], fields["unit"])
                return Info(fields["model"], fields["version"], sha256=fields["sha256"], words=words, **sizes)
            except (NoAnswer, LineLost, Refused):
                if attempt == GREETINGS - 1:
                    raise
                time.sleep(0.2)
            except (KeyError, ValueError) as error:
                raise LineLost(f"{self._line.port}: the answer to 'info' lacks {error}") from error
        raise AssertionError

    def ask(self, command: str) -> str:
        """Send one command; returns what follows ``ok COMMAND`` in the reply.

        Raises:
            Refused: the board answered with an error. LineLost: the reply belongs to no or another command.
        """
        reply = self._line.exchange(command)
        name = command.split(" ", 1)[0]
        kind, _, rest = reply.partition(" ")
        if kind == "err":
            code, _, reason = rest.partition(" ")
            if code.isdigit():
                raise Refused(command, int(code), reason)
        answered, _, content = rest.partition(" ")
        if kind != "ok" or answered != name:
            raise LineLost(f"{self._line.port}: sent {command[:40]!r}, got {reply[:40]!r}: a line was lost or damaged")
        return content

    def check_model(self, sha256: str) -> None:
        """Raise ``WrongModel`` unless the board runs the model of this hash."""
        if self.info.sha256 != sha256:
            raise WrongModel(
                f"{self._line.port}: the board runs {self.info.model} version {self.info.version} "
                f"({self.info.sha256[:12]}), not the requested model ({sha256[:12]}); flash that, or name the other one"
            )

    def check_release(self, version: str, counter: int) -> None:
        """Raise ``WrongModel`` unless the firmware states this version of the model and this security counter."""
        stated = f"version {self.info.version}, counter {self.info.counter}"
        wanted = f"version {version}, counter {counter}"
        if stated != wanted:
            raise WrongModel(
                f"{self._line.port}: the firmware states {stated}, it should be {wanted}; build it again with "
                f"dlnet sketch --counter {counter}"
            )

    def inputs(self) -> list[tuple[str, str]]:
        """Name and unit of each number of a row, in order."""
        names = []
        for i in range(self.info.inputs):
            unit, separator, name = self.ask(f"input {i}").partition(" name=")
            if not separator:
                raise LineLost(f"{self._line.port}: the answer to 'input {i}' has no name")
            names.append((name, unit.partition("unit=")[2]))
        return names

    def held(self) -> Held:
        """The rows that the board holds of its asset."""
        return self._held("status", self.ask("status"))

    def push(self, time: int, values: Sequence[float] | Floats) -> Held:
        """Send one finished row; NaN is an input that was not measured."""
        words = (ABSENT if math.isnan(value) else number(value) for value in values)
        return self._held("push", self.ask(f"push {time} " + " ".join(words)))

    def forecast(self) -> npt.NDArray[np.int32]:
        """(horizon,) health of the next rows, in units of 2^-24, see ``Target.from_health``; ``held()`` tells what
        it rests on."""
        words = _without_flags(self.ask("forecast")).split()
        try:
            values = np.array([int(text) for text in words], np.int32)
        except (ValueError, OverflowError) as error:
            raise LineLost(f"{self._line.port}: the forecast is damaged ({error})") from error
        if len(values) != self.info.horizon:
            raise LineLost(f"{self._line.port}: {len(values)} numbers of a forecast of {self.info.horizon}")
        return values

    def crossing(self, value: float) -> int | None:
        """Rows until the target is at or beyond ``value``; None where the forecast does not reach it."""
        reply = _without_flags(self.ask(f"crossing {number(value)}"))
        return None if reply == "none" else self._int("crossing", reply)

    def self_test(self) -> None:
        """Have the board run its golden vectors; ``Refused`` where it fails."""
        self.ask("selftest")

    def timing(self) -> tuple[int, int]:
        """Processor cycles (0: no counter, as in an emulator) and µs of one forecast."""
        fields = self._fields("time")
        return self._int("time", fields.get("cycles", "")), self._int("time", fields.get("us", ""))

    def save(self) -> bytes:
        """The state, to be restored after a reset."""
        pieces = [self.ask(f"save {at}") for at in range(0, self.info.state, CHUNK)]
        try:
            state = b"".join(bytes.fromhex(piece.split(" ")[1]) for piece in pieces)
        except (ValueError, IndexError) as error:
            raise LineLost(f"{self._line.port}: the saved state is damaged ({error})") from error
        if len(state) != self.info.state:
            raise LineLost(f"{self._line.port}: {len(state)} bytes of a state of {self.info.state}")
        return state

    def load(self, state: bytes) -> Held:
        """Restore a saved state; the board checks it first."""
        if len(state) != self.info.state:
            raise DeviceError(f"saved state has {len(state)} bytes, this board's {self.info.state}: of another model")
        reply = ""
        for at in range(0, len(state), CHUNK):
            reply = self.ask(f"load {at} {state[at : at + CHUNK].hex()}")
        return self._held("load", reply)

    def reset(self) -> None:
        """Remove all rows from the board."""
        self.ask("reset")

    def charge(self, samples: Iterator[tuple[float, float, float]]) -> Floats:
        """Stream one charge (time in s, voltage in V, current in A); its (16,) features, in the order of FEATURES."""
        self.ask("charge")
        for sample in samples:
            if self.ask("sample " + " ".join(number(value, 15) for value in sample)) == "done":
                break
        try:
            return np.array([float(text) for text in self.ask("features").split()])
        except ValueError as error:
            raise LineLost(f"{self._line.port}: the features are damaged ({error})") from error

    def _held(self, command: str, reply: str) -> Held:
        fields = self._named(command, reply)
        names = ("last", "held", "ready", "saturated", "off_level", "missing")
        last, held, ready, saturated, off_level, missing = (self._int(command, fields.get(name, "")) for name in names)
        return Held(last, held, bool(ready), bool(saturated), off_level, missing)

    def _fields(self, command: str) -> dict[str, str]:
        return self._named(command, self.ask(command))

    def _named(self, command: str, reply: str) -> dict[str, str]:
        """``a=1 b=2`` as a mapping; values may contain blanks. A key that stands twice could be a forged one."""
        fields: dict[str, str] = {}
        last = ""
        for part in reply.split(" "):
            name, separator, value = part.partition("=")
            if separator and name in fields:
                raise LineLost(
                    f"{self._line.port}: the answer to {command!r} has {name[:40]!r} twice; flash the firmware"
                )
            if separator:
                last = name
                fields[name] = value
            elif last:
                fields[last] += f" {part}"
        return fields

    def _int(self, command: str, text: str) -> int:
        try:
            return int(text)
        except ValueError as error:
            raise LineLost(f"{self._line.port}: the answer to {command!r} is damaged ({text!r})") from error


def _without_flags(reply: str) -> str:
    for flag in FLAGS:
        reply = reply.removesuffix(flag)
    return reply


def number(value: float, digits: int = 9) -> str:
    """A number as text of the protocol, without an exponent; 9 digits restore a float32 exactly.

    Raises:
        DeviceError: it is not finite, or too small or large for the protocol.
    """
    if not math.isfinite(value):
        raise DeviceError(f"{value} cannot be sent to a board: only finite numbers can")
    text = np.format_float_positional(value, precision=digits, unique=False, fractional=False, trim="-")
    whole, _, decimals = text.lstrip("-").partition(".")
    if len(whole) > digits or len(decimals) > 22:
        raise DeviceError(f"{value} cannot be sent to a board: too many digits before or behind the point")
    return text
