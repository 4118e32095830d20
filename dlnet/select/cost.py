"""What one forecast of a student costs on an Arm Cortex-M4, from its shape alone. Everything here is modelled.

The engine that is modelled: int8 weights in flash, read four at a time and widened (SXTB16), two products an
instruction (SMLAD), one multiplier and shift a row (SMMLA), folded tables with interpolation, 16-bit state, a
forecast for every cycle of the horizon. Its input is the encoded window: reading sensors and encoding come on top.
docs/selection.md derives each formula and says how the constants were counted.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from dlnet.errors import ModelError

KernelName = Literal["int8", "int16"]

TABLE_BYTES = 257 * 2  # one folded table of int16
ROW_BYTES = 4 + 4 + 1  # bias, multiplier and shift of a row
KNOT_BYTES = 1 + 4  # cycle of a knot and place between it and the one before
VOLTS = 3.0
AMPERES_PER_HERTZ = 52e-12  # 52 uA/MHz: CPU in flash, DC/DC, 3 V (nRF52840 Product Specification, key features)
JOULES_PER_KWH = 3.6e6

UNITS = {
    "parameters": "count",
    "nonzero_parameters": "count",
    "bytes_float32": "B",
    "flash_bytes": "B, modelled",
    "ram_bytes": "B, modelled",
    "instructions": "per forecast, modelled",
    "cycles": "per forecast, modelled",
    "ms_modelled": "ms per forecast, modelled",
    "energy_uj": "uJ per forecast, estimated",
    "co2_ug": "ug CO2e per forecast, estimated",
}


@dataclass(frozen=True)
class CellWork:
    """Work of a neuron: ``rows`` of weights (each ends in a table), ``constants`` of int16 beside the leak rate."""

    rows: int
    constants: int


CELLS = {"liquid": CellWork(rows=2, constants=0), "ltc": CellWork(rows=1, constants=1)}


@dataclass(frozen=True)
class Kernel:
    """Instructions of each part of the engine, cycles an instruction, and bytes of code and stack.

    Attributes:
        weight_bytes: of a weight in flash. lanes: rows of weights are padded with zeros to a multiple of this.
        mac: per product; two rows share each load of the vector.
        requantise: per row: bias, multiplier and shift loaded, product, rounding, saturation.
        look_up: per row of a neuron: fold, index, interpolate, unfold.
        update: per neuron and sub-step: Euler step, saturation, two stores.
        load: per input and sub-step, and per skip value.
        output: per output of the head beside its products: softplus, sum, store.
        point: per cycle of the horizon: interpolate between knots, scale, add the anchor.
        neuron, fixed: once a forecast, per neuron and in all: clearing, copying, call.
        cycles: cycles an instruction, no wait states.
        code, code_column, code_constant: bytes of code: in all, per column of the two unrolled products, per
            constant of the cell.
        stack: bytes beside the vectors.
    """

    weight_bytes: int
    lanes: int
    mac: float
    requantise: float
    look_up: float
    update: float
    load: float
    output: float
    point: float
    neuron: float
    fixed: float
    cycles: float
    code: int
    code_column: float
    code_constant: int
    stack: int = 92


# Fitted to counts of a compiled kernel (GCC 12.2 -Os, emulated); see docs/selection.md and tests/select/test_cost.py.
KERNELS: dict[str, Kernel] = {
    "int8": Kernel(
        weight_bytes=1,
        lanes=4,
        mac=1.5,
        requantise=9,
        look_up=23,
        update=30,
        load=5,
        output=20,
        point=16,
        neuron=25,
        fixed=500,
        cycles=1.23,
        code=880,
        code_column=12.5,
        code_constant=85,
    ),
    "int16": Kernel(
        weight_bytes=2,
        lanes=2,
        mac=1.25,
        requantise=9,
        look_up=21,
        update=29,
        load=4,
        output=20,
        point=16,
        neuron=20,
        fixed=520,
        cycles=1.29,
        code=850,
        code_column=8.2,
        code_constant=60,
    ),
}


@dataclass(frozen=True)
class StudentShape:
    """All that the cost of a student depends on.

    Attributes:
        inputs: channels C of an encoded step. hidden: neurons n. cell: a name in ``CELLS``.
        substeps: Euler steps a step K. steps: T. skip: values S that bypass the cell into the head.
        outputs: of the head: one a knot, and the level where there is one. horizon: cycles ahead.
        nonzeros: parameters that are not zero after pruning; None: all. A dense engine multiplies zeros too, so
            only structured pruning, which makes the shape smaller, makes anything cheaper.

    Raises:
        ModelError: a size is below 1 (``skip``: below 0), more nonzeros than parameters, or the cell has no
            integer form.
    """

    inputs: int
    hidden: int
    cell: str
    substeps: int
    steps: int
    skip: int
    outputs: int
    horizon: int = 100
    nonzeros: int | None = None

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ModelError(f"cell {self.cell!r} has no integer form; known: {', '.join(sorted(CELLS))}")
        for name in ("inputs", "hidden", "substeps", "steps", "outputs", "horizon"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name} of a student is {getattr(self, name)}; it must be at least 1")
        if self.skip < 0:
            raise ModelError(f"skip of a student is {self.skip}; it must be at least 0")
        if self.nonzeros is not None and not 0 <= self.nonzeros <= self.parameters:
            raise ModelError(f"nonzeros is {self.nonzeros}; it must be between 0 and {self.parameters}")

    @property
    def rows(self) -> int:
        """Rows of the cell's weights."""
        return CELLS[self.cell].rows * self.hidden

    @property
    def parameters(self) -> int:
        """Trained numbers: weights, biases, leak rates and constants of the cell."""
        cell = self.rows * (self.inputs + self.hidden + 1)
        rates = self.hidden * (1 + CELLS[self.cell].constants)
        return cell + rates + self.outputs * (self.hidden + self.skip + 1)


