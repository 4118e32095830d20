"""The second stage on synthetic cells: every method gives a student of the requested size that can be saved."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from synthetic_dataset import small_net, synthetic_encoder, task

from dlnet.compress.methods import METHODS, leaves_whole
from dlnet.compress.net import net_of
from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.config.prune import Method, PruneParams
from dlnet.distill.synthetic import SyntheticWindows, mixed
from dlnet.errors import ConfigError
from dlnet.losses import LOSSES
from dlnet.models.network import initial
from dlnet.models.trained import TrainedModel, load_network
from dlnet.train.data import training_windows
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

PLAN = TrainPlan(steps=4, batch=8, check=2)


def params(methods, **changes):
    training = {"steps": 4, "batch": 8, "learning_rate": 4e-3, "weight_decay": 0.0, "check": 2, "patience": 9}
    content = {
        "methods": methods,
        "rounds": 1,
        "sparsities": [0.5],
        "teacher_share": 0.5,
        "alpha": 0.5,
        "seeds": [0],
        "bits": 0,
        "losses": ["l1"],
    }
    return PruneParams(**content | {"training": training} | changes)


def elite(encoder, seed=0, branches=1):
    config = small_net(hidden=8, channels=len(encoder.channels), branches=branches)
    return TrainedModel(f"e{seed}", encoder, config, initial(config, [seed]), {}, {"loss": "labels"})


@pytest.fixture(scope="module")
def setting():
    dataset, encoder = synthetic_encoder()
    record = dataset.task  # half of the 12 rows must hold what cleaning looks at
    dataset = replace(dataset, task=record.model_copy(update={"clean": record.clean.model_copy(update={"window": 5})}))
    return TeacherContext(dataset, training_windows(dataset, task()), elite(encoder, 9), 0.5), encoder


@pytest.mark.slow
def test_every_method_gives_students_that_can_be_saved(setting, tmp_path):
    context, encoder = setting
    methods = [name for name in METHODS if name != "rare_branches"]  # the branches here are used alike
    students, results = compress_all([elite(encoder, branches=2)], params(methods), PLAN, context)
    assert [student.name for student in students] == [result.job.name for result in results]
    assert len({student.name for student in students}) == 2 * len(methods)
    ends = context.windows.validation
    sizes = {}
    for student in students:
        student.save(tmp_path / student.name, context.dataset)
        again = load_network(tmp_path / student.name)
        torch.testing.assert_close(again.forecast(context.dataset, ends), student.forecast(context.dataset, ends))
        assert student.lineage["parent"] == "e0"
        sizes[student.lineage["method"]] = student
    assert sizes["structured"].config.hidden == sizes["neurons_taylor"].config.hidden == 4
    assert len(sizes["features_l1"].encoder.features) == 1
    assert sizes["steps"].config.steps == 3
    assert len(sizes["knots"].config.knots) == 1
    assert sizes["lowrank"].config.rank == 7  # of 15, halves to even
    assert {name: one.config.branches for name, one in sizes.items()} == dict.fromkeys(methods, 2) | {"branches": 1}
    weights = [sizes["magnitude"].parameters[name] for name in ("wx", "wh")]
    assert sum(int((w == 0).sum()) for w in weights) == round(0.5 * sum(w.numel() for w in weights))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["twin", "same"])
def test_where_nothing_is_removed_only_the_elite_is_the_teacher(setting, method):
    """The loop itself, given the elite's forecasts as teacher; a twin begins at random, the same at its own weights."""
    context, encoder = setting
    whole = elite(encoder)
    alone = TeacherContext(context.dataset, context.windows, None, 0.5)
    section = params([method], sparsities=[0.25, 0.5], seeds=[7], alpha=0.3)
    students, _ = compress_all([whole], section, PLAN, alone)
    assert [student.name for student in students] == [f"e0-{method}-0-taught-s7", f"e0-{method}-0-labels-s7"]
    start = None if method == "twin" else net_of(whole).parameters
    jobs = [Job(one.name, 7, loss, 0.3, 0, start) for one, loss in zip(students, ("l1", "labels"), strict=True)]
    for student, job in zip(students, jobs, strict=True):
        (alike,) = train(whole.config, [job], [alone.training_data(whole, encoder)], PLAN)
        for name, value in alike.parameters.items():
            torch.testing.assert_close(student.parameters[name][0], value)
    assert not torch.equal(students[0].parameters["wh"], students[1].parameters["wh"])


@pytest.mark.parametrize("sparsity", [0.1, 0.25, 0.4, 0.5, 0.6, 0.9])
def test_factors_that_are_no_smaller_than_the_matrix_are_left_out(setting, sparsity):
    whole = net_of(elite(setting[1]))
    factors = METHODS["lowrank"](whole, whole, sparsity, setting[0].probe).parameters
    stored = sum(factors[name].numel() for name in ("ux", "uh", "v"))
    before = sum(whole.parameters[name].numel() for name in ("wx", "wh"))
    assert leaves_whole("lowrank", whole, sparsity, setting[0].probe) == (stored >= before)


@pytest.mark.slow
def test_gradual_pruning_ends_as_sparse_as_one_shot(setting):
    context, encoder = setting
    for rounds in (1, 3):
        students, _ = compress_all(
            [elite(encoder)], params(["magnitude", "structured"], rounds=rounds, sparsities=[0.75]), PLAN, context
        )
        by_method = {one.lineage["method"]: one for one in students}
        assert by_method["structured"].config.hidden == 2
        weights = [by_method["magnitude"].parameters[name] for name in ("wx", "wh")]
        assert sum(int((w == 0).sum()) for w in weights) == round(0.75 * sum(w.numel() for w in weights))


