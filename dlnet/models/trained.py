"""A trained network with everything needed to use it: encoder, shape, weights; one or several averaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import field_validator

from dlnet.data.encode import Encoder
from dlnet.data.encoder_check import check_encoder
from dlnet.data.windows import Ends, Histories, Singles, WindowDataset
from dlnet.errors import ModelError
from dlnet.files import read_tensors, write_tensors
from dlnet.models.architectures import Config, config_from_json, count_parameters, initial, mean_prediction, stack_size
from dlnet.models.document import FILE, Facts, ForecastErrors, ModelDocument, read_document
from dlnet.models.head import Parameters
from dlnet.models.network import NetConfig

WEIGHTS = "model.safetensors"
LARGEST_SIZE = 1024  # hidden units, or rank, of a network that is read


@dataclass(frozen=True)
class TrainedModel:
    """A network, or the average of several of one shape.

    Attributes:
        name: unique in its folder. encoder: from rows to channels. config: shape.
        parameters: stacked, first axis the members that are averaged.
        metrics: errors on validation windows. lineage: how it was trained.
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
        """Its configuration, which must be that of a liquid network.

        Raises:
            ModelError: it is a network of another kind.
        """
        if isinstance(self.config, NetConfig):
            return self.config
        raise ModelError(f"{self.name}: a {self.config.cell} network; only a liquid one has an integer form")

    def predict(self, z: Singles, anchor: Singles) -> Singles:
        """Forecast encoded windows: z (N, T, C), anchor (N, 1) health -> (N, horizon) health."""
        # Copied to torch's alignment, like the weights; else the last bits depend on the memory address of the windows.
        change = mean_prediction(self.parameters, torch.tensor(z), self.config).numpy()
        return np.asarray(change * np.float32(self.encoder.delta_scale) + anchor, np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """Forecast windows of a dataset: (N,) ends -> (N, horizon) health."""
        return self.predict(self.encoder.encode(dataset, ends), self.encoder.anchor(dataset, ends))

    def save(self, folder: Path, dataset: WindowDataset) -> None:
        """Write ``model.json`` and ``model.safetensors`` into ``folder``; ``dataset`` is what it was trained on."""
        ends = dataset.windows("validation", dataset.stride_eval)
        document = NetworkDocument(
            **dict(Facts.of(dataset)),
            name=self.name,
            validation=ForecastErrors.of(self.forecast(dataset, ends), dataset, ends),
            encoder=self.encoder,
            config=self.config,
            parameters=self.count,
            metrics=self.metrics,
            lineage=self.lineage,
        )
        write_tensors(folder / WEIGHTS, {name: value.detach().numpy() for name, value in self.parameters.items()})
        document.write(folder / FILE)


class NetworkDocument(ModelDocument):
    """``model.json`` of a network."""

    kind: Literal["network"] = "network"
    encoder: Encoder
    config: Config
    parameters: int
    metrics: dict[str, Any]
    lineage: dict[str, Any]

    @field_validator("config", mode="before")
    @classmethod
    def _of_its_architecture(cls, content: Any) -> Any:
        try:
            return config_from_json(content) if isinstance(content, dict) else content
        except ModelError as error:
            raise ValueError(f"not the configuration of a network ({error})") from error


@dataclass(frozen=True)
class SavedNetwork:
    """A network opened from its folder."""

    document: NetworkDocument
    network: TrainedModel

    @property
    def window(self) -> int:
        """Rows of history that it needs."""
        return self.network.encoder.window

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.network.encoder.horizon

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""
        return self.network.encoder.features

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return False

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.network.encoder.track == "with_target"

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        encoder, seen = self.network.encoder, histories.last(self.window)
        z = encoder.encode_history(seen.health, seen.of(encoder.features))
        return self.network.predict(z, encoder.anchor_history(seen.health))


def open_network(folder: Path) -> SavedNetwork:
    """Open the folder of a network.

    Raises:
        ModelError: a file is damaged, or weights and configuration do not fit together.
    """
    document = read_document(folder, NetworkDocument)
    path = folder / WEIGHTS
    _check_sizes(folder / FILE, document)
    # Copied to torch's alignment: MKL promises the same bits only for arrays aligned alike.
    parameters = {key: torch.tensor(value) for key, value in read_tensors(path).items()}
    fresh = initial(document.config, [0])
    if parameters.keys() != fresh.keys():
        odd = sorted(parameters.keys() ^ fresh.keys())[0]
        raise ModelError(f"{path}: {odd[:40]} is missing or does not fit model.json; run dvc repro")
    for key, value in fresh.items():
        stored = parameters[key]
        if stored.dtype != value.dtype or stored.ndim != value.ndim or stored.shape[1:] != value.shape[1:]:
            raise ModelError(f"{path}: {key} does not fit model.json; run dvc repro")
        if not 1 <= len(stored) == len(parameters[next(iter(fresh))]):
            raise ModelError(f"{path}: {key} holds {len(stored)} networks; run dvc repro")
        if not torch.isfinite(parameters[key]).all():
            raise ModelError(f"{path}: {key} holds NaN or infinity; run dvc repro")
    return SavedNetwork(
        document,
        TrainedModel(document.name, document.encoder, document.config, parameters, document.metrics, document.lineage),
    )


def load_network(folder: Path) -> TrainedModel:
    """The network in a folder as a ``TrainedModel``; errors as ``open_network``."""
    return open_network(folder).network


def _check_sizes(path: Path, document: NetworkDocument) -> None:
    """Check the sizes in ``model.json`` before anything of these sizes is allocated."""
    encoder, config = document.encoder, document.config
    try:
        check_encoder(encoder)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    right: dict[str, object] = {
        "channels": len(encoder.channels),
        "steps": encoder.steps,
        "knots": encoder.knots,
        "horizon": encoder.horizon,
        "level": encoder.track == "sensors_only",
    }
    wrong = [name for name, value in right.items() if getattr(config, name) != value]
    limits = {"hidden": (1, LARGEST_SIZE)} | {"substeps": (1, 255), "branches": (1, 255), "rank": (0, LARGEST_SIZE)}
    wrong += [
        name
        for name, (low, high) in limits.items()
        if hasattr(config, name) and not (type(getattr(config, name)) is int and low <= getattr(config, name) <= high)
    ]
    if wrong:
        raise ModelError(f"{path}: config.{wrong[0]} is out of range or does not fit the encoder; run dvc repro")
