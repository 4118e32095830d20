"""reports/summary.json and reports/metrics.json from an evaluation."""

import copy
import json
from dataclasses import replace

import made_report
import numpy as np
import pytest

from dlnet.cost.device import model_cost
from dlnet.cost.shape import model_shape
from dlnet.export.convert import weights_of
from dlnet.export.spec import make_spec
from dlnet.models.precision import Precision
from dlnet.report.evaluation import Evaluation
from dlnet.report.summary import choose_edge, headline, summarise


def scores(validation: float, test: float) -> dict:
    return {"int8": {"validation": {"mae": validation}, "test": {"mae": test}}}


def test_the_edge_model_is_chosen_on_validation_not_on_test():
    assert choose_edge({"a": scores(0.002, 0.001), "b": scores(0.001, 0.009)}) == "b"


def test_equal_models_are_told_apart_by_name():
    assert choose_edge({"b": scores(0.001, 0.001), "a": scores(0.001, 0.002)}) == "a"


def test_it_holds_what_the_readers_of_summary_json_look_for(summary):
    assert {"source", "label", "simulated", "cells", "windows"} <= set(summary["data"])
    for entry in (*summary["baselines"].values(), summary["teacher"], *summary["students"], *summary["elites"]):
        assert {"mae", "rmse", "cell_mae", "worst_cell", "bytes", "validation"} <= set(entry)
    edge = {"name", "mae_float", "mae_int8", "rmse_int8", "cell_mae_int8", "worst_cell", "parameters", "tflite_bytes"}
    for entry in (summary["edge"], *summary["edges"]):
        assert edge | {"spec_bytes", "mae_litert", "mae_tflm", "validation"} <= set(entry)


def test_it_is_json_without_nan(summary):
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_figures_are_those_of_test_windows_and_validation_stands_below(summary, evaluation):
    found, entry = summary["baselines"]["ridge"], evaluation.content["baselines"]["ridge"]
    assert (found["mae"], found["validation"]["mae"]) == (entry["test"]["mae"], entry["validation"]["mae"])
    name = summary["edge"]["name"]
    edge, int8 = summary["edge"], evaluation.content["edge"][name]["int8"]
    assert (edge["mae_int8"], edge["validation"]["mae_int8"]) == (int8["test"]["mae"], int8["validation"]["mae"])
    assert edge["mae_float"] == evaluation.content["students"][name]["test"]["mae"]


def test_ratios_are_quotients_of_the_maes(summary):
    edge, ratios = summary["edge"], summary["ratios"]
    for name, entry in summary["baselines"].items():
        assert ratios[f"edge over {name}"] == pytest.approx(edge["mae_int8"] / entry["mae"])
    assert ratios["int8 over float"] == pytest.approx(edge["mae_int8"] / edge["mae_float"])
    assert ratios["edge over teacher"] == pytest.approx(edge["mae_int8"] / summary["teacher"]["mae"])
    below = summary["validation"]["ratios"]["edge over ridge"]
    validation = summary["baselines"]["ridge"]["validation"]["mae"]
    assert below == pytest.approx(edge["validation"]["mae_int8"] / validation)


def test_spread_is_over_the_seeds_of_each_kind_of_student(summary, evaluation):
    group = next(one for one in summary["spread"]["students"] if (one["cell"], one["loss"]) == ("liquid", "labels"))
    maes = [evaluation.content["students"][f"liquid-4-labels-s{seed}"]["test"]["mae"] for seed in (0, 1)]
    assert group["seeds"] == 2
    assert group["mae"] == {"mean": pytest.approx(np.mean(maes)), "std": pytest.approx(abs(maes[0] - maes[1]) / 2)}


def test_one_seed_has_no_spread(summary):
    group = next(one for one in summary["spread"]["students"] if one["cell"] == "ltc")
    assert (group["seeds"], group["mae"]["std"]) == (1, None)


def test_a_pruned_edge_model_has_the_spread_of_its_parents_kind(evaluation, pipeline, dataset):
    content = copy.deepcopy(evaluation.content)
    name, pruned = next(iter(content["edge"])), made_report.PRUNED[0]
    content["edge"] = {pruned: content["edge"][name]}
    edges = {pruned: pipeline.edges[name]}
    found = summarise(Evaluation(content, evaluation.cases), replace(pipeline, edges=edges), dataset.task)
    assert found["edge"]["parent"] == made_report.PARENT
    group = found["spread"]["edge"]
    assert (group["cell"], group["hidden"], group["loss"]) == ("liquid", 4, "labels")


def test_sizes_are_those_of_the_files(summary, project):
    edge = summary["edge"]
    folder = project / "models/edge" / edge["name"]
    assert edge["tflite_bytes"] == sum((folder / name).stat().st_size for name in ("step.tflite", "head.tflite"))
    assert summary["teacher"]["bytes"] == 4 * summary["teacher"]["parameters"]


def test_each_elite_names_its_fronts(summary, pipeline):
    for elite in summary["elites"]:
        expected = [front for front in ("front1", "front2") if elite["name"] in pipeline.fronts[front]["elites"]]
        assert elite["fronts"] == expected


def test_the_headline_is_flat_numbers_that_dvc_can_show(summary):
    found = headline(summary)
    assert found["mae"]["int8"] == summary["edge"]["mae_int8"]
    assert all(isinstance(value, int | float) for part in found.values() for value in part.values())


def test_matrices_of_four_bits_are_named_where_a_model_has_some_and_nowhere_else(
    evaluation, pipeline, dataset, summary
):
    name = summary["edge"]["name"]
    edge = pipeline.edges[name]
    narrow = replace(edge, spec=make_spec(weights_of(edge.student), precision=Precision(head=4)))
    found = summarise(evaluation, replace(pipeline, edges={**pipeline.edges, name: narrow}), dataset.task)
    assert found["edge"]["four_bits"] == ["head"]
    one = model_cost(model_shape(edge.student, Precision(head=4)), 1.0)
    whole = model_cost(model_shape(edge.student), 1.0)
    for key in ("flash_bytes", "ram_bytes", "instructions"):
        assert found["edge"][key] == getattr(one, key)
    for key in ("ms_modelled", "energy_uj", "co2_ug"):
        wanted = summary["edge"][key] * getattr(one, key) / getattr(whole, key)
        assert found["edge"][key] == pytest.approx(wanted)
    assert not any("four_bits" in entry for entry in summary["edges"])


def test_branch_usage_stands_where_a_model_has_several_branches_and_nowhere_else(
    evaluation, pipeline, dataset, summary
):
    name = summary["edge"]["name"]
    one = pipeline.students[name]
    branched = replace(one, metrics={**one.metrics, "branch_usage": [0.75, 0.25]})
    found = summarise(evaluation, replace(pipeline, students={**pipeline.students, name: branched}), dataset.task)
    entries = [*found["students"], *found["elites"], *found["edges"], found["edge"]]
    assert [entry.pop("branch_usage") for entry in entries if entry["name"] == name] == [[0.75, 0.25]] * 4
    assert found == summary, "nothing else changes"
