"""reports/summary.json and reports/metrics.json from an evaluation."""

import json
from dataclasses import replace

import made_report
import numpy as np
import pytest

from dlnet.cost.device import model_cost
from dlnet.cost.shape import model_shape
from dlnet.export.convert import weights_of
from dlnet.export.spec import make_spec
from dlnet.gate.choice import RULE
from dlnet.models.precision import Precision
from dlnet.report.summary import headline, summarise


def test_it_is_json_without_nan(summary):
    assert json.loads(json.dumps(summary.content(), allow_nan=False)) == summary.content()


def test_figures_are_those_of_test_windows_and_validation_stands_below(summary, evaluation):
    found, entry = summary.baselines["ridge"], evaluation.content.baselines["ridge"]
    assert (found.mae, found.validation.mae) == (entry.test.mae, entry.validation.mae)
    name = summary.edge.name
    edge, int8 = summary.edge, evaluation.content.edge[name].int8
    assert (edge.mae_int8, edge.validation.mae_int8) == (int8.test.mae, int8.validation.mae)
    assert edge.mae_float == evaluation.content.students[name].test.mae


def test_ratios_are_quotients_of_the_maes(summary):
    edge, ratios = summary.edge, summary.ratios
    for name, entry in summary.baselines.items():
        assert ratios[f"edge over {name}"] == pytest.approx(edge.mae_int8 / entry.mae)
    assert ratios["int8 over float"] == pytest.approx(edge.mae_int8 / edge.mae_float)
    assert ratios["edge over teacher"] == pytest.approx(edge.mae_int8 / summary.teacher.mae)
    below = summary.validation.ratios["edge over ridge"]
    validation = summary.baselines["ridge"].validation.mae
    assert below == pytest.approx(edge.validation.mae_int8 / validation)


def test_spread_is_over_the_seeds_of_each_kind_of_student(summary, evaluation):
    group = next(one for one in summary.spread.students if (one.cell, one.loss) == ("liquid", "labels"))
    maes = [evaluation.content.students[f"liquid-4-labels-s{seed}"].test.mae for seed in (0, 1)]
    assert group.seeds == 2
    assert dict(group.mae) == {"mean": pytest.approx(np.mean(maes)), "std": pytest.approx(abs(maes[0] - maes[1]) / 2)}


def test_one_seed_has_no_spread(summary):
    group = next(one for one in summary.spread.students if one.cell == "ltc")
    assert (group.seeds, group.mae.std) == (1, None)


def test_a_pruned_edge_model_has_the_spread_of_its_parents_kind(evaluation, pipeline, dataset):
    (name, scores), pruned = next(iter(evaluation.content.edge.items())), made_report.PRUNED[0]
    content = evaluation.content.model_copy(update={"edge": {pruned: scores}})
    found = summarise(content, replace(pipeline, edges={pruned: pipeline.edges[name]}), dataset.task, pruned, RULE)
    assert found.edge.parent == made_report.PARENT
    group = found.spread.edge
    assert (group.cell, group.hidden, group.loss) == ("liquid", 4, "labels")


def test_sizes_are_those_of_the_files(summary, project):
    edge = summary.edge
    folder = project / "models/edge" / edge.name
    assert edge.tflite_bytes == sum((folder / name).stat().st_size for name in ("step.tflite", "head.tflite"))
    assert summary.teacher.bytes == 4 * summary.teacher.parameters


def test_each_elite_names_its_fronts(summary, pipeline):
    for elite in summary.elites:
        expected = [front for front in ("front1", "front2") if elite.name in pipeline.fronts[front].elites]
        assert list(elite.fronts) == expected


def test_the_headline_is_flat_numbers_that_dvc_can_show(summary, choice):
    found = headline(summary, choice.name)
    assert found.mae["chosen"] == summary.shipped(choice.name).mae
    assert found.mae["int8"] == summary.edge.mae_int8
    assert all(isinstance(value, int | float) for part in found.content().values() for value in part.values())


def test_matrices_of_four_bits_are_named_where_a_model_has_some_and_nowhere_else(
    evaluation, pipeline, dataset, summary
):
    name = summary.edge.name
    edge = pipeline.edges[name]
    narrow = replace(edge, spec=make_spec(weights_of(edge.student), precision=Precision(head=4)))
    found = summarise(
        evaluation.content, replace(pipeline, edges={**pipeline.edges, name: narrow}), dataset.task, name, RULE
    )
    assert found.edge.four_bits == ("head",)
    one = model_cost(model_shape(edge.student, Precision(head=4)), 1.0)
    whole = model_cost(model_shape(edge.student), 1.0)
    for key in ("flash_bytes", "ram_bytes", "instructions"):
        assert getattr(found.edge, key) == getattr(one, key)
    for key in ("ms_modelled", "energy_uj", "co2_ug"):
        expected = getattr(summary.edge, key) * getattr(one, key) / getattr(whole, key)
        assert getattr(found.edge, key) == pytest.approx(expected)
    assert all(entry.four_bits is None for entry in summary.edges)


def test_branch_usage_stands_where_a_model_has_several_branches_and_nowhere_else(
    evaluation, pipeline, dataset, summary
):
    name = summary.edge.name
    one = pipeline.students[name]
    branched = replace(one, metrics={**one.metrics, "branch_usage": [0.75, 0.25]})
    found = summarise(
        evaluation.content,
        replace(pipeline, students={**pipeline.students, name: branched}),
        dataset.task,
        name,
        RULE,
    )
    entries = [*found.students, *found.elites, *found.edges, found.edge]
    used = [entry for entry in entries if entry.branch_usage]
    assert [(entry.name, entry.branch_usage) for entry in used] == [(name, (0.75, 0.25))] * 4
    assert without_usage(found.content()) == summary.content(), "nothing else changes"


def without_usage(content):
    for entry in (*content["students"], *content["elites"], *content["edges"], content["edge"]):
        entry.pop("branch_usage", None)
    return content
