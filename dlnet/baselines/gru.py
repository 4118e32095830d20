"""A gated recurrent unit with the nets' inputs, head and training: the comparison for the liquid cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlnet.config.baselines import GruParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Singles, WindowDataset
from dlnet.models.gru import GruConfig, parameter_count
from dlnet.models.shapes import gru_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained, as_model
from dlnet.train.plan import plan_of
from dlnet.train.pool import Stack, run_stacks


@dataclass(frozen=True)
class Gru:
    """A trained GRU.

    Attributes:
        model: the network. trained: its training.
    """

    model: TrainedModel
    trained: Trained

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.model.encoder.track == "with_target"

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return self.model.count

    @property
    def bytes(self) -> int:
        """Four a parameter."""
        return 4 * self.parameters

    @property
    def chosen(self) -> dict[str, Any]:
        """Neurons, and the step with the least validation error."""
        return {"hidden": self.model.config.hidden, **self.model.metrics}

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        return self.model.forecast(dataset, ends)


def widest(encoder: Encoder, parameters: int) -> GruConfig:
    """The GRU with the most neurons (at least one) that has at most ``parameters`` parameters."""
    hidden = 1
    while parameter_count(gru_config(encoder, hidden + 1)) <= parameters:
        hidden += 1
    return gru_config(encoder, hidden)


def fit_gru(name: str, params: GruParams, encoder: Encoder, data: TrainingData, noise: float, seed: int) -> Gru:
    """Train the widest GRU within the limit as the networks are trained, on labels.

    Args:
        params: size and training. data: that of ``encoder``. noise: of its features, see ``TrainPlan``.
        seed: of weights, batches and noise.
    """
    stack = Stack(widest(encoder, params.parameters), (Job(name, seed),))
    (trained,) = run_stacks([stack], [data], plan_of(params.training, noise), name)
    return Gru(as_model(trained, encoder, data), trained)