@dataclass(frozen=True)
class Cost:
    """Cost of a student; units in ``UNITS``. Time, energy and CO2e are for one forecast from an encoded window."""

    parameters: int
    nonzero_parameters: int
    bytes_float32: int
    flash_bytes: int
    ram_bytes: int
    instructions: int
    cycles: int
    ms_modelled: float
    energy_uj: float
    co2_ug: float

    def as_row(self) -> dict[str, float]:
        """As columns of a table."""
        return asdict(self)


def student_cost(
    shape: StudentShape, grid_g_per_kwh: float, clock_mhz: float = 64.0, kernel: KernelName = "int8"
) -> Cost:
    """Cost of one forecast.

    Energy is volts x current per hertz x cycles, so it does not depend on the clock; CO2e is energy x grid
    intensity.

    Args:
        shape: of the student.
        grid_g_per_kwh: grams of CO2e a kWh (see ``grid_intensity``).
        clock_mhz: clock of the core.
        kernel: a name in ``KERNELS``: weights in flash as int8 (smaller) or as int16 (faster).
    """
    engine = KERNELS[kernel]
    instructions = forecast_instructions(shape, engine)
    cycles = instructions * engine.cycles
    joules = VOLTS * AMPERES_PER_HERTZ * cycles
    return Cost(
        parameters=shape.parameters,
        nonzero_parameters=shape.parameters if shape.nonzeros is None else shape.nonzeros,
        bytes_float32=4 * shape.parameters,
        flash_bytes=flash_bytes(shape, engine),
        ram_bytes=ram_bytes(shape, engine),
        instructions=round(instructions),
        cycles=round(cycles),
        ms_modelled=cycles / (clock_mhz * 1e3),
        energy_uj=joules * 1e6,
        co2_ug=joules / JOULES_PER_KWH * grid_g_per_kwh * 1e6,
    )


def _columns(shape: StudentShape, engine: Kernel) -> tuple[int, int]:
    """Padded widths of the cell's [h, x] and of the head's [h, s]."""
    widths = shape.hidden + shape.inputs, shape.hidden + shape.skip
    return math.ceil(widths[0] / engine.lanes) * engine.lanes, math.ceil(widths[1] / engine.lanes) * engine.lanes


def forecast_instructions(shape: StudentShape, engine: Kernel) -> float:
    """Instructions from the encoded window to the forecast of every cycle of the horizon."""
    cell, head = _columns(shape, engine)
    row = cell * engine.mac + engine.requantise + engine.look_up
    substep = shape.rows * row + shape.hidden * engine.update + shape.inputs * engine.load
    output = head * engine.mac + engine.requantise + engine.look_up + engine.output
    readout = shape.outputs * output + shape.skip * engine.load + shape.horizon * engine.point
    return shape.steps * shape.substeps * substep + readout + shape.hidden * engine.neuron + engine.fixed


def flash_bytes(shape: StudentShape, engine: Kernel) -> int:
    """Weights, rows, rates, tables, knots and code. A sketch's core and libraries are not counted."""
    work = CELLS[shape.cell]
    cell, head = _columns(shape, engine)
    weights = (shape.rows * cell + shape.outputs * head) * engine.weight_bytes
    rows = (shape.rows + shape.outputs) * ROW_BYTES
    rates = 2 * shape.hidden * (1 + work.constants)
    tables = TABLE_BYTES * (work.rows + 1)
    code = engine.code + engine.code_column * (cell + head) + engine.code_constant * work.constants
    return round(weights + rows + rates + tables + shape.outputs * KNOT_BYTES + code)


def ram_bytes(shape: StudentShape, engine: Kernel) -> int:
    """Window of encoded steps, forecast, and the stack with state, both step vectors and the head's."""
    cell, head = _columns(shape, engine)
    window, forecast = 2 * shape.steps * shape.inputs, 4 * shape.horizon
    stack = engine.stack + 2 * shape.hidden + 2 * 2 * cell + 2 * head + 2 * 4 * shape.outputs
    return window + forecast + stack
