"""JSON files of an integer model: its measurements, and its version in the registry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dlnet.documents import Document
from dlnet.models.precision import Part

Kind = Literal["network", "linear", "forest", "blend"]
"""What a model of models/edge consists of."""


class EdgeMetrics(Document):
    """metrics.json of models/edge/NAME; errors are MAE of the target on validation windows.

    Attributes:
        kind: what the model consists of. modelled: what it takes on the device by the cost model (flash_bytes,
            ram_bytes, instructions, ms_modelled); None: as in the table of students.
        mae_int8_validation: of the .tflite files in LiteRT; of the reference where there are none.
        mae_engines_validation: engine -> MAE.
        largest_difference: engine -> part -> distance from the integer reference, in units of the spec.
        bits: matrix -> bits of its weights.
        sensitivity: matrix -> MAE with it alone in 4 bits, divided by that with all in 8.
        stored_bytes: part of the spec -> bytes.
    """

    name: str
    kind: Kind = "network"
    modelled: dict[str, float] | None = None
    parameters: int
    mae_float_validation: float
    mae_int8_validation: float
    mae_engines_validation: dict[str, float]
    largest_difference: dict[str, dict[str, int]]
    bits: dict[str, int]
    sensitivity: dict[Part, float] | None = None
    stored_bytes: dict[str, int]
    spec_bytes: int
    tflite_bytes: int


class VersionRecord(Document):
    """version.json of a folder from the registry: the registered version, and the project's own tags."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    number: Annotated[int, Field(ge=1, le=999_999_999)]
    tags: dict[str, str]
