"""Families of methods, each on one cell split: trains students and returns a row for each.

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
from dlnet.data.schema import read_label, read_table
from dlnet.distill.students import as_student
from dlnet.distill.synthetic import Fleet, SyntheticWindows, mixed, shifted, simulated
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
SIMULATED = Path("data/embedded.parquet")
LABELS, WITH_TEACHER = "labels", "l1"
FURTHER = "trained on"  # a control: as many further steps as a method trains, without the method


def teacher(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """The averaged teacher; it is stored in ``folder``."""
    student, _ = train_teacher(
        cell_split.encoder, config.teacher, cell_split.training_data, cell_split.dataset.task.channels.noise
    )
    student.save(folder / student.name, cell_split.dataset)
    return [_row(config, cell_split, student, "teacher", "teacher", 0, None)]


def losses(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """Every loss, self-distillation and synthetic windows, against labels alone."""
    source, params = load_network(folder / "teacher"), config.methods
    kinds = (LABELS, *LOSSES)
    training_data = add_teacher_targets(
        cell_split.training_data,
        [(source, 1.0)],
        cell_split.dataset,
        cell_split.encoder,
        cell_split.windows,
        kinds,
        config.students.hint_width,
    )
    jobs = [Job(f"{loss}-s{seed}", seed, loss, config.students.alpha) for loss in kinds for seed in params.seeds]
    first = _train(config, cell_split, jobs, [training_data], _shape(config, cell_split), "losses")
    for student in first:
        student.save(folder / student.name, cell_split.dataset)
    rows = [
        _row(config, cell_split, student, "losses", student.lineage["loss"], student.lineage["seed"], LABELS)
        for student in first
    ]
    mixtures = config.students.mixed
    synthetic = {
        f"{WITH_TEACHER}, mixed windows": mixed(
            cell_split.training_data, params.copies, mixtures.reach, mixtures.spread, seed=0
        ),
        f"{WITH_TEACHER}, shifted windows": shifted(cell_split.training_data, params.copies, params.spread, seed=0),
        f"{WITH_TEACHER}, simulated cells": simulated(
            Fleet(read_table(SIMULATED), read_label(SIMULATED)),
            cell_split.dataset.task.quantities,
            config.clean,
            config.split,
            cell_split.task,
            cell_split.encoder,
            params.simulated_stride,
        ),
    }
    training_sets = [
        add_teacher_targets(
            cell_split.training_data,
            [(source, 1.0)],
            cell_split.dataset,
            cell_split.encoder,
            cell_split.windows,
            synthetic=SyntheticWindows(z, cell_split.encoder),
        )
        for z in synthetic.values()
    ]
    for seed in params.seeds:
        own = load_network(folder / f"{LABELS}-s{seed}")
        training_sets.append(
            add_teacher_targets(
                cell_split.training_data, [(own, 1.0)], cell_split.dataset, cell_split.encoder, cell_split.windows
            )
        )
    names = [*synthetic, *[f"{WITH_TEACHER}, from itself" for _ in params.seeds]]
    jobs = [
        Job(f"{name}-s{seed}", seed, WITH_TEACHER, config.students.alpha, index)
        for index, name in enumerate(names)
        for seed in (params.seeds if index < len(synthetic) else [params.seeds[index - len(synthetic)]])
    ]
    second = _train(config, cell_split, jobs, training_sets, _shape(config, cell_split), "synthetic windows")
    rows += [
        _row(config, cell_split, student, "losses", student.name.rsplit("-s", 1)[0], student.lineage["seed"], LABELS)
        for student in second
    ]
    return rows


def control(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """Control: the elites, trained for as many further steps as the methods, without pruning or rounding.

    Methods with further training are compared with these rows, so that their gain is not that of the further steps.
    """
    elites, training_data = _elites(config, folder), _with_targets(cell_split, folder)
    params = config.prune.model_copy(
        update={"methods": ["magnitude"], "sparsities": [0.0], "rounds": 1, "seeds": [0]}  # prunes nothing
    )
    plan = plan_of(config.prune.training, cell_split.dataset.task.channels.noise)
    again, _ = compress_all(elites, params, plan, _context(config, cell_split, folder))
    whole = [
        _row(config, cell_split, student, "structure", _whole(student), _parent_seed(student, elites), "whole")
        for student in again
    ]
    branches, floats = [], []
    for student in elites:
        longer = _trained_on(config, cell_split, training_data, net_of(student), student, FURTHER)
        seed = student.lineage["seed"]
        spec = make_spec(weights_of(longer), _codes(cell_split))
        branches.append(
            _row(config, cell_split, longer, "branches", f"1 branch, {FURTHER}", seed, "1 branch", spec=spec)
        )
        floats.append(_row(config, cell_split, longer, "precision", f"float, {FURTHER}", seed, "float"))
    return whole + branches + floats


def structure(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """Every pruning method in one round; those of weights and neurons also gradually."""
    elites, context = _elites(config, folder), _context(config, cell_split, folder)
    rows = [
        _row(config, cell_split, student, "structure", "whole", student.lineage["seed"], None) for student in elites
    ]
    plan = plan_of(config.prune.training, cell_split.dataset.task.channels.noise)
    for methods, rounds in ((config.methods.structure, 1), (config.methods.gradual, config.methods.rounds)):
        params = config.prune.model_copy(
            update={"methods": methods, "sparsities": config.methods.sparsities, "rounds": rounds, "seeds": [0]}
        )
        students, _ = compress_all(elites, params, plan, context)
        for student in students:
            lineage = student.lineage
            name = (
                f"{lineage['method']} {lineage['sparsity']:.0%}{', gradual' if rounds > 1 else ''}, {lineage['stage2']}"
            )
            rows.append(
                _row(config, cell_split, student, "structure", name, _parent_seed(student, elites), _whole(student))
            )
    return rows


def branched(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """Several heads with a gate, as the integer engine runs them; and the same without rarely used ones."""
    training_data, seeds = _with_targets(cell_split, folder), config.methods.seeds
    rows = []
    for count in (1, *config.methods.branches):
        own = replace(_shape(config, cell_split), branches=count)
        name = f"{count} branches" if count > 1 else "1 branch"
        jobs = [Job(f"{name}-s{seed}", seed, WITH_TEACHER, config.students.alpha) for seed in seeds]
        for student in _train(config, cell_split, jobs, [training_data], own, name):
            used = branch_usage(net_of(student), cell_split.training_data.validation_z).tolist()
            note = "used " + " / ".join(f"{part:.0%}" for part in used) if count > 1 else ""
            spec = make_spec(weights_of(student), _codes(cell_split))
            rows.append(
                _row(config, cell_split, student, "branches", name, student.lineage["seed"], "1 branch", note, spec)
            )
            if count > 1:
                rows.append(_pruned_branches(config, cell_split, training_data, student, name))
    return rows


def aware(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """Weights of few bits, as the integer engine runs them: rounded after training, mixed, trained with rounding."""
    training_data, rows, windows = _with_targets(cell_split, folder), [], _codes(cell_split)
    for elite in _elites(config, folder):
        seed, weights = elite.lineage["seed"], weights_of(elite)
        rows.append(_row(config, cell_split, elite, "precision", "float", seed, None))

        def score(spec: Spec, student: TrainedModel = elite) -> float:
            return cell_split.score(*_on_engine(cell_split, student, spec))["mae_validation"]

        def flash(precision: Precision, student: TrainedModel = elite) -> float:
            return flash_bytes(model_shape(student, precision))

        choice = choose_precision(weights, windows, score, flash, config.quantise.bits_slack)
        lost = ", ".join(f"{name} {100 * (ratio - 1):+.1f} %" for name, ratio in choice.sensitivity.items())
        variants = {
            "int8 after training": (elite, make_spec(weights, windows), ""),
            "int4 after training": (elite, make_spec(weights, windows, Precision.of(4)), ""),
            "mixed after training": (
                elite,
                make_spec(weights, windows, choice.precision),
                f"alone in 4 bits: {lost}",
            ),
        }
        for method, (student, spec, note) in variants.items():
            rows.append(_row(config, cell_split, student, "precision", method, seed, "float", note, spec))
        for bits in (8, 4):
            trained = _trained_in(config, cell_split, training_data, elite, bits)
            spec, method = make_spec(weights_of(trained), precision=Precision.of(bits)), f"int{bits} in training"
            rows.append(_row(config, cell_split, trained, "precision", method, seed, f"float, {FURTHER}", spec=spec))
    return rows


def _whole(student: TrainedModel) -> str:
    """Name of a pruned network's control: the unpruned student, trained further with the same targets."""
    return f"whole, {FURTHER}, {student.lineage['stage2']}"


