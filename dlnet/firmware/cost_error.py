"""How far the cost model is off: what it gives for a model, and what the compiled program was counted to take."""

from __future__ import annotations

from dlnet.cost import device as cost
from dlnet.cost.device import ModelShape
from dlnet.export.edge import DeviceModel
from dlnet.firmware.measure import Figures


def shape_of(model: DeviceModel) -> ModelShape:
    """What the cost model sees of a model."""
    spec, codec = model.spec, model.codec
    return ModelShape(
        inputs=spec.channels,
        hidden=spec.hidden,
        cell=spec.cell,
        substeps=spec.substeps,
        steps=spec.steps,
        skip=len(spec.skip),
        outputs=spec.outputs,
        horizon=spec.horizon,
        cycle_inputs=codec.inputs,
        window=codec.window,
        branches=spec.branches,
        rank=spec.rank,
        precision=spec.precision,
    )


def modelled_costs(shape: ModelShape) -> dict[str, float]:
    """The cost model's figures, by the names of ``measured_costs``."""
    return {
        "instructions": cost.forecast_instructions(shape),
        "cycles": cost.forecast_cycles(shape),
        "flash_bytes": cost.flash_bytes(shape),
        "ram_bytes": cost.ram_bytes(shape),
    }


def measured_costs(figures: Figures) -> dict[str, float]:
    """The same as it was counted; RAM is a monitor and the deepest stack."""
    return {
        "instructions": figures.engine.instructions,
        "cycles": figures.engine.cycles.cache_off,
        "flash_bytes": figures.flash_engine,
        "ram_bytes": figures.ram + figures.stack,
    }


def cost_error(shape: ModelShape, figures: Figures) -> dict[str, float]:
    """Relative error of each figure of the cost model, signed."""
    measured = measured_costs(figures)
    return {name: value / measured[name] - 1 for name, value in modelled_costs(shape).items()}
