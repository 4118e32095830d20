"""Second stage of distillation: elites are made smaller and distilled again from teacher and original elite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

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
from dlnet.distill.synthetic import SyntheticWindows
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.trees import Teacher
from dlnet.errors import ConfigError
from dlnet.models.network import NetConfig
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData, Windows, make_training_data
from dlnet.train.job import LABELS, Job, Trained
from dlnet.train.plan import TrainPlan
from dlnet.train.pool import Stack, run_stacks

PROBED = 1000  # training windows that importance is measured on


@dataclass
class TeacherContext:
    """What compressed networks are trained from: windows, teacher and elites.

    Attributes:
        dataset, windows: of the training and validation assets.
        teacher: mixed into each elite's own forecasts by ``share``; None: not used.
        losses: between compressed networks and their teachers. hint_width: see ``add_teacher_targets``.
        synthetic: windows that only the teachers label, seen by networks that learn from them; None: no such windows.
    """

    dataset: WindowDataset
    windows: Windows
    teacher: TrainedModel | Teacher | None
    share: float
    losses: tuple[str, ...] = ("l1",)
    hint_width: int = 16
    synthetic: SyntheticWindows | None = None
    _plain: dict[Encoder, TrainingData] = field(default_factory=dict)

    def plain(self, encoder: Encoder) -> TrainingData:
        """Windows encoded by ``encoder``, with labels only."""
        if encoder not in self._plain:
            self._plain[encoder] = make_training_data(self.dataset, encoder, self.windows)
        return self._plain[encoder]

    def training_data(self, elite: TrainedModel, encoder: Encoder) -> TrainingData:
        """The same with the forecasts of ``elite`` and the teacher; hidden states are those of the teacher, if used."""
        share = self.share if self.teacher else 0.0
        sources: list[tuple[TrainedModel | Teacher, float]] = []
        if self.teacher and share:
            sources.append((self.teacher, share))
        if share < 1:
            sources.append((elite, 1 - share))
        return add_teacher_targets(
            self.plain(encoder),
            sources,
            self.dataset,
            encoder,
            self.windows,
            self.losses,
            self.hint_width,
            self.synthetic,
        )

    def probe(self, encoder: Encoder) -> tuple[Tensor, Tensor]:
        """Labelled windows, evenly spaced: z (N, T, C), change (N, horizon)."""
        training_data = self.plain(encoder)
        chosen = np.unique(np.linspace(0, training_data.labelled - 1, PROBED).astype(int))
        return training_data.z[chosen], training_data.change[chosen]


@dataclass(frozen=True)
class CompressionRun:
    """Compression of one elite by one method to one sparsity, and the network reached so far.

    Attributes:
        elite: index among the elites. bits: of a weight in training, 0 in floats.
        loss: with the teachers, or ``labels``: labels alone.
    """

    elite: int
    method: str
    sparsity: float
    bits: Literal[0, 4, 8]
    loss: str
    seed: int
    net: Net

    @property
    def tag(self) -> str:
        """``taught`` (labels and teachers) or ``labels`` (labels only)."""
        return LABELS if self.loss == LABELS else "taught"

    def name(self, elites: Sequence[TrainedModel]) -> str:
        """Name of the resulting network."""
        bits = [f"{self.bits}bit"] if self.bits else []
        kind = [elites[self.elite].name, self.method, f"{100 * self.sparsity:.0f}", *bits]
        loss = [] if self.loss in (LABELS, "l1") else [self.loss]
        return "-".join([*kind, self.tag, *loss, f"s{self.seed}"])


def compress_all(
    elites: Sequence[TrainedModel], params: PruneParams, plan: TrainPlan, context: TeacherContext
) -> tuple[list[TrainedModel], list[Trained]]:
    """Each elite by each method to each sparsity, trained again with and without teachers.

    With ``params.rounds`` above 1 pruning is gradual: each round prunes a part and trains a part of the
    steps.

    Where a method would not change an elite, a message is printed and nothing is trained.

    Returns:
        The smaller students and their last trainings, in the same order.

    Raises:
        ConfigError: no method makes any elite smaller.
    """
    runs = _runs(elites, params, context.probe, context.dataset.task.clean.window)
    part_plan = replace(plan, steps=max(1, plan.steps // params.rounds))
    results: dict[str, Trained] = {}
    for part in range(1, params.rounds + 1):
        runs = [_smaller(run, elites, part, params, context) for run in runs]
        stacks, training_sets = _stacks(runs, elites, params, context)
        trained = run_stacks(stacks, training_sets, part_plan, f"compress {part}")
        results = {result.job.name: result for result in trained}
        runs = [_trained(run, results[run.name(elites)]) for run in runs]
    students = [_student(run, results[run.name(elites)], elites, params, context) for run in runs]
    return students, [results[run.name(elites)] for run in runs]


def _runs(elites: Sequence[TrainedModel], params: PruneParams, probe: Probe, least_rows: int) -> list[CompressionRun]:
    """All runs; ``least_rows``: those of the outlier filter, which a device must hold."""
    runs = []
    for (index, elite), method in product(enumerate(elites), params.methods):
        whole = net_of(elite)
        sparsities = sparsities_of(method, params.sparsities)
        skipped = [sparsity for sparsity in sparsities if leaves_whole(method, whole, sparsity, probe)]
        if skipped:
            at = ", ".join(f"{sparsity:g}" for sparsity in skipped)
            tqdm.write(f"{elite.name}: {method} removes nothing at sparsity {at}; skipped")
        if short := [one for one in sparsities if method == "steps" and _rows(whole, one, probe) < least_rows]:
            at = ", ".join(f"{sparsity:g}" for sparsity in short)
            tqdm.write(f"{elite.name}: {method} leaves fewer rows than clean.window at sparsity {at}; skipped")
            skipped += short
        runs += [
            CompressionRun(index, method, sparsity, bits, loss, seed, beginning(method, whole))
            for sparsity in sparsities
            if sparsity not in skipped
            for bits in params.bits
            for seed in params.seeds
            for loss in (*params.losses, LABELS)
        ]
    if not runs:
        raise ConfigError(
            "params.yaml: prune: its methods, sparsities and seeds make no elite smaller; name another method "
            "(branches needs students.branches above 1) or raise the sparsities"
        )
    return runs


def _rows(whole: Net, sparsity: float, probe: Probe) -> int:
    """Rows that a network with fewer steps looks at."""
    return METHODS["steps"](whole, whole, sparsity, probe).encoder.window


def _smaller(
    run: CompressionRun, elites: Sequence[TrainedModel], part: int, params: PruneParams, context: TeacherContext
) -> CompressionRun:
    whole, sparsity = net_of(elites[run.elite]), sparsity_at(part, params.rounds, run.sparsity)
    net = METHODS[run.method](run.net, whole, sparsity, context.probe)
    return replace(run, net=replace(net, config=replace(net.config, bits=run.bits)))


def _stacks(
    runs: Sequence[CompressionRun], elites: Sequence[TrainedModel], params: PruneParams, context: TeacherContext
) -> tuple[list[Stack], list[TrainingData]]:
    """Jobs of all runs, assigned to stacks by shape; training data for each elite and encoder."""
    indices: dict[tuple[int, Encoder], int] = {}
    by_shape: dict[tuple[NetConfig, bool], list[Job]] = {}
    for run in runs:
        training_data = indices.setdefault((run.elite, run.net.encoder), len(indices))
        job = Job(run.name(elites), run.seed, run.loss, params.alpha, training_data, run.net.parameters, run.net.mask)
        # Only networks with a teacher see synthetic windows, which make their batches larger.
        apart = context.synthetic is not None and run.loss == LABELS
        by_shape.setdefault((run.net.config, apart), []).append(job)
    training_sets = [context.training_data(elites[elite], encoder) for elite, encoder in indices]
    return [Stack(config, tuple(jobs)) for (config, _), jobs in by_shape.items()], training_sets


def _trained(run: CompressionRun, result: Trained) -> CompressionRun:
    return replace(run, net=replace(run.net, parameters=result.parameters))


def _student(
    run: CompressionRun, result: Trained, elites: Sequence[TrainedModel], params: PruneParams, context: TeacherContext
) -> TrainedModel:
    elite = elites[run.elite]
    lineage: dict[str, Any] = {
        "method": run.method,
        "sparsity": run.sparsity,
        "bits": run.bits,
        "rounds": params.rounds,
        "parent": elite.name,
        "parent_loss": elite.lineage["loss"],
        "stage2": run.tag,
    }
    return as_student(result, run.net.encoder, context.plain(run.net.encoder), **lineage)
