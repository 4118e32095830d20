"""A teacher of networks and boosting: its forecast is their weighted mean.

Boosting sees rows, not their encoding, so synthetic windows that it labels are mixed as rows; networks see the encoding
of the mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlnet.baselines.boosting import Boosting, fit_boosting
from dlnet.baselines.saved import open_boosting, save_baseline
from dlnet.config.baselines import BaselinesParams
from dlnet.config.students import MixedParams, StudentParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Floats, Histories, Singles, WindowDataset
from dlnet.distill.synthetic import SyntheticWindows, synthetic_windows
from dlnet.errors import ConfigError, ModelError
from dlnet.models.trained import TrainedModel, load_network
from dlnet.train.data import TrainingData, Windows

FOLDER, SHARE = "boosting", "boosting"
BATCH = 4096


@dataclass(frozen=True)
class Teacher:
    """Networks, and boosting where the teacher has a share of it.

    Attributes:
        network: the members. boosting: None where ``share`` is 0. share: of boosting in the forecast, 0 to 1.
    """

    network: TrainedModel
    boosting: Boosting | None = None
    share: float = 0.0

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        own = self.network.forecast(dataset, ends)
        if self.boosting is None:
            return own
        return np.asarray((1 - self.share) * own + self.share * self.boosting.forecast(dataset, ends), np.float32)

    def save(self, folder: Path, dataset: WindowDataset) -> None:
        """Write the networks into ``folder`` and boosting into its folder ``boosting``, trees as safetensors."""
        self.network.lineage[SHARE] = self.share
        self.network.save(folder, dataset)
        if self.boosting is not None:
            save_baseline(folder / FOLDER, "teacher boosting", self.boosting, dataset)


def load_teacher(folder: Path) -> Teacher:
    """Open what ``Teacher.save`` wrote.

    Raises:
        ModelError: a file is damaged or missing.
    """
    network = load_network(folder)
    share = network.lineage.get(SHARE, 0.0)
    if not isinstance(share, float | int) or not 0 <= share <= 1:
        raise ModelError(f"{folder}: lineage.{SHARE} of the teacher is {share!r}, not 0 to 1; run dvc repro")
    if not share:
        return Teacher(network)
    model = open_boosting(folder / FOLDER).model
    if not isinstance(model, Boosting):
        raise ModelError(f"{folder / FOLDER}: not gradient boosting; run dvc repro")
    return Teacher(network, model, float(share))


def with_boosting(
    network: TrainedModel, share: float, dataset: WindowDataset, task: TaskParams, params: BaselinesParams
) -> Teacher:
    """The teacher with a share of boosting, fitted as the baseline is."""
    return Teacher(network, fit_boosting(dataset, task, params), share) if share else Teacher(network)


def check_labelled(teacher: Teacher, params: StudentParams) -> None:
    """Raise ``ConfigError`` where boosting would have to label windows that are made without rows."""
    if teacher.boosting is not None and (params.shifted.copies or params.simulated_stride):
        raise ConfigError(
            "params.yaml: students: shifted.copies and simulated_stride must be 0 with a teacher of which boosting is "
            "a part (teacher.boosting): it labels mixtures of rows only; set them to 0, or teacher.boosting"
        )


def windows_to_label(
    teacher: Teacher | None,
    params: StudentParams,
    training_data: TrainingData,
    dataset: WindowDataset,
    windows: Windows,
    encoder: Encoder,
    fleet: Tensor | None = None,
) -> SyntheticWindows | None:
    """The synthetic windows that the settings ask for; mixed as rows where boosting is part of the teacher.

    Args:
        training_data: of ``encoder`` and ``windows``. fleet: see ``synthetic_windows``.
    """
    if teacher is not None and teacher.boosting is not None:
        return mixed_rows(teacher, dataset, windows, encoder, params.mixed, seed=0)
    return synthetic_windows(params, training_data, encoder, fleet)


def mixed_rows(
    teacher: Teacher, dataset: WindowDataset, windows: Windows, encoder: Encoder, params: MixedParams, seed: int
) -> SyntheticWindows | None:
    """Mixtures of the rows of training windows, as ``synthetic.mixed`` makes them of encoded ones.

    Features are shifted by a constant a window in units of the encoder's ``scale``.

    Returns:
        Encoded windows, with the forecasts of boosting.
    """
    boosting, count = teacher.boosting, params.copies * len(windows.train)
    if boosting is None or not count:
        return None
    source, encoded, labels = np.random.default_rng(seed), [], []
    names = tuple(dict.fromkeys((*encoder.features, *boosting.features)))
    for size in [BATCH] * (count // BATCH) + ([count % BATCH] if count % BATCH else []):
        first, second = (dataset.histories(source.choice(windows.train, size), names) for _ in range(2))
        weight = source.uniform(-params.reach, 1 + params.reach, size)
        shift = params.spread * source.standard_normal((size, len(encoder.features))) * np.array(encoder.scale)
        made = mixture(first, second, weight)
        made.features[..., : len(encoder.features)] += shift[:, None]
        z = encoder.encode_history(made.health, made.of(encoder.features))
        encoded.append(torch.from_numpy(z))
        change = (boosting.predict(made) - encoder.anchor_history(made.health)) / np.float32(encoder.delta_scale)
        labels.append(torch.from_numpy(np.asarray(change, np.float32)))
    return SyntheticWindows(torch.cat(encoded), encoder, torch.cat(labels))


def mixture(first: Histories, second: Histories, weight: Floats) -> Histories:
    """``weight`` (N,) times ``first`` and the rest of ``second``, number by number."""
    content: dict[str, Any] = {}
    for field in fields(Histories):
        a, b = getattr(first, field.name), getattr(second, field.name)
        w = weight.reshape(-1, *[1] * (a.ndim - 1)) if isinstance(a, np.ndarray) else 1
        content[field.name] = w * a + (1 - w) * b if isinstance(a, np.ndarray) else a
    return Histories(**content)
