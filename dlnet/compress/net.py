"""A network between two trainings: input and result of the methods of compression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dlnet.data.encode import Encoder
from dlnet.errors import ModelError
from dlnet.models.head import Parameters
from dlnet.models.network import NetConfig
from dlnet.models.trained import TrainedModel

Probe = Callable[[Encoder], tuple[Tensor, Tensor]]
"""Training windows as an encoder shows them: z (N, T, C) and target change (N, horizon), units of ``delta_scale``."""


@dataclass(frozen=True)
class Net:
    """One network.

    Attributes:
        config: its shape. encoder: of its inputs.
        parameters: no stack axis; missing ones are initialised at random.
        mask: 1 where a weight may be non-zero, by parameter name.
    """

    config: NetConfig
    parameters: Parameters
    encoder: Encoder
    mask: Parameters | None = None


def net_of(student: TrainedModel) -> Net:
    """A trained student of one member."""
    return Net(student.liquid, {name: value[0] for name, value in student.parameters.items()}, student.encoder)


def check_sparsity(sparsity: float) -> None:
    """Raise ``ModelError`` unless ``0 <= sparsity < 1``."""
    if not 0 <= sparsity < 1:
        raise ModelError(f"sparsity is {sparsity:g}; it must be at least 0 and below 1")
