"""The firmware's C++ compiled for this machine, behind NumPy arrays."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.errors import DataError
from dlnet.export.edge import DeviceModel
from dlnet.export.reference import Int16s, Int32s, check_windows, from_fixed, quantise_anchor, quantise_inputs
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.firmware.records import records
from dlnet.firmware.status import GIVEN, OK, SATURATED, STATUS
from dlnet.firmware.toolchain import HOST_FLAGS, PROOF, call, host_compiler, includes

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Replay:
    """Results of a monitor while rows were pushed; it forecasts after each row from which on it is ready.

    Attributes:
        status: (n,) of each push, an index into ``STATUS``.
        rows: (N,) which rows a forecast followed. window: (N, T, C) what the network saw. anchor: (N,).
        forecast: (N, horizon) float32, the target. given: (N,) the status that it came with, an index into ``STATUS``.
        inputs: (N, P) of the form; P is 0 of a network alone.
    """

    status: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    window: Int16s
    anchor: Int32s
    forecast: npt.NDArray[np.float32]
    given: npt.NDArray[np.int64]
    inputs: Int16s

    @property
    def flagged(self) -> npt.NDArray[np.bool_]:
        """(N,) whether it was given as saturated."""
        return self.given == SATURATED


class CompiledModel:
    """A model's header and the library, compiled and loaded: parity with the reference is one line of test.

    Use as a context manager, or let it be collected: its temporary folder goes with it.

    Args:
        model: what to compile. compiler: ``g++`` or ``clang++``; the first that is there. flags: more of them.

    Raises:
        ToolError: no compiler, or it refused the source.
    """

    def __init__(self, model: DeviceModel, compiler: str | None = None, flags: tuple[str, ...] = ()) -> None:
        self.model, self.spec = model, model.spec
        folder = Path(tempfile.mkdtemp(prefix="dlnet-"))
        self._removed = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        write_text(folder / "model_data.h", header(model))
        library = folder / "model.so"
        source = PROOF / "shim.cpp"
        shared = ("-shared", "-fPIC", "-fvisibility=hidden")
        call([host_compiler(compiler), *HOST_FLAGS, *flags, *shared, *includes(folder), source, "-o", library])
        self._library = ctypes.CDLL(str(library))

    def __enter__(self) -> CompiledModel:
        return self

    def __exit__(self, *_: object) -> None:
        self._removed()

    def predict(self, z: Floats, anchor: Floats, x: Int16s | None = None) -> npt.NDArray[np.float64]:
        """Forecast (N, horizon) in health of encoded windows (N, T, C) with their anchors, as ``predict_reference``."""
        return from_fixed(self.trace(quantise_inputs(z), quantise_anchor(anchor), x)[0])

    def trace(self, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> tuple[Int32s, Int16s]:
        """Forecast (N, horizon) and hidden path (N, T, n) of quantised windows (N, T, C), inputs of a form (N, P)."""
        check_windows(self.spec, z, anchor)
        windows = records(self.spec, z, x)
        forecast = np.empty((len(z), self.spec.horizon), np.int32)
        hidden = np.empty((len(z), self.spec.steps, self.spec.hidden), np.int16)
        for i in range(len(z)):
            self._library.dlnet_trace(_at(windows[i]), int(anchor[i]), _at(forecast[i]), _at(hidden[i]))
        return forecast, hidden

    def engine(self, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> Int32s:
        """Forecast (N, horizon) by the path that a sketch takes: knots, then straight lines."""
        check_windows(self.spec, z, anchor)
        windows, out = records(self.spec, z, x), np.empty((len(z), self.spec.horizon), np.int32)
        for i in range(len(z)):
            self._library.dlnet_engine(_at(windows[i]), int(anchor[i]), _at(out[i]))
        return out

    def clear(self) -> None:
        """Forget all rows."""
        self._library.dlnet_clear()

    def push(self, time: int, values: Floats) -> str:
        """Push one row's inputs, (inputs,) in their own units, NaN: not measured; gives the status."""
        single = np.ascontiguousarray(values, np.float32)
        if single.shape != (self.model.codec.inputs,):
            raise DataError(f"a row has {self.model.codec.inputs} inputs, not {single.shape}")
        return STATUS[self._library.dlnet_push(ctypes.c_uint32(time), _at(single))]

    def forecast(self) -> npt.NDArray[np.float32] | None:
        """(horizon,) the target in the next rows, or None before there are enough."""
        return self.given_forecast()[1]

    def given_forecast(self) -> tuple[str, npt.NDArray[np.float32] | None]:
        """Status, and (horizon,) the target in the next rows where one is given."""
        out = np.empty(self.spec.horizon, np.float32)
        status = self._library.dlnet_forecast(_at(out))
        return STATUS[status], out if status in GIVEN else None

    def crossing(self, value: float) -> tuple[str, int]:
        """Status, and the first row ahead whose target is at or beyond ``value`` (-1: none)."""
        row = ctypes.c_int32(-1)
        status = self._library.dlnet_crossing(ctypes.c_float(value), ctypes.byref(row))
        return STATUS[status], row.value

    def save(self) -> bytes:
        """The saved state."""
        size = int(self._library.dlnet_sizes(1))
        buffer = ctypes.create_string_buffer(size)
        written = int(self._library.dlnet_save(buffer, size))
        return buffer.raw[:written]

    def load(self, state: bytes) -> str:
        """Take a saved state; gives the status."""
        return STATUS[self._library.dlnet_load(ctypes.c_char_p(state), len(state))]

    def self_test(self) -> str:
        """Status of the self test."""
        return STATUS[self._library.dlnet_self_test()]

    @property
    def monitor_bytes(self) -> int:
        """RAM of one monitor."""
        return int(self._library.dlnet_sizes(0))

    def replay(self, values: Floats, times: npt.NDArray[np.integer[Any]] | None = None) -> Replay:
        """Push the rows of one asset, (n, inputs) oldest first, into a fresh monitor and forecast after each.

        Args:
            times: (n,) their numbers; 1, 2, ... if left out.
        """
        numbers = np.arange(1, len(values) + 1) if times is None else times
        self.clear()
        status, rows, windows, anchors, forecasts, statuses = [], [], [], [], [], []
        width = self.spec.form.inputs if self.spec.form is not None else 0
        inputs = []
        for i, number in enumerate(numbers):
            status.append(STATUS.index(self.push(int(number), values[i])))
            given, ahead = self.given_forecast() if status[-1] == OK else ("", None)
            if ahead is not None:
                window = np.empty((self.spec.steps, self.spec.channels), np.int16)
                anchor = ctypes.c_int32()
                self._library.dlnet_encode(_at(window), ctypes.byref(anchor))
                own = np.zeros(width, np.int16)
                self._library.dlnet_inputs(_at(own))
                inputs.append(own)
                rows.append(i)
                windows.append(window)
                anchors.append(anchor.value)
                forecasts.append(ahead)
                statuses.append(STATUS.index(given))
        shape = (len(rows), self.spec.steps, self.spec.channels)
        return Replay(
            np.array(status, np.int64),
            np.array(rows, np.int64),
            np.array(windows, np.int16).reshape(shape),
            np.array(anchors, np.int32),
            np.array(forecasts, np.float32).reshape(len(rows), self.spec.horizon),
            np.array(statuses, np.int64),
            np.array(inputs, np.int16).reshape(len(rows), width),
        )


def _at(array: npt.NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
