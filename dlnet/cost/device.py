"""Cost of one forecast of a student on an Arm Cortex-M4, from its shape almatrix. All figures are modelled.

The formulas count how often each part of the firmware's engine (firmware/libraries/DLNet) runs, times a constant.
The constants are fitted to the compiled engine, run in an emulator: ``make fit`` measures again and prints them
with their errors. A forecast begins at an encoded window: cleaning and encoding come on top. docs/selection.md
derives each formula.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from dlnet.errors import ModelError
from dlnet.models.precision import Bits, Part, Precision

EIGHT = Precision()
TABLE_BYTES = 257 * 2  # one table of 16-bit entries, for arguments from 0 on (the functions are symmetric)
BLOCK_WORDS = 4  # words of a row that the engine loads at once
BLOCK_INSTRUCTIONS = (0, 4, 6, 9, 11)  # two rows on 0 to 4 words: loads of vector and rows, two SMLAD a word
BLOCK_CYCLES = (0, 7, 12, 18, 23)  # the same without wait states: a load of n words takes 1 + n
NIBBLE_INSTRUCTIONS = (0, 7, 11, 15, 19)  # of weights of 4 bits: a load a row, then a mask and an SMLAD a word
NIBBLE_CYCLES = (0, 10, 15, 20, 25)
FILTER_CYCLES = 6  # that the device's filter looks back
CLOCK_MHZ = 64.0  # of the Arduino Nano 33 BLE Sense
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
    """``rows`` of weights a neuron, ``neurons`` that two rows serve, ``constants`` of int16 beside the leak rate."""

    rows: int
    neurons: int
    constants: int


CELLS = {"liquid": CellWork(rows=2, neurons=1, constants=0), "ltc": CellWork(rows=1, neurons=2, constants=1)}


@dataclass(frozen=True)
class Weights:
    """Instructions or cycles of one run of each part; ``dot``, ``nibble``: factors of ``BLOCK_*``, ``NIBBLE_*``."""

    dot: float
    nibble: float
    liquid: float  # two rows of the cell without their products: two tables, an Euler step
    ltc: float  # the same: two tables, two Euler steps
    state_word: float  # two neurons' state converted to the unit of the inputs, per sub-step
    input_word: float  # two inputs copied, per step
    step: float
    output: float  # a row of the head: scale, softplus, sum
    skip: float
    point: float  # a cycle of the horizon
    start: float  # a word of state, cleared
    inner: float  # two rows of the first factor of low rank, without their products
    gate: float  # two rows of the gate
    nibble_offset: float  # two rows of 4 bits: the offset of their packing is subtracted
    nibble_offset_word: float  # a word of a vector, summed for that offset


# Fitted, see ``make fit``: GCC 12.2 with the board's flags.
INSTRUCTIONS = Weights(1, 1, 53.7, 68.7, 4.8, 2.1, 21.9, 56, 16.6, 7.1, 9.3, 18.9, 23.2, 6.4, 2.2)
CYCLES = Weights(2.64, 2.69, 186, 230, 12, 4.2, 95, 178, 61, 24.3, 38, 76, 147, 8.9, 7.9)  # flash cache off
CODE_BYTES = {
    "fixed": 621.0,
    "ltc": 49.0,
    "dot": 6.0,
    "state_word": 9.6,
    "skip": 101.0,
    "nibble": 6.3,
    "inner": 80.0,
    "gate": 14.0,
    "narrow": 42.0,
}
STACK_BYTES = {"fixed": 198.0, "output": 7.0, "step": 2.3, "gate": 48.0}


@dataclass(frozen=True)
class ModelShape:
    """The properties of a student that its cost depends on.

    Attributes:
        inputs: channels C of an encoded step. hidden: neurons n. cell: a name in ``CELLS``.
        substeps: Euler steps a step K. steps: T. skip: values S that bypass the cell into the head.
        outputs: of the head: one a knot, and the level where there is matrix. horizon: cycles ahead.
        cycle_inputs: numbers stored per finished cycle. window: cycles that a monitor stores.
        branches: heads B, of which one runs. rank: of the cell's matrix; 0: full. precision: bits of weights.
        nonzeros: parameters that are not zero after pruning; None: all. A dense engine multiplies zeros too, so
            only structured pruning, which makes the shape smaller, reduces the cost.

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
    cycle_inputs: int = 9
    window: int = 50
    branches: int = 1
    rank: int = 0
    precision: Precision = EIGHT
    nonzeros: int | None = None

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ModelError(f"cell {self.cell!r} has no integer form; known: {', '.join(sorted(CELLS))}")
        counted = ("inputs", "hidden", "substeps", "steps", "outputs", "horizon", "cycle_inputs", "window", "branches")
        for name in counted:
            if getattr(self, name) < 1:
                raise ModelError(f"{name} of a student is {getattr(self, name)}; it must be at least 1")
        for name in ("skip", "rank"):
            if getattr(self, name) < 0:
                raise ModelError(f"{name} of a student is {getattr(self, name)}; it must be at least 0")
        if self.nonzeros is not None and not 0 <= self.nonzeros <= self.parameters:
            raise ModelError(f"nonzeros is {self.nonzeros}; it must be between 0 and {self.parameters}")

    @property
    def rows(self) -> int:
        """Rows of the cell's weights."""
        return CELLS[self.cell].rows * self.hidden

    @property
    def pairs(self) -> int:
        """Pairs of rows in the cell: the engine works on two at a time."""
        return math.ceil(self.hidden / CELLS[self.cell].neurons)

    @property
    def parameters(self) -> int:
        """Trained numbers: weights, biases, leak rates and constants of the cell."""
        seen = self.inputs + self.hidden
        cell = self.rank * seen + self.rows * (self.rank + 1) if self.rank else self.rows * (seen + 1)
        rates = self.hidden * (1 + CELLS[self.cell].constants)
        gate = self.branches * (seen + 1) if self.branches > 1 else 0
        return cell + rates + gate + self.branches * self.outputs * (self.hidden + self.skip + 1)


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


