"""Families of methods, each on one cut: what it trains, and a row a student.

A row: ``family``, ``method``, ``seed``, ``baseline`` (the method it is compared with, of the same seed),
``mae_validation`` and ``mae_test`` of the network as it would run, ``parameters``, ``flash_bytes``,
``instructions``, ``note``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from dlnet.compress.branching import branch_usage, without_rare
from dlnet.compress.net import Net, net_of
from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.cost.device import flash_bytes
from dlnet.cost.shape import model_shape
from dlnet.cost.table import costs
from dlnet.data.schema import read_table
from dlnet.distill.students import as_student
from dlnet.distill.synthetic import add_synthetic_windows, shifted, simulated
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.teacher import train_teacher
from dlnet.export.convert import weights_of
from dlnet.export.fixed import Floats
from dlnet.export.reference import Int16s, predict_reference, quantise_inputs
from dlnet.export.sensitivity import choose_precision
from dlnet.export.spec import Spec, make_spec
from dlnet.losses import LOSSES
from dlnet.models.network import NetConfig
from dlnet.models.precision import Precision
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel, load_network
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained
from dlnet.train.plan import TrainPlan, plan_of
from dlnet.train.pool import run_stacks, stacked
from studies.cell_split import CellSplit
from studies.config import MethodsConfig

Rows = list[dict[str, Any]]
FLEET = Path("data/embedded.parquet")
LABELS, TAUGHT = "labels", "l1"
FURTHER = "trained on"  # a control: as many more steps as a method's, and no method


def teacher(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """The averaged teacher; it is left in ``folder``."""
    one, _ = train_teacher(cut.encoder, config.teacher, cut.training_data, cut.task.channels.noise)
    one.save(folder / one.name, cut.dataset)
    return [_row(config, cut, one, "teacher", "teacher", 0, None)]


def losses(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """Every loss, self-distillation and synthetic windows, against labels alone."""
    source, params = load_network(folder / "teacher"), config.methods
    kinds = (LABELS, *LOSSES)
    training_data = add_teacher_targets(
        cut.training_data, [(source, 1.0)], cut.dataset, cut.encoder, cut.windows, kinds, config.students.hint_width
    )
    jobs = [Job(f"{loss}-s{seed}", seed, loss, config.students.alpha) for loss in kinds for seed in params.seeds]
    first = _train(config, cut, jobs, [training_data], _shape(config, cut), "losses")
    for one in first:
        one.save(folder / one.name, cut.dataset)
    rows = [_row(config, cut, one, "losses", one.lineage["loss"], one.lineage["seed"], LABELS) for one in first]
    made = {
        f"{TAUGHT}, shifted windows": shifted(cut.training_data, params.copies, params.spread, seed=0),
        f"{TAUGHT}, simulated cells": simulated(
            read_table(FLEET), config.clean, config.split, cut.task, cut.encoder, params.simulated_stride
        ),
    }
    training_sets = [add_synthetic_windows(cut.training_data, source, z) for z in made.values()]
    for seed in params.seeds:
        own = load_network(folder / f"{LABELS}-s{seed}")
        training_sets.append(
            add_teacher_targets(cut.training_data, [(own, 1.0)], cut.dataset, cut.encoder, cut.windows)
        )
    names = [*made, *[f"{TAUGHT}, from itself" for _ in params.seeds]]
    jobs = [
        Job(f"{name}-s{seed}", seed, TAUGHT, config.students.alpha, place)
        for place, name in enumerate(names)
        for seed in (params.seeds if place < len(made) else [params.seeds[place - len(made)]])
    ]
    second = _train(config, cut, jobs, training_sets, _shape(config, cut), "synthetic windows")
    rows += [
        _row(config, cut, one, "losses", one.name.rsplit("-s", 1)[0], one.lineage["seed"], LABELS) for one in second
    ]
    return rows


def control(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """The elites trained as long again as the methods train, with nothing pruned and nothing rounded.

    Rows of methods that train on are compared with these, so that a gain is not that of the steps.
    """
    elites, training_data = _elites(config, folder), _with_targets(cut, folder)
    params = config.prune.model_copy(
        update={"methods": ["magnitude"], "sparsities": [0.0], "rounds": 1, "seeds": [0]}  # no weight goes
    )
    plan = plan_of(config.prune.training, cut.task.channels.noise)
    again, _ = compress_all(elites, params, plan, _context(config, cut, folder))
    whole = [_row(config, cut, one, "structure", _whole(one), _parent_seed(one, elites), "whole") for one in again]
    branches, floats = [], []
    for one in elites:
        longer, seed = _trained_on(config, cut, training_data, net_of(one), one, FURTHER), one.lineage["seed"]
        spec = make_spec(weights_of(longer), _codes(cut))
        branches.append(_row(config, cut, longer, "branches", f"1 branch, {FURTHER}", seed, "1 branch", spec=spec))
        floats.append(_row(config, cut, longer, "precision", f"float, {FURTHER}", seed, "float"))
    return whole + branches + floats


def structure(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """Every method that makes a network smaller, at once; those of weights and neurons also gradually."""
    elites, context = _elites(config, folder), _context(config, cut, folder)
    rows = [_row(config, cut, one, "structure", "whole", one.lineage["seed"], None) for one in elites]
    plan = plan_of(config.prune.training, cut.task.channels.noise)
    for methods, rounds in ((config.methods.structure, 1), (config.methods.gradual, config.methods.rounds)):
        params = config.prune.model_copy(
            update={"methods": methods, "sparsities": config.methods.sparsities, "rounds": rounds, "seeds": [0]}
        )
        students, _ = compress_all(elites, params, plan, context)
        for one in students:
            made = one.lineage
            name = f"{made['method']} {made['sparsity']:.0%}{', gradual' if rounds > 1 else ''}, {made['stage2']}"
            rows.append(_row(config, cut, one, "structure", name, _parent_seed(one, elites), _whole(one)))
    return rows


def branched(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """Several heads behind a gate as the integer engine runs them, and what is left after rarely used ones went."""
    training_data, seeds = _with_targets(cut, folder), config.methods.seeds
    rows = []
    for count in (1, *config.methods.branches):
        own = replace(_shape(config, cut), branches=count)
        name = f"{count} branches" if count > 1 else "1 branch"
        jobs = [Job(f"{name}-s{seed}", seed, TAUGHT, config.students.alpha) for seed in seeds]
        for one in _train(config, cut, jobs, [training_data], own, name):
            used = branch_usage(net_of(one), cut.training_data.validation_z).tolist()
            note = "used " + " / ".join(f"{part:.0%}" for part in used) if count > 1 else ""
            spec = make_spec(weights_of(one), _codes(cut))
            rows.append(_row(config, cut, one, "branches", name, one.lineage["seed"], "1 branch", note, spec))
            if count > 1:
                rows.append(_pruned_branches(config, cut, training_data, one, name))
    return rows


def aware(config: MethodsConfig, cut: CellSplit, folder: Path) -> Rows:
    """Weights of few bits, as the integer engine runs them: rounded after training, mixed, trained with rounding."""
    training_data, rows, windows = _with_targets(cut, folder), [], _codes(cut)
    for one in _elites(config, folder):
        seed, weights = one.lineage["seed"], weights_of(one)
        rows.append(_row(config, cut, one, "precision", "float", seed, None))

        def score(spec: Spec, student: TrainedModel = one) -> float:
            return cut.score(*_on_engine(cut, student, spec))["mae_validation"]

        def flash(precision: Precision, student: TrainedModel = one) -> float:
            return flash_bytes(model_shape(student, precision))

        choice = choose_precision(weights, windows, score, flash, config.quantise.bits_slack)
        lost = ", ".join(f"{name} {100 * (ratio - 1):+.1f} %" for name, ratio in choice.sensitivity.items())
        found = {
            "int8 after training": (one, make_spec(weights, windows), ""),
            "int4 after training": (one, make_spec(weights, windows, Precision.of(4)), ""),
            "mixed after training": (one, make_spec(weights, windows, choice.precision), f"alone in 4 bits: {lost}"),
        }
        for method, (student, spec, note) in found.items():
            rows.append(_row(config, cut, student, "precision", method, seed, "float", note, spec))
        for bits in (8, 4):
            trained = _trained_in(config, cut, training_data, one, bits)
            spec, method = make_spec(weights_of(trained), precision=Precision.of(bits)), f"int{bits} in training"
            rows.append(_row(config, cut, trained, "precision", method, seed, f"float, {FURTHER}", spec=spec))
    return rows


def _whole(one: TrainedModel) -> str:
    """The control of a network of the second stage: the whole one, trained on from the same context."""
    return f"whole, {FURTHER}, {one.lineage['stage2']}"


def _parent_seed(one: TrainedModel, elites: Sequence[TrainedModel]) -> int:
    found: int = next(elite.lineage["seed"] for elite in elites if elite.name == one.lineage["parent"])
    return found


def _trained_in(
    config: MethodsConfig, cut: CellSplit, training_data: TrainingData, one: TrainedModel, bits: Literal[4, 8]
) -> TrainedModel:
    net = net_of(one)
    rounded = replace(net, config=replace(net.config, bits=bits))
    return _trained_on(config, cut, training_data, rounded, one, f"int{bits}")


def _trained_on(
    config: MethodsConfig, cut: CellSplit, training_data: TrainingData, net: Net, parent: TrainedModel, title: str
) -> TrainedModel:
    """``net``, made of ``parent``, after the steps of the second stage."""
    plan = plan_of(config.prune.training, cut.task.channels.noise)
    job = Job(f"{parent.name}-{title}", parent.lineage["seed"], TAUGHT, config.prune.alpha, start=net.parameters)
    (result,) = run_stacks(stacked(net.config, [job]), [training_data], plan, title)
    return as_student(result, cut.encoder, training_data)


def _on_engine(cut: CellSplit, one: TrainedModel, spec: Spec) -> tuple[Floats, Floats]:
    """Forecasts of the validation and the test windows by the integer engine."""
    validation, test = (
        predict_reference(spec, one.encoder.encode(cut.dataset, ends), one.encoder.anchor(cut.dataset, ends))
        for ends in (cut.windows.validation, cut.test)
    )
    return validation, test


def _pruned_branches(
    config: MethodsConfig, cut: CellSplit, training_data: TrainingData, one: TrainedModel, name: str
) -> dict[str, Any]:
    net = without_rare(net_of(one), cut.training_data.z[: cut.training_data.labelled], config.methods.least_usage)
    left = _trained_on(config, cut, training_data, net, one, "rare branches")
    seed, spec = one.lineage["seed"], make_spec(weights_of(left), _codes(cut))
    note = _left(one.liquid.branches, net.config.branches)
    method, baseline = f"{name}, rare ones pruned", f"1 branch, {FURTHER}"
    return _row(config, cut, left, "branches", method, seed, baseline, note, spec)


def _left(before: int, after: int) -> str:
    return f"{after} left" if after < before else f"none rare, {FURTHER}"


def _codes(cut: CellSplit) -> Int16s:
    """Training windows as the engine sees them, (N, T, C)."""
    return quantise_inputs(cut.training_data.z[: cut.training_data.labelled].numpy())


def _shape(config: MethodsConfig, cut: CellSplit) -> NetConfig:
    return net_config(cut.encoder, "liquid", config.methods.hidden, "euler", 1)


def _with_targets(cut: CellSplit, folder: Path) -> TrainingData:
    return add_teacher_targets(
        cut.training_data, [(load_network(folder / "teacher"), 1.0)], cut.dataset, cut.encoder, cut.windows
    )


def _context(config: MethodsConfig, cut: CellSplit, folder: Path) -> TeacherContext:
    return TeacherContext(cut.dataset, cut.windows, load_network(folder / "teacher"), config.prune.teacher_share)


def _elites(config: MethodsConfig, folder: Path) -> list[TrainedModel]:
    return [load_network(folder / f"{TAUGHT}-s{seed}") for seed in config.methods.seeds]


def _train(
    config: MethodsConfig,
    cut: CellSplit,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    own: NetConfig,
    title: str,
) -> list[TrainedModel]:
    plan: TrainPlan = plan_of(config.students.training, cut.task.channels.noise)
    results: list[Trained] = run_stacks(stacked(own, jobs), training_sets, plan, title)
    return [as_student(one, cut.encoder, cut.training_data) for one in results]


def _row(
    config: MethodsConfig,
    cut: CellSplit,
    one: TrainedModel,
    family: str,
    method: str,
    seed: int,
    baseline: str | None,
    note: str = "",
    spec: Spec | None = None,
) -> dict[str, Any]:
    """One student's row; with a spec its errors are those of the integer engine."""
    ends = cut.windows.validation, cut.test
    forecasts = [one.forecast(cut.dataset, some) for some in ends] if spec is None else _on_engine(cut, one, spec)
    scores = cut.score(*forecasts)
    cost = costs(one, config.cost, None if spec is None else spec.precision) if one.liquid.solver == "euler" else {}
    return {
        "family": family,
        "method": method,
        "seed": seed,
        "baseline": baseline,
        "mae_validation": scores["mae_validation"],
        "mae_test": scores["mae_test"],
        "parameters": one.count,
        "flash_bytes": cost.get("flash_bytes"),
        "instructions": cost.get("instructions"),
        "note": note,
    }
