"""Section ``quantise``: export of int8 models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlnet.config.base import Section


class QuantiseParams(Section):
    """Bits of the exported weights, and the limits for the error of an exported model."""

    engine_bound: Annotated[float, Field(gt=1)]  # engines round differently: 1 would refuse sound models
    bits: Literal[4, 8, "auto"]
    bits_slack: Annotated[float, Field(ge=1)]
