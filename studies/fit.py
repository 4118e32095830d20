"""``make fit``: the cost model of dlnet/cost/device.py against the compiled engine, and its constants fitted again.

Least squares of relative errors over random models of many shapes, compiled and counted in the emulator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dlnet.cost import device as cost
from dlnet.cost.device import ModelShape, Weights
from dlnet.firmware.arm import build
from dlnet.firmware.cost_error import cost_error, measured_costs, shape_of
from dlnet.firmware.measure import Figures, measure
from dlnet.firmware.random_model import random_model
from dlnet.models.precision import Precision

MOST = 0.10  # largest relative error of the cost model
CHARGE = {"with_target": False, "features": 11, "relative": 8, "quantiles": 0}
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
    *({"branches": branches} for branches in (2, 3, 4)),
    {"branches": 2, "hidden": 24, **CHARGE},
    *({"rank": rank} for rank in (3, 6, 10)),
    {"rank": 8, "hidden": 20, **CHARGE},
    *({"hidden": hidden, "precision": Precision.of(4)} for hidden in (4, 8, 13, 20, 32)),
    {"precision": Precision.of(4), **CHARGE},
    {"precision": Precision(head=4)},
    {"precision": Precision(step=4)},
    {"precision": Precision.of(4), "branches": 3, "rank": 6},
)
EXTRA = ("nibble", "inner", "gate", "nibble_offset", "nibble_offset_word")
EXTRA_CODE = ("nibble", "inner", "gate", "narrow")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One shape and its measured costs."""

    name: str
    shape: ModelShape
    figures: Figures


def cases() -> list[Case]:
    """Compile and measure every shape, with both cells."""
    out = []
    for change in tqdm([{"cell": cell, **change} for cell in cost.CELLS for change in CHANGES], desc="shapes"):
        model = random_model(**change)
        description = ", ".join(f"{key} {value}" for key, value in change.items() if key != "cell")
        out.append(Case(f"{change['cell']} {description}", shape_of(model), measure(model, build(model))))
    return out


def fitted(all_cases: list[Case]) -> dict[str, Any]:
    """Constants of the cost model by least squares; the products' instructions are known and stay 1.

    Constants of every engine are fitted on plain models, then those of branches, low rank and 4 bits on the others.
    """
    known = {"dot": 1.0, "nibble": 1.0}
    instructions = _fit_weights(all_cases, cost.parts, lambda f: f.engine.instructions, known)
    cycles = _fit_weights(all_cases, cost.cycle_parts, lambda f: f.engine.cycles.cache_off, {})
    stack = [case.figures.stack - cost.stack_buffers(case.shape) for case in all_cases]
    stacks = [cost.stack_parts(case.shape) for case in all_cases]
    return {
        "INSTRUCTIONS": instructions,
        "CYCLES": cycles,
        "CODE_BYTES": _code(all_cases),
        "STACK_BYTES": _solve(stacks, np.array(stack, np.float64), np.ones(len(stack))),
    }


def _plain(case: Case) -> bool:
    return case.shape.rank == 0 and case.shape.branches == 1 and case.shape.precision == Precision()


def _fit_weights(
    all_cases: list[Case],
    counted: Callable[[ModelShape], Weights],
    figure: Callable[[Figures], int],
    known: dict[str, float],
) -> dict[str, float]:
    def rows(selected: list[Case]) -> tuple[list[dict[str, float]], Floats]:
        total = np.array([figure(case.figures) for case in selected], np.float64)
        return [asdict(counted(case.shape)) for case in selected], total

    counts, total = rows([case for case in all_cases if _plain(case)])
    base = _fit_unknown(counts, total, total, known | dict.fromkeys(EXTRA, 0.0))
    counts, total = rows([case for case in all_cases if not _plain(case)])
    fixed = {name: value for name, value in base.items() if name not in EXTRA} | known
    weights = _fit_unknown(counts, total, total, fixed)
    return {field.name: weights[field.name] for field in fields(Weights)}


def _code(all_cases: list[Case]) -> dict[str, float]:
    def rows(selected: list[Case]) -> tuple[list[dict[str, float]], Floats]:
        code = [case.figures.flash_engine - cost.stored_bytes(case.shape) for case in selected]
        return [cost.code_parts(case.shape) for case in selected], np.array(code, np.float64)

    counts, code = rows([case for case in all_cases if _plain(case)])
    base = _fit_unknown(counts, code, np.ones(len(code)), dict.fromkeys(EXTRA_CODE, 0.0))
    counts, code = rows([case for case in all_cases if not _plain(case)])
    return _fit_unknown(
        counts,
        code,
        np.ones(len(code)),
        {name: value for name, value in base.items() if name not in EXTRA_CODE},
    )


def _fit_unknown(
    counts: list[dict[str, float]], total: Floats, scale: Floats, known: dict[str, float]
) -> dict[str, float]:
    """``known`` constants, and the others fitted to the remainder."""
    remainder = total - sum(weight * np.array([row[name] for row in counts]) for name, weight in known.items())
    unknown = [{name: value for name, value in row.items() if name not in known} for row in counts]
    return {**known, **_solve(unknown, remainder, scale)}


def _solve(counts: list[dict[str, float]], target: Floats, scale: Floats) -> dict[str, float]:
    matrix = np.array([list(row.values()) for row in counts], np.float64)
    solution = np.linalg.lstsq(matrix / scale[:, None], target / scale, rcond=None)[0]
    return dict(zip(counts[0], (round(float(value), 2) for value in solution), strict=True))


def main() -> None:
    """Print each shape's error, the largest errors, and the constants of best fit."""
    all_cases = cases()
    relative = [cost_error(case.shape, case.figures) for case in all_cases]
    for case, row in zip(all_cases, relative, strict=True):
        measured = measured_costs(case.figures)
        print(f"{case.name:70}", "  ".join(f"{key} {measured[key]:,} ({100 * row[key]:+.1f} %)" for key in row))
    worst = {name: max(abs(row[name]) for row in relative) for name in relative[0]}
    print("largest error:", ", ".join(f"{name} {100 * value:.1f} %" for name, value in worst.items()))
    for name, constants in fitted(all_cases).items():
        print(f"{name} = {constants}")
    if max(worst.values()) > MOST:
        sys.exit(f"error: the cost model is wrong by more than {MOST:.0%}; use the constants above")


if __name__ == "__main__":
    main()
