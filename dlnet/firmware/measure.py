"""What a model takes on a Cortex-M4: bytes, instructions, stack and modelled cycles, from its compiled code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlnet.errors import ToolError
from dlnet.export.edge import DeviceModel
from dlnet.firmware.arm import ENGINE, MONITOR, STATE, Image, build
from dlnet.firmware.documents import DeviceCosts, MonitorCosts
from dlnet.firmware.emulate import CountedRun, EmulatedCore
from dlnet.firmware.records import records
from dlnet.firmware.self_test import synthetic_inputs, synthetic_windows
from dlnet.firmware.status import OK

WINDOWS = 4  # a run does not depend on what it computes but by a few instructions; the largest count is kept
SPREAD = 300.0  # codes between rows that the monitor is filled with


@dataclass(frozen=True)
class Figures:
    """Costs of one model.

    Attributes:
        engine: from an encoded window to the forecast of every row. push, forecast: of the whole monitor, cleaning
            and encoding included. crossing: the deepest stack beside them.
        flash_engine: engine and model. flash_monitor: that, and the front end. flash_state: that, and saving state.
        ram: of one monitor, static.
    """

    engine: CountedRun
    push: CountedRun
    forecast: CountedRun
    crossing: CountedRun
    flash_engine: int
    flash_monitor: int
    flash_state: int
    ram: int

    @property
    def stack(self) -> int:
        """Deepest stack of any call, bytes."""
        return max(run.stack for run in (self.engine, self.push, self.forecast, self.crossing))

    def costs(self, clock_mhz: float) -> DeviceCosts:
        """As reports/firmware.json holds them."""
        return DeviceCosts(
            instructions=self.engine.instructions,
            ms_modelled=self.engine.cycles.milliseconds(clock_mhz),
            flash_bytes=self.flash_engine,
            ram_bytes=self.ram,
            stack_bytes=self.stack,
            monitor=MonitorCosts(
                flash_bytes=self.flash_monitor,
                flash_bytes_with_state=self.flash_state,
                push_instructions=self.push.instructions,
                push_ms_modelled=self.push.cycles.milliseconds(clock_mhz),
                forecast_instructions=self.forecast.instructions,
                forecast_ms_modelled=self.forecast.cycles.milliseconds(clock_mhz),
            ),
        )


def measure(model: DeviceModel, image: Image) -> Figures:
    """Costs of a model.

    Args:
        image: the program of ``prove_arm``.

    Raises:
        ToolError: no cross compiler, or the program refuses rows.
    """
    board = EmulatedCore(image.content)
    codec = model.codec
    engine = engine_run(model, board)
    values = board.room((codec.inputs,), np.float32)
    pushed = [_push(board, values, time, row) for time, row in enumerate(_rows(model), 1)]
    ahead, row = board.room((model.spec.horizon,), np.float32), board.room((1,), np.int32)
    never = np.float32(codec.value_offset).view(np.int32)  # health 0, which no forecast reaches: the longest search
    monitor = build(model, MONITOR)
    return Figures(
        engine=engine,
        push=max(pushed, key=lambda run: run.instructions),
        forecast=_done(board.measure("dlnet_forecast", ahead)),
        crossing=board.measure("dlnet_crossing", int(never), row),
        flash_engine=build(model, ENGINE).flash,
        flash_monitor=monitor.flash,
        flash_state=build(model, MONITOR + STATE).flash,
        ram=monitor.ram,
    )


def engine_run(model: DeviceModel, board: EmulatedCore) -> CountedRun:
    """The most expensive of a few runs of the engine alone."""
    spec, made = model.spec, synthetic_inputs(model.spec, WINDOWS)
    inputs = None if made is None or model.golden_form is None else np.concatenate([model.golden_form, made])
    windows = records(spec, np.concatenate([model.golden[0], synthetic_windows(spec, WINDOWS)]), inputs)
    window, out = board.put(windows[:1]), board.room((model.spec.horizon,), np.int32)
    runs = []
    for one in windows:
        board.poke(window, one)
        runs.append(board.measure("dlnet_engine", window, 1 << 24, out))
    return max(runs, key=lambda run: run.instructions)


def _rows(model: DeviceModel) -> np.ndarray:
    """Inputs of rows that fill a monitor, (window + 4, inputs): near the middle of each code, health falling slowly."""
    codec = model.codec
    rng = np.random.default_rng(0)
    values = rng.normal(size=(codec.window + 4, codec.inputs)) * SPREAD * codec.unit + codec.offset
    if codec.target is not None:
        values[:, 0] = model.quantities.target.from_health(np.linspace(0.98, 0.96, len(values)))
    return values.astype(np.float32)


def _push(board: EmulatedCore, values: int, time: int, row: np.ndarray) -> CountedRun:
    board.poke(values, row)
    return _done(board.measure("dlnet_push", time, values))


def _done(run: CountedRun) -> CountedRun:
    if run.result != OK:
        raise ToolError(f"the monitor refused a row on the emulated core (status {run.result})")
    return run
