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
from dlnet.data.windows import Bank
from dlnet.distill.students import as_student
from dlnet.distill.teacher import taught_by
from dlnet.errors import ConfigError
from dlnet.models.network import NetConfig
from dlnet.models.trained import Student
from dlnet.train.data import Windows, make_fold
from dlnet.train.loop import Fold, Job, Plan, Trained
from dlnet.train.pool import Stack, run_stacks

PROBED = 1000  # training windows that importance is measured on


@dataclass
class Lessons:
    """What smaller networks learn from.

    Attributes:
        bank, windows: of the training and validation cells.
        teacher: mixed into each elite's own forecasts by ``share``; None: it teaches nothing.
    """

    bank: Bank
    windows: Windows
    teacher: Student | None
    share: float
    _plain: dict[Encoder, Fold] = field(default_factory=dict)

    def plain(self, encoder: Encoder) -> Fold:
        """Windows as ``encoder`` shows them, with labels alone."""
        if encoder not in self._plain:
            self._plain[encoder] = make_fold(self.bank, encoder, self.windows)
        return self._plain[encoder]

    def fold(self, elite: Student, encoder: Encoder) -> Fold:
        """The same with the forecasts of ``elite`` and the teacher."""
        share = self.share if self.teacher else 0.0
        sources = [(elite, 1 - share)] + ([(self.teacher, share)] if self.teacher and share else [])
        return taught_by(self.plain(encoder), sources, self.bank, encoder, self.windows)

    def probe(self, encoder: Encoder) -> tuple[Tensor, Tensor]:
        """Labelled windows, evenly chosen: z (N, T, C), change (N, horizon)."""
        fold = self.plain(encoder)
        chosen = np.unique(np.linspace(0, fold.labelled - 1, PROBED).astype(int))
        return fold.z[chosen], fold.change[chosen]


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

    def name(self, elites: Sequence[Student]) -> str:
        """Name of the network at its end."""
        parts = (elites[self.elite].name, self.method, f"{100 * self.sparsity:.0f}", self.tag, f"s{self.seed}")
        return "-".join(parts)


def compress_all(
    elites: Sequence[Student], params: PruneParams, plan: Plan, lessons: Lessons
) -> tuple[list[Student], list[Trained]]:
    """Each elite by each method to each sparsity, trained again with and without teachers.

    With ``params.rounds`` above 1 pruning is gradual: each round goes a part of the way and trains a part of the
    steps.

    Where a method would leave an elite as it is, a line says so and nothing is trained.

    Returns:
        The smaller students and their last trainings, in one order.

    Raises:
        ConfigError: no method makes any elite smaller.
    """
    paths = _paths(elites, params, lessons.probe)
    part_plan = replace(plan, steps=max(1, plan.steps // params.rounds))
    results: dict[str, Trained] = {}
    for part in range(1, params.rounds + 1):
        paths = [_smaller(path, elites, part, params, lessons) for path in paths]
        stacks, folds = _stacks(paths, elites, params, lessons)
        results = {one.job.name: one for one in run_stacks(stacks, folds, part_plan, f"compress {part}")}
        paths = [_trained(path, results[path.name(elites)]) for path in paths]
    students = [_student(path, results[path.name(elites)], elites, params, lessons) for path in paths]
    return students, [results[path.name(elites)] for path in paths]


def _paths(elites: Sequence[Student], params: PruneParams, probe: Probe) -> list[Path]:
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


def _smaller(path: Path, elites: Sequence[Student], part: int, params: PruneParams, lessons: Lessons) -> Path:
    whole, sparsity = net_of(elites[path.elite]), sparsity_at(part, params.rounds, path.sparsity)
    net = METHODS[path.method](path.net, whole, sparsity, lessons.probe)
    return replace(path, net=replace(net, config=replace(net.config, bits=params.bits)))


def _stacks(
    paths: Sequence[Path], elites: Sequence[Student], params: PruneParams, lessons: Lessons
) -> tuple[list[Stack], list[Fold]]:
    """Jobs of all paths dealt to stacks by shape; a fold for each elite and encoder."""
    places: dict[tuple[int, Encoder], int] = {}
    by_shape: dict[NetConfig, list[Job]] = {}
    for path in paths:
        fold = places.setdefault((path.elite, path.net.encoder), len(places))
        loss = "l1" if path.tag == "taught" else "labels"
        job = Job(path.name(elites), path.seed, loss, params.alpha, fold, path.net.parameters, path.net.mask)
        by_shape.setdefault(path.net.config, []).append(job)
    folds = [lessons.fold(elites[elite], encoder) for elite, encoder in places]
    return [Stack(config, tuple(jobs)) for config, jobs in by_shape.items()], folds


def _trained(path: Path, result: Trained) -> Path:
    return replace(path, net=replace(path.net, parameters=result.parameters))


def _student(path: Path, result: Trained, elites: Sequence[Student], params: PruneParams, lessons: Lessons) -> Student:
    elite = elites[path.elite]
    lineage: dict[str, Any] = {
        "method": path.method,
        "sparsity": path.sparsity,
        "rounds": params.rounds,
        "parent": elite.name,
        "parent_loss": elite.lineage["loss"],
        "stage2": path.tag,
    }
    return as_student(result, path.net.config, path.net.encoder, lessons.plain(path.net.encoder), **lineage)
