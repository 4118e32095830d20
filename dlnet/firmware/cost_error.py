"""How far the cost model is off: what it gives for a model, and what the compiled program was counted to take."""

from __future__ import annotations

from dlnet.cost import device as cost
from dlnet.cost.device import ModelShape
from dlnet.export.costs import model_costs, network_shape
from dlnet.export.edge import DeviceModel
from dlnet.firmware.measure import Figures


def shape_of(model: DeviceModel) -> ModelShape:
    """What the cost model sees of a model's network."""
    return network_shape(model.spec, model.codec.inputs, model.codec.window)


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
    """Relative error of each figure of the cost model, signed, of a network alone."""
    return _relative(modelled_costs(shape), figures)


def model_cost_error(model: DeviceModel, figures: Figures) -> dict[str, float]:
    """The same of any model."""
    if model.form_inputs is None:
        return cost_error(shape_of(model), figures)
    return _relative(model_costs(model.spec, model.form_inputs, model.codec.inputs, model.codec.window), figures)


def _relative(modelled: dict[str, float], figures: Figures) -> dict[str, float]:
    return {name: modelled[name] / measured - 1 for name, measured in measured_costs(figures).items()}
