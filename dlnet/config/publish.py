"""Section ``publish``: the conditions for a release candidate, and the device budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dlnet.config.base import Count, Positive, Section


class BudgetParams(Section):
    """Limits for one model on the device: bytes of flash and RAM, instructions and modelled ms per forecast."""

    flash_bytes: Count
    ram_bytes: Count
    instructions: Count
    ms_modelled: Positive


class PublishParams(Section):
    """Limits that a model must meet to become a candidate: errors on validation windows, and cost on the device."""

    int8_bound: Annotated[float, Field(ge=1)]
    budget: BudgetParams
