"""Section ``publish``: the gate and the budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Positive, Section


class BudgetParams(Section):
    """What one model may take on the device: bytes of flash and RAM, instructions and modelled ms a forecast."""

    flash_bytes: Count
    ram_bytes: Count
    instructions: Count
    ms_modelled: Positive


class PublishParams(Section):
    """What a model must hold on validation windows, and may take on the device, to become a candidate."""

    int8_bound: Annotated[float, Field(ge=1)]
    boosting_slack: Annotated[float, Field(ge=1)]
    boosting_bytes_ratio: Annotated[float, Field(gt=0, le=1)]
    budget: BudgetParams
