"""What the candidate is chosen from: the forms that can ship, and the models that they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dlnet.documents import Document
from dlnet.export.documents import Kind

NAMES: Mapping[Kind, str] = {
    "network": "int8 student",
    "linear": "linear form",
    "forest": "forest",
    "blend": "blend",
}


def title(kind: Kind, name: str) -> str:
    """Kind and name of a model; the kind alone where that is its name."""
    return NAMES[kind] if name == kind else f"{NAMES[kind]} {name}"


Origin = Literal["compiled and emulated", "cost model"]
"""Where costs come from."""

COMPILED: Origin = "compiled and emulated"
MODELLED: Origin = "cost model"

Error = Annotated[float, Field(ge=0)]


class Costs(Document):
    """A model on the device: bytes of flash and RAM (with stack), instructions and modelled ms a forecast."""

    flash_bytes: float
    ram_bytes: float
    instructions: float
    ms_modelled: float


class Competitor(Document):
    """A model that can ship; errors are of validation windows, in the unit of the target.

    Attributes:
        mae_validation: mean over windows, of the integer form. mae_float: the same of its own float model.
        assets: validation asset -> MAE of the integer form.
        origin: of ``costs``. equal: by whom its golden windows were found equal to the reference.
        differs: what was not equal to the reference; None: nothing.
    """

    name: str
    kind: Kind
    mae_validation: Error
    mae_float: Error
    assets: dict[str, Error]
    costs: Costs
    origin: Origin
    equal: tuple[str, ...] = ()
    differs: str | None = None

    @property
    def proven(self) -> bool:
        """Whether its compiled code was compared with the reference, and is equal."""
        return self.origin == COMPILED and self.differs is None

    @property
    def title(self) -> str:
        """Its kind and its name."""
        return title(self.kind, self.name)


@dataclass(frozen=True)
class Rival:
    """A model that cannot ship as it is: ``mae`` over validation windows, ``assets``: asset -> MAE."""

    mae: float
    assets: Mapping[str, float]