def model_cost(shape: ModelShape, grid_g_per_kwh: float, clock_mhz: float = CLOCK_MHZ) -> Cost:
    """Cost of one forecast.

    Energy is volts x current per hertz x cycles, so it does not depend on the clock; CO2e is energy x grid
    intensity.

    Args:
        shape: of the student.
        grid_g_per_kwh: grams of CO2e a kWh (see ``grid_intensity``).
        clock_mhz: clock of the core.
    """
    cycles = forecast_cycles(shape)
    joules = VOLTS * AMPERES_PER_HERTZ * cycles
    return Cost(
        parameters=shape.parameters,
        nonzero_parameters=shape.parameters if shape.nonzeros is None else shape.nonzeros,
        bytes_float32=4 * shape.parameters,
        flash_bytes=round(flash_bytes(shape)),
        ram_bytes=round(ram_bytes(shape)),
        instructions=round(forecast_instructions(shape)),
        cycles=round(cycles),
        ms_modelled=cycles / (clock_mhz * 1e3),
        energy_uj=joules * 1e6,
        co2_ug=joules / JOULES_PER_KWH * grid_g_per_kwh * 1e6,
    )


def _words(values: int) -> int:
    return math.ceil(values / 2)


def _vectors(shape: ModelShape) -> tuple[int, int, int]:
    """Words of state, inputs and skip values: two int16 a word."""
    return _words(shape.hidden), _words(shape.inputs), _words(shape.skip)


@dataclass(frozen=True)
class Rows:
    """One matrix as the engine multiplies it.

    Attributes:
        pairs: of rows. vectors: words of each vector they are multiplied with. runs: a forecast. copies: stored.
    """

    bits: Bits
    pairs: int
    vectors: tuple[int, ...]
    runs: int
    copies: int = 1

    def products(self, block: tuple[int, ...]) -> int:
        """Sum of the blocks of one pair."""
        return sum(_dot(words, block) for words in self.vectors)

    @property
    def stored_words(self) -> int:
        """Words of weights in flash: for a word of the vector one a row of 8 bits, a quarter of 4 bits."""
        share = 1 if self.bits == 8 else 4
        return self.copies * self.pairs * 2 * sum(math.ceil(words / share) for words in self.vectors)


def matrices(shape: ModelShape) -> dict[Part, Rows]:
    """The matrices of a student."""
    state, inputs, skip = _vectors(shape)
    bits, substeps = shape.precision, shape.steps * shape.substeps
    seen = (_words(shape.rank),) if shape.rank else (state, inputs)
    parts: dict[Part, Rows] = {
        "step": Rows(bits.step, shape.pairs, seen, substeps),
        "head": Rows(bits.head, _words(shape.outputs), (state, skip), 1, shape.branches),
    }
    if shape.rank:
        parts["inner"] = Rows(bits.inner, _words(shape.rank), (state, inputs), substeps)
    if shape.branches > 1:
        parts["gate"] = Rows(bits.gate, _words(shape.branches), (state, inputs), 1)
    return parts


def _dot(words: int, block: tuple[int, ...]) -> int:
    return words // BLOCK_WORDS * block[BLOCK_WORDS] + block[words % BLOCK_WORDS]


