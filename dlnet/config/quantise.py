"""Section ``quantise``: export of int8 models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlnet.config.base import Section


class BlendParams(Section):
    """A form beside each network: which one, and the share of the network; ``auto``: chosen on validation windows."""

    form: Literal["none", "linear", "quadratic"] = "quadratic"
    weight: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"


class QuantiseParams(Section):
    """Bits of the exported weights, the limits for the error of an exported model, and the form beside it."""

    engine_bound: Annotated[float, Field(gt=1)]  # engines round differently: 1 would refuse sound models
    bits: Literal[4, 8, "auto"]
    bits_slack: Annotated[float, Field(ge=1)]
    blend: BlendParams = BlendParams()
