"""A trained network with everything needed to use it: encoder, shape, weights; one or several averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Singles, WindowDataset
from dlnet.errors import ModelError
from dlnet.files import read_json, read_tensors, write_json, write_tensors
from dlnet.models.architectures import Config, config_from_json, count_parameters, initial, predict, stack_size
from dlnet.models.head import Parameters
from dlnet.models.network import NetConfig


@dataclass(frozen=True)
class TrainedModel:
    """A network, or the average of several of one shape.

    Attributes:
        name: unique in its folder. encoder: from cycles to channels. config: shape.
        parameters: stacked, first axis the members that are averaged.
        metrics: errors on validation windows. lineage: how it came to be.
    """

    name: str
    encoder: Encoder
    config: Config
    parameters: Parameters
    metrics: dict[str, Any] = field(default_factory=dict)
    lineage: dict[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Parameters, of all members."""
        return count_parameters(self.parameters) * stack_size(self.parameters)

    @property
    def liquid(self) -> NetConfig:
        """Its configuration, where only a liquid network will do.

        Raises:
            ModelError: it is a network of another kind.
        """
        if isinstance(self.config, NetConfig):
            return self.config
        raise ModelError(f"{self.name}: a {self.config.cell} network; only a liquid one has an integer form")

    def predict(self, z: Singles, anchor: Singles) -> Singles:
        """Forecast encoded windows: z (N, T, C), anchor (N, 1) SoH -> (N, horizon) SoH."""
        # Copied to torch's alignment, as the weights are: else the last bits depend on where NumPy put the windows.
        change = predict(self.parameters, torch.tensor(z), self.config).mean(0).numpy()
        return np.asarray(change * np.float32(self.encoder.delta_scale) + anchor, np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """Forecast windows of a dataset: (N,) ends -> (N, horizon) SoH."""
        return self.predict(self.encoder.encode(dataset, ends), self.encoder.anchor(dataset, ends))

    def save(self, folder: Path) -> None:
        """Write ``NAME.safetensors`` and ``NAME.json`` into ``folder``."""
        arrays = {name: value.detach().numpy() for name, value in self.parameters.items()}
        write_tensors(folder / f"{self.name}.safetensors", arrays)
        content = {
            "name": self.name,
            "config": self.config.to_json(),
            "encoder": self.encoder.to_json(),
            "parameters": self.count,
            "metrics": self.metrics,
            "lineage": self.lineage,
        }
        write_json(folder / f"{self.name}.json", content)


def load_network(path: Path) -> TrainedModel:
    """Read a network from its ``NAME.json``; the weights stand beside it.

    Raises:
        ModelError: a file is damaged, or weights and configuration do not fit together.
    """
    content = read_json(path)
    arrays = read_tensors(path.with_suffix(".safetensors"))
    try:
        config = config_from_json(content["config"])
        encoder = Encoder.from_json(content["encoder"])
        name, metrics, lineage = content["name"], content["metrics"], content["lineage"]
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a model of this version of dlnet ({error}); retrain") from error
    # Copied to torch's alignment: MKL promises the same bits only for arrays aligned alike.
    parameters = {key: torch.tensor(value) for key, value in arrays.items()}
    for key, value in initial(config, [0]).items():
        if key not in parameters or parameters[key].shape[1:] != value.shape[1:]:
            raise ModelError(f"{path.with_suffix('.safetensors')}: {key} does not fit {path.name}; retrain")
        if not torch.isfinite(parameters[key]).all():
            raise ModelError(f"{path.with_suffix('.safetensors')}: {key} holds NaN or infinity; retrain")
    return TrainedModel(name, encoder, config, parameters, metrics, lineage)
