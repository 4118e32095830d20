"""Second stage of distillation: elites are made smaller and trained again, from the teacher and their former selves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor
from tqdm import tqdm

from dlnet.compress.magnitude import sparsity_at
from dlnet.compress.methods import METHODS, beginning, leaves_whole, sparsities_of
from dlnet.compress.net import Net, Probe, net_of
from dlnet.config.prune import PruneParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.students import as_student
from dlnet.distill.targets import add_teacher_targets
from dlnet.errors import ConfigError
from dlnet.models.network import NetConfig
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData, Windows, make_training_data
from dlnet.train.job import Job, Trained
from dlnet.train.plan import TrainPlan
from dlnet.train.pool import Stack, run_stacks

PROBED = 1000  # training windows that importance is measured on


@dataclass
class TeacherContext:
    """What smaller networks learn from.

    Attributes:
        dataset, windows: of the training and validation cells.
        teacher: mixed into each elite's own forecasts by ``share``; None: it teaches nothing.
    """

    dataset: WindowDataset
    windows: Windows
    teacher: TrainedModel | None
    share: float
    _plain: dict[Encoder, TrainingData] = field(default_factory=dict)

    def plain(self, encoder: Encoder) -> TrainingData:
        """Windows as ``encoder`` shows them, with labels alone."""
        if encoder not in self._plain:
            self._plain[encoder] = make_training_data(self.dataset, encoder, self.windows)
        return self._plain[encoder]

    def training_data(self, elite: TrainedModel, encoder: Encoder) -> TrainingData:
        """The same with the forecasts of ``elite`` and the teacher."""
        share = self.share if self.teacher else 0.0
        sources = [(elite, 1 - share)] + ([(self.teacher, share)] if self.teacher and share else [])
        return add_teacher_targets(self.plain(encoder), sources, self.dataset, encoder, self.windows)

    def probe(self, encoder: Encoder) -> tuple[Tensor, Tensor]:
        """Labelled windows, evenly chosen: z (N, T, C), change (N, horizon)."""
        training_data = self.plain(encoder)
        chosen = np.unique(np.linspace(0, training_data.labelled - 1, PROBED).astype(int))
        return training_data.z[chosen], training_data.change[chosen]


@dataclass(frozen=True)
class Path:
    """The way of one elite to one smaller network.

    Attributes:
        elite: its place among the elites. tag: ``taught`` (labels and teachers) or ``labels`` (those alone).
    """

    elite: int
    method: str
    sparsity: float
    tag: str
    seed: int
    net: Net

    def name(self, elites: Sequence[TrainedModel]) -> str:
        """Name of the network at its end."""
        parts = (elites[self.elite].name, self.method, f"{100 * self.sparsity:.0f}", self.tag, f"s{self.seed}")
        return "-".join(parts)


def compress_all(
    elites: Sequence[TrainedModel], params: PruneParams, plan: TrainPlan, context: TeacherContext
) -> tuple[list[TrainedModel], list[Trained]]:
    """Each elite by each method to each sparsity, trained again with and without teachers.

    With ``params.rounds`` above 1 pruning is gradual: each round goes a part of the way and trains a part of the
    steps.

    Where a method would leave an elite as it is, a line says so and nothing is trained.

    Returns:
        The smaller students and their last trainings, in one order.

    Raises:
        ConfigError: no method makes any elite smaller.
    """
    paths = _paths(elites, params, context.probe)
    part_plan = replace(plan, steps=max(1, plan.steps // params.rounds))
    results: dict[str, Trained] = {}
    for part in range(1, params.rounds + 1):
        paths = [_smaller(path, elites, part, params, context) for path in paths]
        stacks, training_sets = _stacks(paths, elites, params, context)
        results = {one.job.name: one for one in run_stacks(stacks, training_sets, part_plan, f"compress {part}")}
        paths = [_trained(path, results[path.name(elites)]) for path in paths]
    students = [_student(path, results[path.name(elites)], elites, params, context) for path in paths]
    return students, [results[path.name(elites)] for path in paths]


def _paths(elites: Sequence[TrainedModel], params: PruneParams, probe: Probe) -> list[Path]:
    paths = []
    for (place, elite), method in product(enumerate(elites), params.methods):
        whole = net_of(elite)
        sparsities = sparsities_of(method, params.sparsities)
        skipped = [sparsity for sparsity in sparsities if leaves_whole(method, whole, sparsity, probe)]
        if skipped:
            at = ", ".join(f"{sparsity:g}" for sparsity in skipped)
            tqdm.write(f"{elite.name}: {method} takes nothing away at sparsity {at}, which is left out")
        paths += [
            Path(place, method, sparsity, tag, seed, beginning(method, whole))
            for sparsity in sparsities
            if sparsity not in skipped
            for seed in params.seeds
            for tag in ("taught", "labels")
        ]
    if not paths:
        raise ConfigError(
            "params.yaml: prune: its methods, sparsities and seeds make no elite smaller; name another method "
            "(branches needs students.branches above 1) or raise the sparsities"
        )
    return paths


def _smaller(
    path: Path, elites: Sequence[TrainedModel], part: int, params: PruneParams, context: TeacherContext
) -> Path:
    whole, sparsity = net_of(elites[path.elite]), sparsity_at(part, params.rounds, path.sparsity)
    net = METHODS[path.method](path.net, whole, sparsity, context.probe)
    return replace(path, net=replace(net, config=replace(net.config, bits=params.bits)))


def _stacks(
    paths: Sequence[Path], elites: Sequence[TrainedModel], params: PruneParams, context: TeacherContext
) -> tuple[list[Stack], list[TrainingData]]:
    """Jobs of all paths assigned to stacks by shape; a training_data for each elite and encoder."""
    places: dict[tuple[int, Encoder], int] = {}
    by_shape: dict[NetConfig, list[Job]] = {}
    for path in paths:
        training_data = places.setdefault((path.elite, path.net.encoder), len(places))
        loss = "l1" if path.tag == "taught" else "labels"
        job = Job(path.name(elites), path.seed, loss, params.alpha, training_data, path.net.parameters, path.net.mask)
        by_shape.setdefault(path.net.config, []).append(job)
    training_sets = [context.training_data(elites[elite], encoder) for elite, encoder in places]
    return [Stack(config, tuple(jobs)) for config, jobs in by_shape.items()], training_sets


def _trained(path: Path, result: Trained) -> Path:
    return replace(path, net=replace(path.net, parameters=result.parameters))


def _student(
    path: Path, result: Trained, elites: Sequence[TrainedModel], params: PruneParams, context: TeacherContext
) -> TrainedModel:
    elite = elites[path.elite]
    lineage: dict[str, Any] = {
        "method": path.method,
        "sparsity": path.sparsity,
        "rounds": params.rounds,
        "parent": elite.name,
        "parent_loss": elite.lineage["loss"],
        "stage2": path.tag,
    }
    return as_student(result, path.net.encoder, context.plain(path.net.encoder), **lineage)
