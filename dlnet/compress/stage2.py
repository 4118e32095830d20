"""Second stage of distillation: elites are pruned and trained again, from the teacher and their unpruned selves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlnet.compress.prune import magnitude_mask, without_neurons
from dlnet.config import PruneParams
from dlnet.distill.loop import Job
from dlnet.distill.sweep import Stack
from dlnet.models.network import NetConfig, Parameters
from dlnet.models.student import Student


@dataclass(frozen=True)
class Pruned:
    """A pruned network that is yet to be trained again."""

    name: str
    config: NetConfig
    start: Parameters
    mask: Parameters | None
    lineage: dict[str, Any]


def prune_all(elites: Sequence[Student], params: PruneParams) -> list[list[Pruned]]:
    """Each elite pruned by each method to each sparsity; one list an elite."""
    return [
        [_prune(elite, method, sparsity) for method in params.methods for sparsity in params.sparsities]
        for elite in elites
    ]


def _prune(elite: Student, method: str, sparsity: float) -> Pruned:
    parameters = {name: value[0] for name, value in elite.parameters.items()}
    name = f"{elite.name}-{method}-{round(100 * sparsity)}"
    lineage = {"method": method, "sparsity": sparsity, "parent": elite.name, "parent_loss": elite.lineage["loss"]}
    if method == "structured":
        start, config = without_neurons(parameters, elite.config, sparsity)
        return Pruned(name, config, start, None, lineage)
    mask = magnitude_mask(parameters, sparsity)
    start = {key: value * mask[key] if key in mask else value for key, value in parameters.items()}
    return Pruned(name, elite.config, start, mask, lineage)


def stage2_stacks(pruned: Sequence[Sequence[Pruned]], params: PruneParams) -> list[Stack]:
    """Jobs of all pruned networks, each once with and once without a teacher, dealt to stacks by shape.

    Job ``NAME-taught-sN`` learns from labels and teachers (fold of its elite), ``NAME-labels-sN`` from labels alone.
    """
    by_shape: dict[NetConfig, list[Job]] = {}
    for fold, family in enumerate(pruned):
        for one in family:
            for seed in params.seeds:
                for tag, loss in (("taught", "l1"), ("labels", "labels")):
                    name = f"{one.name}-{tag}-s{seed}"
                    job = Job(name, seed, loss, params.alpha, fold, one.start, one.mask)
                    by_shape.setdefault(one.config, []).append(job)
    return [Stack(config, tuple(jobs)) for config, jobs in by_shape.items()]


def lineage_of(pruned: Sequence[Sequence[Pruned]], job: str) -> dict[str, Any]:
    """Lineage of the pruned network a job of ``stage2_stacks`` trains."""
    base, tag, _ = job.rsplit("-", 2)
    found = next(one for family in pruned for one in family if one.name == base)
    return {**found.lineage, "stage2": tag}
