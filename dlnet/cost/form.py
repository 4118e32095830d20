"""Cost of a form on an Arm Cortex-M4, alone or beside a network. All figures are modelled, as those of ``device``.

The constants are fitted to compiled forms of 3 to 8 knots, 7 to 19 inputs, and forests of 5 to 40 trees, within 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dlnet.cost.device import CLOCK_MHZ, CYCLES, FILTER_CYCLES, INSTRUCTIONS, ModelShape
from dlnet.cost.device import flash_bytes as network_flash
from dlnet.cost.device import forecast_cycles as network_cycles
from dlnet.cost.device import forecast_instructions as network_instructions
from dlnet.cost.device import ram_bytes as network_ram


@dataclass(frozen=True)
class FormShape:
    """The properties of a form that its cost depends on.

    Attributes:
        inputs: P. outputs: one a knot; one more where they are levels. knots: of the forecast.
        quadratic: whether products of inputs are terms. trees: of an output; 0: a polynomial.
        horizon: rows ahead. cycle_inputs: numbers stored a row. window: rows stored.
        life_bytes: what is kept of an asset's life before its window.
    """

    inputs: int
    outputs: int
    knots: int
    quadratic: bool
    trees: int
    horizon: int
    cycle_inputs: int
    window: int
    life_bytes: int

    @property
    def pairs(self) -> int:
        """Pairs of outputs: a polynomial computes two at a time."""
        return math.ceil(self.outputs / 2)

    @property
    def products(self) -> int:
        """Terms that are products."""
        return self.inputs * (self.inputs + 1) // 2 if self.quadratic else 0

    @property
    def stored_bytes(self) -> int:
        """Coefficients or trees, and constants and shifts of the outputs."""
        own = 5 * self.outputs
        if self.trees:
            return own + 44 * self.trees * self.outputs
        return own + 4 * self.pairs * (self.inputs + self.products)


@dataclass(frozen=True)
class FormWork:
    """Instructions or cycles of one run of each part.

    Attributes:
        alone: of the call, of a form without a network, less than ``fixed``. output: scale, clip, blend.
        linear, row, product: of two outputs a term, an input's row of products, a product. tree: of three levels.
        tree_output: an output of a forest.
    """

    fixed: float
    alone: float
    output: float
    linear: float
    row: float
    product: float
    tree: float
    tree_output: float

    def of(self, shape: FormShape, network: bool) -> float:
        """All of a form."""
        if shape.trees:
            return shape.outputs * (self.tree_output + shape.trees * self.tree)
        terms = shape.inputs * self.linear + shape.products * self.product
        rows = shape.inputs * self.row if shape.quadratic else 0.0
        return self.fixed + self.alone * (not network) + shape.outputs * self.output + shape.pairs * (terms + rows)


# Fitted: GCC 12.2 with the board's flags. A trained tree of 8 leaves takes 36 instructions on its longer paths.
FORM_INSTRUCTIONS = FormWork(6.8, -33.1, 56.8, 11.4, 9.8, 10.9, 36.0, 72.8)
FORM_CYCLES = FormWork(53.0, -257.0, 174.0, 35.2, 28.4, 34.7, 119.0, 203.0)  # flash cache off
CODE = {"polynomial": 366.0, "quadratic": 93.0, "forest": 386.0}
KNOT_BYTES = 6  # a knot and its inverse gap, which a network counts as its own
STACK = {"fixed": 227.0, "beside": 38.0}  # of a form alone; beside a network's


def form_costs(shape: FormShape, network: ModelShape | None, clock_mhz: float = CLOCK_MHZ) -> dict[str, float]:
    """``instructions``, ``cycles``, ``ms_modelled``, ``flash_bytes`` and ``ram_bytes`` of a forecast.

    Args:
        network: that it is blended with; None: the form alone.
    """
    points = shape.horizon
    beside = network is not None
    instructions = FORM_INSTRUCTIONS.of(shape, beside)
    instructions += network_instructions(network) if network is not None else points * INSTRUCTIONS.point
    cycles = FORM_CYCLES.of(shape, beside)
    cycles += network_cycles(network) if network is not None else points * CYCLES.point
    return {
        "instructions": instructions,
        "cycles": cycles,
        "ms_modelled": cycles / (clock_mhz * 1e3),
        "flash_bytes": _flash(shape, network),
        "ram_bytes": _ram(shape, network),
    }


def _flash(shape: FormShape, network: ModelShape | None) -> float:
    code = CODE["forest"] if shape.trees else CODE["polynomial"] + CODE["quadratic"] * shape.quadratic
    own = code + shape.stored_bytes
    return own + (network_flash(network) if network is not None else KNOT_BYTES * shape.knots)


def _ram(shape: FormShape, network: ModelShape | None) -> float:
    own = shape.life_bytes + 2 * shape.inputs
    if network is not None:
        return network_ram(network) + own + (0.0 if shape.trees else STACK["beside"])
    monitor = 8 + 4 * shape.cycle_inputs * math.ceil((shape.window + FILTER_CYCLES) / 2)
    return monitor + own + STACK["fixed"] + (0 if shape.trees else 16 * shape.pairs)