def _parent_seed(student: TrainedModel, elites: Sequence[TrainedModel]) -> int:
    seed: int = next(elite.lineage["seed"] for elite in elites if elite.name == student.lineage["parent"])
    return seed


def _trained_in(
    config: MethodsConfig,
    cell_split: CellSplit,
    training_data: TrainingData,
    student: TrainedModel,
    bits: Literal[4, 8],
) -> TrainedModel:
    net = net_of(student)
    rounded = replace(net, config=replace(net.config, bits=bits))
    return _trained_on(config, cell_split, training_data, rounded, student, f"int{bits}")


def _trained_on(
    config: MethodsConfig,
    cell_split: CellSplit,
    training_data: TrainingData,
    net: Net,
    parent: TrainedModel,
    title: str,
) -> TrainedModel:
    """``net``, derived from ``parent``, after training as in the second stage."""
    plan = plan_of(config.prune.training, cell_split.dataset.task.channels.noise)
    job = Job(f"{parent.name}-{title}", parent.lineage["seed"], WITH_TEACHER, config.prune.alpha, start=net.parameters)
    (result,) = run_stacks(stacked(net.config, [job]), [training_data], plan, title)
    return as_student(result, cell_split.encoder, training_data)


def _on_engine(cell_split: CellSplit, student: TrainedModel, spec: Spec) -> tuple[Floats, Floats]:
    """Forecasts of the validation and the test windows by the integer engine."""
    validation, test = (
        predict_reference(
            spec, student.encoder.encode(cell_split.dataset, ends), student.encoder.anchor(cell_split.dataset, ends)
        )
        for ends in (cell_split.windows.validation, cell_split.test)
    )
    return validation, test


