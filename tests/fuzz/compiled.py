"""Damaged models that were accepted, compiled with sanitisers and compared with the NumPy reference bit for bit."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dlnet.errors import DLNetError, ParityError, ToolError
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import Codec, acceptable
from dlnet.export.path import device_path
from dlnet.export.reference import run
from dlnet.export.saved import SavedEdge
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.firmware.host import OK, STATUS
from dlnet.firmware.records import records
from dlnet.firmware.status import given_as
from dlnet.firmware.toolchain import SANITISERS, host_compiler, includes
from dlnet.saved import load_as
from tests.firmware.firmware_models import form_inputs, values_of, windows
from tests.fuzz.bases import Base
from tests.fuzz.judge import model_of, written

HERE = Path(__file__).parent
TOGETHER = 50  # models in one program
WINDOWS, ROWS = 8, 24  # compared; rows beyond the window
FLAGS = ("-std=gnu++14", "-O0", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror", *SANITISERS)
DEADLINE_S = 900


@dataclass
class Compared:
    """What became of accepted models.

    Attributes:
        refused: exception -> how many have no header. models: compared. windows, rows: of them, all alike.
        faults: number of a model, and what went wrong.
    """

    refused: Counter[str] = field(default_factory=Counter)
    models: int = 0
    windows: int = 0
    rows: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: Compared) -> None:
        """Add what became of other models."""
        self.refused += other.refused
        self.models += other.models
        self.windows += other.windows
        self.rows += other.rows
        self.faults += other.faults


def compare(every: Sequence[Base], seed: int, numbers: Sequence[int], folder: Path) -> Compared:
    """Compile the models of some numbers, ``TOGETHER`` in a program, in ``folder``, and compare each."""
    result = Compared()
    headers: dict[int, tuple[DeviceModel, str]] = {}
    for number in numbers:
        with written(model_of(every, seed, number)[1]) as place:
            model = load_as(place, SavedEdge).device
        try:
            headers[number] = model, header(model)
        except DLNetError as error:
            result.refused[type(error).__name__] += 1
    chosen = list(headers)
    for start in range(0, len(chosen), TOGETHER):
        _program({number: headers[number] for number in chosen[start : start + TOGETHER]}, folder, result)
    return result


def _program(models: dict[int, tuple[DeviceModel, str]], folder: Path, result: Compared) -> None:
    source, program = folder / "many.cpp", folder / "many"
    write_text(source, _source([text for _, text in models.values()]))
    try:
        _run([host_compiler(), *FLAGS, *includes(HERE), str(source), "-o", str(program)])
    except ToolError as error:
        result.faults.append((next(iter(models)), f"one of {len(models)} models does not compile: {error}"))
        return
    for place, (number, (model, _)) in enumerate(models.items()):
        try:
            _compare_one(model, program, place, number, result)
        except (ToolError, ParityError) as error:
            result.faults.append((number, str(error)))


def _run(command: Sequence[str], given: bytes = b"") -> bytes:
    """What a program prints; ``ToolError`` if it fails, as under a sanitiser."""
    done = subprocess.run(command, input=given, capture_output=True, timeout=DEADLINE_S, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if "error" in line.lower()]
        raise ToolError(f"{Path(command[0]).name} ended with {done.returncode}: {' | '.join(lines[:3])[:600]}")
    return done.stdout


def _source(headers: Sequence[str]) -> str:
    """One program with a namespace for each model; its argument says which is played."""
    parts = ['#include "many.h"']
    for i, text in enumerate(headers):
        own, count = re.subn(r"^namespace dlnet \{$", f"namespace model_{i} {{", text, flags=re.MULTILINE)
        assert count == 1
        parts.append(own.replace("#pragma once\n", ""))
    names = ", ".join(f"play<model_{i}::Model>" for i in range(len(headers)))
    parts.append(
        f"int main(int, char **words) {{\n  void (*const all[])() = {{{names}}};\n  all[atoi(words[1])]();\n}}\n"
    )
    return "\n".join(parts)


def _compare_one(model: DeviceModel, program: Path, place: int, number: int, result: Compared) -> None:
    z, anchor = windows(model, WINDOWS, number)
    x = form_inputs(model, WINDOWS, number)
    values = _rows(model, number)
    codes = records(model.spec, z, x)
    numbers = [np.array([len(z)], "<i4").tobytes()]
    numbers += [one.tobytes() + int(a).to_bytes(4, "little", signed=True) for one, a in zip(codes, anchor, strict=True)]
    numbers += [np.array([len(values)], "<i4").tobytes(), values.astype("<f4").tobytes()]
    printed = _run([str(program), str(place)], b"".join(numbers))
    expected = b"".join([*_windows(model, z, anchor, x), *_pushed(model, values), OK.to_bytes(4, "little")])
    if printed != expected:
        first = next((i for i, (a, b) in enumerate(zip(printed, expected, strict=False)) if a != b), len(printed))
        raise ParityError(f"byte {first:,} of {len(printed):,} differs from the reference's {len(expected):,}")
    result.models += 1
    result.windows += len(z)
    result.rows += len(values)


def _windows(model: DeviceModel, z: np.ndarray, anchor: np.ndarray, x: np.ndarray | None) -> list[bytes]:
    trace = run(model.spec, z, anchor, x)
    return [f.tobytes() * 2 + h.tobytes() for f, h in zip(trace.forecast, trace.hidden, strict=True)]


def _rows(model: DeviceModel, seed: int) -> np.ndarray:
    """Rows (n, inputs) float32 around the codes' range, beyond it, and some that no board accepts."""
    codec, rng = model.codec, np.random.default_rng(seed)
    shape = (codec.window + ROWS, codec.inputs)
    with np.errstate(over="ignore"):
        values = codec.offset + (rng.normal(size=shape) * 20000 * codec.unit).astype(np.float32)
        if codec.target is not None:
            values[:, 0] = rng.uniform(*codec.limits.astype(np.float64), len(values))
    values = values.astype(np.float32)
    odd = rng.random(shape) < 0.02
    values[odd] = rng.choice(np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 0.0, 1e-40], np.float32), odd.sum())
    return values