def test_params_may_name_every_method():
    assert set(get_args(Method)) == set(METHODS)


def test_the_least_used_branches_are_removed(setting):
    context, encoder = setting
    whole = net_of(elite(encoder, branches=4))
    last = context.probe(encoder)[0][:, -1, 1]
    # Lines over one channel, each on top between two quantiles: branches 2, 0, 3, 1 handle 10, 40, 20 and 30 %.
    order, turns = [2, 0, 3, 1], torch.quantile(last, torch.tensor([0.1, 0.5, 0.7]))
    whole.parameters["wg"].zero_()[1, order] = torch.arange(4.0)
    whole.parameters["bg"][0, order] = -torch.cat([torch.zeros(1), turns.cumsum(0)])
    kept = [0, 1]
    smaller = METHODS["branches"](whole, whole, 0.5, context.probe)
    columns = [3 * branch + output for branch in kept for output in range(3)]
    assert torch.equal(smaller.parameters["wo"], whole.parameters["wo"][:, columns])
    assert torch.equal(smaller.parameters["wg"], whole.parameters["wg"][:, kept])
    # A branch is rare if it handles less than 60 % of an even share, 15 %: branch 2.
    rest = METHODS["rare_branches"](whole, whole, 0.6, context.probe)
    assert torch.equal(rest.parameters["wg"], whole.parameters["wg"][:, [0, 1, 3]])
    assert not leaves_whole("rare_branches", whole, 0.6, context.probe)
    assert leaves_whole("rare_branches", whole, 0.3, context.probe)


@pytest.mark.parametrize(
    ("method", "sparsity", "nothing"),
    [("magnitude", 0.1, False), ("structured", 0.05, True), ("structured", 0.2, False), ("knots", 0.1, True),
     ("steps", 0.9, False), ("features_l1", 0.1, True), ("lowrank", 0.01, True), ("branches", 0.4, True)],
)  # fmt: skip
def test_methods_that_remove_nothing_are_known_before_training(setting, method, sparsity, nothing):
    context, encoder = setting
    whole = net_of(elite(encoder))
    assert leaves_whole(method, whole, sparsity, context.probe) == nothing


@pytest.mark.slow
def test_an_elite_without_branches_to_remove_is_skipped_and_reported(setting, capsys):
    context, encoder = setting
    elites = [elite(encoder), elite(encoder, 1, branches=2)]
    students, _ = compress_all(elites, params(["branches"], sparsities=[0.2, 0.5]), PLAN, context)
    assert [student.name for student in students] == ["e1-branches-50-taught-s0", "e1-branches-50-labels-s0"]
    assert [student.config.branches for student in students] == [1, 1]
    assert capsys.readouterr().out.splitlines()[:2] == [
        "e0: branches removes nothing at sparsity 0.2, 0.5; skipped",
        "e1: branches removes nothing at sparsity 0.2; skipped",
    ]


def test_with_nothing_to_train_the_params_are_named(setting):
    context, encoder = setting
    with pytest.raises(ConfigError, match=r"params.yaml: prune: .* students.branches above 1"):
        compress_all([elite(encoder)], params(["branches"]), PLAN, context)


def test_steps_are_not_cut_below_the_rows_of_the_filter(setting, capsys):
    context, encoder = setting
    rows = encoder.window // 2
    clean = context.dataset.task.clean.model_copy(update={"window": rows + 1})
    held = replace(context.dataset, task=context.dataset.task.model_copy(update={"clean": clean}))
    with pytest.raises(ConfigError, match="make no elite smaller"):
        compress_all([elite(encoder)], params(["steps"]), PLAN, replace(context, dataset=held))
    assert capsys.readouterr().out == "e0: steps leaves fewer rows than clean.window at sparsity 0.5; skipped\n"


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("teacher", [True, False])
def test_every_loss_works_in_the_second_stage_with_synthetic_windows(setting, monkeypatch, loss, teacher):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # no pool of processes, which takes seconds to start
    context, encoder = setting
    synthetic = SyntheticWindows(mixed(context.plain(encoder), 1, 0.1, 0.3, seed=0), encoder)
    used = replace(
        context, losses=(loss,), hint_width=3, synthetic=synthetic, teacher=context.teacher if teacher else None
    )
    students, _ = compress_all([elite(encoder)], params(["features_l1"], losses=[loss]), PLAN, used)
    assert [student.lineage["loss"] for student in students] == [loss, "labels"]
    for student in students:
        assert all(torch.isfinite(value).all() for value in student.parameters.values())


def test_precisions_are_compared_in_one_run(setting, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    context, encoder = setting
    students, _ = compress_all([elite(encoder)], params(["structured"], bits=[0, 8]), PLAN, context)
    assert {student.name: student.config.bits for student in students} == {
        "e0-structured-50-taught-s0": 0,
        "e0-structured-50-labels-s0": 0,
        "e0-structured-50-8bit-taught-s0": 8,
        "e0-structured-50-8bit-labels-s0": 8,
    }
    assert [student.lineage["bits"] for student in students] == [0, 0, 8, 8]
