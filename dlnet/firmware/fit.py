"""``make fit``: the cost model of dlnet/select/cost.py against the compiled engine, and its constants fitted anew.

Least squares of relative errors over made models of many shapes, compiled and counted in the emulator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dlnet.firmware.arm import build
from dlnet.firmware.made import made_model
from dlnet.firmware.measure import Figures, measure
from dlnet.firmware.model import DeviceModel
from dlnet.select import cost
from dlnet.select.cost import StudentShape, Weights

MOST = 0.10  # that the cost model may be off
CHARGE = {"capacity": False, "features": 11, "relative": 8, "quantiles": 0}
CHANGES: tuple[dict[str, Any], ...] = (
    *({"hidden": hidden} for hidden in (2, 4, 6, 8, 11, 13, 16, 20, 24, 32, 48)),
    *({"hidden": hidden, **CHARGE} for hidden in (8, 13, 20)),
    {"steps": 20},
    {"substeps": 4},
    {"knots": tuple(range(10, 110, 10))},
    {"knots": (25, 50, 100, 200, 300)},
    {"features": 4, "relative": 0},
    {"features": 3, "relative": 0, "quantiles": 0},
    {"features": 10, "relative": 7},
    {"skip": "none"},
    {"steps": 25, "knots": tuple(range(5, 55, 5))},
)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One shape, and what it was found to take."""

    name: str
    shape: StudentShape
    figures: Figures


def shape_of(model: DeviceModel) -> StudentShape:
    """What the cost model sees of a model."""
    spec, codec = model.spec, model.codec
    return StudentShape(
        inputs=spec.channels,
        hidden=spec.hidden,
        cell=spec.cell,
        substeps=spec.substeps,
        steps=spec.steps,
        skip=len(spec.skip),
        outputs=len(spec.head.bias),
        horizon=spec.horizon,
        cycle_inputs=codec.inputs,
        window=codec.window,
    )


def foretold(shape: StudentShape) -> dict[str, float]:
    """The cost model's figures, by the names of ``found``."""
    return {
        "instructions": cost.forecast_instructions(shape),
        "cycles": cost.forecast_cycles(shape),
        "flash_bytes": cost.flash_bytes(shape),
        "ram_bytes": cost.ram_bytes(shape),
    }


def found(figures: Figures) -> dict[str, float]:
    """The same as it was counted; RAM is a monitor and the deepest stack."""
    return {
        "instructions": figures.engine.instructions,
        "cycles": figures.engine.cycles.cache_off,
        "flash_bytes": figures.flash_engine,
        "ram_bytes": figures.ram + figures.stack,
    }


def errors(shape: StudentShape, figures: Figures) -> dict[str, float]:
    """Relative error of each figure of the cost model, signed."""
    counted = found(figures)
    return {name: value / counted[name] - 1 for name, value in foretold(shape).items()}


def cases() -> list[Case]:
    """Compile and count every shape, with both cells."""
    out = []
    for change in tqdm([{"cell": cell, **change} for cell in cost.CELLS for change in CHANGES], desc="shapes"):
        model = made_model(**change)
        words = ", ".join(f"{key} {value}" for key, value in change.items() if key != "cell")
        out.append(Case(f"{change['cell']} {words}", shape_of(model), measure(model, build(model))))
    return out


def fitted(all_cases: list[Case]) -> dict[str, Any]:
    """Constants of the cost model by least squares; ``dot`` of the instructions is known and stays 1."""
    instructions = _weights(all_cases, cost.BLOCK_INSTRUCTIONS, lambda f: f.engine.instructions, {"dot": 1.0})
    cycles = _weights(all_cases, cost.BLOCK_CYCLES, lambda f: f.engine.cycles.cache_off, {})
    counts = [cost.code_parts(case.shape) for case in all_cases]
    code = [case.figures.flash_engine - cost.stored_bytes(case.shape) for case in all_cases]
    stack = [case.figures.stack - cost.stack_buffers(case.shape) for case in all_cases]
    stacks = [cost.stack_parts(case.shape) for case in all_cases]
    return {
        "INSTRUCTIONS": instructions,
        "CYCLES": cycles,
        "CODE_BYTES": _solve(counts, np.array(code, np.float64), np.ones(len(code))),
        "STACK_BYTES": _solve(stacks, np.array(stack, np.float64), np.ones(len(stack))),
    }


def _weights(
    all_cases: list[Case], block: tuple[int, ...], figure: Callable[[Figures], int], known: dict[str, float]
) -> dict[str, float]:
    counts = [asdict(cost.parts(case.shape, block)) for case in all_cases]
    total = np.array([figure(case.figures) for case in all_cases], np.float64)
    rest = total - sum(weight * np.array([row[name] for row in counts]) for name, weight in known.items())
    names = [field.name for field in fields(Weights) if field.name not in known]
    return {**known, **_solve([{name: row[name] for name in names} for row in counts], rest, total)}


def _solve(counts: list[dict[str, float]], target: Floats, scale: Floats) -> dict[str, float]:
    matrix = np.array([list(row.values()) for row in counts], np.float64)
    solution = np.linalg.lstsq(matrix / scale[:, None], target / scale, rcond=None)[0]
    return dict(zip(counts[0], (round(float(value), 2) for value in solution), strict=True))


def main() -> None:
    """Print each shape's error, the largest, and the constants that fit best."""
    all_cases = cases()
    off = [errors(case.shape, case.figures) for case in all_cases]
    for case, row in zip(all_cases, off, strict=True):
        counted = found(case.figures)
        print(f"{case.name:70}", "  ".join(f"{key} {counted[key]:,} ({100 * row[key]:+.1f} %)" for key in row))
    worst = {name: max(abs(row[name]) for row in off) for name in off[0]}
    print("largest error:", ", ".join(f"{name} {100 * value:.1f} %" for name, value in worst.items()))
    for name, constants in fitted(all_cases).items():
        print(f"{name} = {constants}")
    if max(worst.values()) > MOST:
        sys.exit(f"error: the cost model is off by more than {MOST:.0%}; take the constants above")


if __name__ == "__main__":
    main()