def _pushed(model: DeviceModel, values: np.ndarray) -> list[bytes]:
    """What a monitor says of each row: NumPy's front end on the rows that are accepted, and the reference."""
    codec, spec = model.codec, model.spec
    taken = acceptable(codec, values)
    ends = np.arange(codec.window, int(taken.sum()) + 1)
    nothing = np.zeros((spec.steps, spec.channels), np.int16), np.int32(0), np.zeros(spec.horizon, np.float32)
    out, count, path = [], 0, None
    if len(ends):
        path = device_path(model, values[taken], ends)
        ahead = values_of(model, path.forecast(model))
    for i, row in enumerate(values):
        count += int(taken[i])
        status = OK if taken[i] else _refusal(codec, row, count)
        window, anchor, floats, given = *nothing, STATUS.index("not ready")
        if path is not None and count >= codec.window:
            k = count - codec.window
            window, anchor, floats = path.inputs[k], path.anchor[k], ahead[k].astype(np.float32)
            given = int(given_as(path)[k])
        out.append(np.array([status, given, anchor], "<i4").tobytes() + floats.tobytes() + window.tobytes())
    return out


def _refusal(codec: Codec, row: np.ndarray, count: int) -> int:
    """Status of a row that is not taken: its first wrong input says which; last comes the range of the target."""
    with np.errstate(over="ignore", invalid="ignore"):
        far = ~(np.abs((row - codec.offset) * codec.scale) < np.float32(2.0**31))
    needed = (np.arange(len(row)) == 0) & (codec.target is not None and count == 0)  # of the first row, the target
    wrong = np.flatnonzero((~np.isfinite(row) | far) & (needed | ~np.isnan(row)))
    finite = not len(wrong) or np.isfinite(row[wrong[0]])
    return STATUS.index("out of range" if finite else "not a number")