def _pruned_branches(
    config: MethodsConfig, cell_split: CellSplit, training_data: TrainingData, student: TrainedModel, name: str
) -> dict[str, Any]:
    net = without_rare(
        net_of(student), cell_split.training_data.z[: cell_split.training_data.labelled], config.methods.least_usage
    )
    left = _trained_on(config, cell_split, training_data, net, student, "rare branches")
    seed, spec = student.lineage["seed"], make_spec(weights_of(left), _codes(cell_split))
    note = _left(student.liquid.branches, net.config.branches)
    method, baseline = f"{name}, rare ones pruned", f"1 branch, {FURTHER}"
    return _row(config, cell_split, left, "branches", method, seed, baseline, note, spec)


def _left(before: int, after: int) -> str:
    return f"{after} left" if after < before else f"none rare, {FURTHER}"


def _codes(cell_split: CellSplit) -> Int16s:
    """Training windows as the engine sees them, (N, T, C)."""
    return quantise_inputs(cell_split.training_data.z[: cell_split.training_data.labelled].numpy())


def _shape(config: MethodsConfig, cell_split: CellSplit) -> NetConfig:
    return net_config(cell_split.encoder, "liquid", config.methods.hidden, "euler", 1)


def _with_targets(cell_split: CellSplit, folder: Path) -> TrainingData:
    return add_teacher_targets(
        cell_split.training_data,
        [(load_network(folder / "teacher"), 1.0)],
        cell_split.dataset,
        cell_split.encoder,
        cell_split.windows,
    )


def _context(config: MethodsConfig, cell_split: CellSplit, folder: Path) -> TeacherContext:
    return TeacherContext(
        cell_split.dataset, cell_split.windows, load_network(folder / "teacher"), config.prune.teacher_share
    )


def _elites(config: MethodsConfig, folder: Path) -> list[TrainedModel]:
    return [load_network(folder / f"{WITH_TEACHER}-s{seed}") for seed in config.methods.seeds]


def _train(
    config: MethodsConfig,
    cell_split: CellSplit,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    own: NetConfig,
    title: str,
) -> list[TrainedModel]:
    plan: TrainPlan = plan_of(config.students.training, cell_split.dataset.task.channels.noise)
    results: list[Trained] = run_stacks(stacked(own, jobs), training_sets, plan, title)
    return [as_student(student, cell_split.encoder, cell_split.training_data) for student in results]


def _row(
    config: MethodsConfig,
    cell_split: CellSplit,
    student: TrainedModel,
    family: str,
    method: str,
    seed: int,
    baseline: str | None,
    note: str = "",
    spec: Spec | None = None,
) -> dict[str, Any]:
    """One student's row; with a spec its errors are those of the integer engine."""
    ends = cell_split.windows.validation, cell_split.test
    forecasts = (
        [student.forecast(cell_split.dataset, part) for part in ends]
        if spec is None
        else _on_engine(cell_split, student, spec)
    )
    scores = cell_split.score(*forecasts)
    cost = (
        costs(student, config.cost, None if spec is None else spec.precision)
        if student.liquid.solver == "euler"
        else {}
    )
    return {
        "family": family,
        "method": method,
        "seed": seed,
        "baseline": baseline,
        "mae_validation": scores["mae_validation"],
        "mae_test": scores["mae_test"],
        "parameters": student.count,
        "flash_bytes": cost.get("flash_bytes"),
        "instructions": cost.get("instructions"),
        "note": note,
    }