def parts(
    shape: ModelShape,
    block: tuple[int, ...] = BLOCK_INSTRUCTIONS,
    nibble: tuple[int, ...] = NIBBLE_INSTRUCTIONS,
) -> Weights:
    """How often each part of the engine runs in a forecast; ``dot``, ``nibble``: the sum of all blocks of products."""
    state, inputs, _ = _vectors(shape)
    substeps, all_rows = shape.steps * shape.substeps, matrices(shape)
    rows = substeps * shape.pairs
    narrow = [matrix for matrix in all_rows.values() if matrix.bits == 4]
    wide = [matrix for matrix in all_rows.values() if matrix.bits == 8]
    return Weights(
        dot=sum(matrix.runs * matrix.pairs * matrix.products(block) for matrix in wide),
        nibble=sum(matrix.runs * matrix.pairs * matrix.products(nibble) for matrix in narrow),
        liquid=rows if shape.cell == "liquid" else 0,
        ltc=rows if shape.cell == "ltc" else 0,
        state_word=substeps * state,
        input_word=shape.steps * inputs,
        step=substeps,
        output=shape.outputs,
        skip=shape.skip,
        point=shape.horizon,
        start=state + 1,
        inner=substeps * _words(shape.rank),
        gate=_words(shape.branches) if shape.branches > 1 else 0,
        nibble_offset=sum(matrix.runs * matrix.pairs for matrix in narrow),
        nibble_offset_word=sum(matrix.runs * sum(matrix.vectors) for matrix in narrow),
    )


def cycle_parts(shape: ModelShape) -> Weights:
    """``parts`` with the blocks of products in cycles."""
    return parts(shape, BLOCK_CYCLES, NIBBLE_CYCLES)


def _weighed(counts: Weights, weights: Weights) -> float:
    unit_costs = asdict(weights)
    return float(sum(count * unit_costs[name] for name, count in asdict(counts).items()))


def forecast_instructions(shape: ModelShape) -> float:
    """Instructions from the encoded window to the forecast of every cycle of the horizon."""
    return _weighed(parts(shape), INSTRUCTIONS)


def forecast_cycles(shape: ModelShape) -> float:
    """Cycles of the same, with code in flash and the flash cache off."""
    return _weighed(cycle_parts(shape), CYCLES)


def stored_bytes(shape: ModelShape) -> int:
    """Constants of engine and model: rows as the engine reads them, tables, knots, skip inputs."""
    work = CELLS[shape.cell]
    constants = 4 + 1  # words of a pair: biases, multipliers, shifts
    words = sum(matrix.stored_words + matrix.copies * matrix.pairs * constants for matrix in matrices(shape).values())
    words += shape.pairs * 2 * work.constants
    return 4 * words + TABLE_BYTES * (work.rows + 1) + 6 * shape.outputs + shape.skip


def flash_bytes(shape: ModelShape) -> float:
    """Code and constants of engine and model. The front end, a sketch's core and libraries are not counted."""
    counts = code_parts(shape)
    return stored_bytes(shape) + sum(CODE_BYTES[name] * count for name, count in counts.items())


def code_parts(shape: ModelShape) -> dict[str, float]:
    """The terms of the code size; products are unrolled."""
    state, all_rows = _words(shape.hidden), matrices(shape)
    narrow = [matrix for matrix in all_rows.values() if matrix.bits == 4]
    return {
        "fixed": 1,
        "ltc": float(shape.cell == "ltc"),
        "dot": sum(matrix.products(BLOCK_INSTRUCTIONS) for matrix in all_rows.values() if matrix.bits == 8),
        "state_word": state,
        "skip": float(shape.skip > 0),
        "nibble": sum(matrix.products(NIBBLE_INSTRUCTIONS) for matrix in narrow),
        "inner": float(shape.rank > 0),
        "gate": float(shape.branches > 1),
        "narrow": len(narrow),
    }


def ram_bytes(shape: ModelShape) -> float:
    """One monitor (the codes of its cycles) and the deepest stack: both vectors, the state, the head's logits."""
    monitor = 8 + 4 * shape.cycle_inputs * _words(shape.window + FILTER_CYCLES)
    return monitor + stack_buffers(shape) + sum(STACK_BYTES[name] * n for name, n in stack_parts(shape).items())


def stack_parts(shape: ModelShape) -> dict[str, float]:
    """The terms of the rest of the stack: logits and levels, health of each step, the call of the gate."""
    return {"fixed": 1, "output": shape.outputs, "step": shape.steps, "gate": float(shape.branches > 1)}


def stack_buffers(shape: ModelShape) -> int:
    """Arrays of the engine on the stack."""
    state, inputs, skip = _vectors(shape)
    return 4 * (2 * state + inputs + max(skip, 1) + _words(shape.rank))
