"""From the pipeline's folders to a publication, and that publication in a real registry."""

import json
import shutil
from pathlib import Path

import pytest
from made_pipeline import EDGE, LIMITS, RIVALS, competing, figures, make
from registry_content import content

from dlnet.config.quantities import load_quantities
from dlnet.errors import DLNetError
from dlnet.export.documents import EdgeMetrics
from dlnet.gate.choice import CHOICE, choose
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.publish import publish
from dlnet.report.documents import EvaluationReport, FormSummary, SummaryReport
from tasks import BATTERY

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path):
    shutil.copytree(made, tmp_path / "project")
    return tmp_path / "project"


def test_every_model_is_a_run(made):
    publication = collect(made)
    kinds = [run.kind for run in publication.children]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "baseline": 5, "teacher": 1, "student": 2, "pruned": 1, "edge": 2,
    }  # fmt: skip
    assert len({(run.kind, run.name) for run in publication.children}) == len(kinds)
    assert [model.name for _, model in publication.models] == ["dlnet-teacher", "dlnet-student", "dlnet-edge"]


def test_versions_and_runs_know_source_and_label_of_their_data(made):
    known = collect(made).lineage
    assert (known["dlnet.source"], known["dlnet.label"]) == ("embedded", "synthetic cells (simulated)")


def test_the_models_of_another_task_have_names_of_their_own(tmp_path):
    publication = collect(make(tmp_path, quantities=load_quantities("pump", PROJECT / "tasks")))
    models = [model for _, model in publication.models]
    assert [model.name for model in models] == ["dlnet-pump-teacher", "dlnet-pump-student", "dlnet-pump-edge"]
    assert models[0].about.endswith("output: relative head of the next days.")
    assert (publication.experiment, publication.data.name) == ("dlnet/pump-embedded", "pump-embedded-with_target")


def test_the_student_registered_is_the_one_the_edge_model_was_made_from(made):
    run, _ = collect(made).models[1]
    assert run.name == EDGE


def test_the_parent_carries_the_headline(made):
    pipeline = collect(made).pipeline
    assert pipeline.title == "int8 0.00132, with_target"
    assert pipeline.metrics["gate_passed"] == 1.0
    assert pipeline.metrics["mae_ridge"] == pytest.approx(1.1 * 0.0014)
    assert pipeline.metrics["int8_over_boosting"] == pytest.approx(0.0012 / 0.0013)
    assert {"fronts/front1.json", "figures/front1.png", "params.yaml", "data/report.md"} <= set(pipeline.files)
    assert list(pipeline.tables["fronts/front1-table.json"]["front"].unique()) == [True]


def test_a_student_has_its_params_its_figures_and_its_curve(made):
    run = next(run for run in collect(made).children if run.name == EDGE and run.kind == "student")
    trained = {"loss": "labels", "seed": "0", "training_windows": "99", "bits": "0"}
    assert run.params == {"cell": "liquid", "hidden": "4", "branches": "1", **trained}
    assert run.metrics["mae_validation"] == 0.0012
    assert run.metrics["mae"] == pytest.approx(1.1 * 0.00119)
    assert run.metrics["flash_bytes"] > 0
    assert run.curves["learning.loss"][:2] == ((0, 1.0), (100, 0.5))
    assert sorted(run.files) == ["model.json", "model.safetensors"]


def test_branch_usage_is_a_metric_of_both_runs_and_a_line_of_the_card(project, made):
    path = project / "reports/summary.json"
    summary = SummaryReport.read(path)
    usage = {"branch_usage": (0.617, 0.383)}
    students, edges = (
        tuple(one.model_copy(update=usage) if one.name == EDGE else one for one in entries)
        for entries in (summary.students, summary.edges)
    )
    changed = {"students": students, "edges": edges, "edge": summary.edge.model_copy(update=usage)}
    summary.model_copy(update=changed).write(path)
    publication, plain = collect(project), collect(made)
    for run, without in zip(publication.children, plain.children, strict=True):
        more = {"branch_usage_0": 0.617, "branch_usage_1": 0.383} if run.name == EDGE else {}
        assert run.metrics == {**without.metrics, **more}
    line = "A gate picks one of 2 branches a window. Validation windows by branch: 62 / 38 %."
    cards = [[model.description for _, model in one.models] for one in (publication, plain)]
    assert [line in card for card in cards[0]] == [False, False, True]
    assert cards[0][2].replace(f"\n{line}\n", "") == cards[1][2]
    assert "| branch_usage_1 | 0.383 |" in cards[0][1]


def test_weights_of_four_bits_are_a_line_of_the_card(project, made):
    path = project / "reports/summary.json"
    summary = SummaryReport.read(path)
    edge = summary.edge.model_copy(update={"four_bits": ("step", "head")})
    edges = tuple(edge if one.name == edge.name else one for one in summary.edges)
    summary.model_copy(update={"edges": edges}).write(path)
    cards = [collect(one).models[2][1].description for one in (project, made)]
    line = "Weights of 4 bits instead of 8: step and head."
    assert cards[0].replace(f"\n{line}\n", "") == cards[1] != cards[0]


@pytest.mark.parametrize(("int8", "passed"), [(0.00122, True), (0.00123, False), (0.0015, False)])
def test_the_gate_sees_validation_errors(tmp_path, int8, passed):
    model = collect(make(tmp_path / "made", int8=int8)).models[2][1]
    assert model.verdict.passed is passed  # 0.00123 / 0.00119 is above 1.03


@pytest.mark.parametrize(
    "gone",
    ["reports/summary.json", f"models/edge/{EDGE}/spec.json", f"models/students/{EDGE}/model.json", "params.yaml",
     f"models/edge/{EDGE}/head.tflite", "models/baselines/baselines.json"],
)  # fmt: skip
def test_a_missing_output_is_named(project, gone):
    (project / gone).unlink()
    with pytest.raises(DLNetError, match=gone.rpartition("/")[2]):
        assert collect(project).key


def test_the_summary_is_the_same_each_time_and_json_ready(made):
    first, second = collect(made).summary(), collect(made).summary()
    assert json.dumps(first) == json.dumps(second)


def test_what_varies_by_nature_is_logged_but_no_part_of_the_key(project, made):
    (project / "reports/volatile/teach.json").write_text("{}")
    publication = collect(project)
    assert "volatile/teach.json" in publication.pipeline.volatile
    assert publication.key == collect(made).key


def test_a_registered_model_knows_its_data_and_its_errors_by_row_ahead(made):
    for _, model in collect(made).models:
        assert json.loads(model.files["model.json"].read_text())["data"]["nominal"] == [1.1]
        known = json.loads(model.texts["evaluation.json"])
        assert known["test"]["mae"] > known["validation"]["mae"]
        assert len(known["validation"]["by_horizon"]) == 12


def test_one_changed_weight_is_another_pipeline_and_student_but_the_same_teacher(project, made):
    weights = project / f"models/students/{EDGE}/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    before, after = collect(made), collect(project)
    assert before.key != after.key
    keys = [{run.name: run.key for run in one.children if run.kind != "edge"} for one in (before, after)]
    assert [name for name in keys[0] if keys[0][name] != keys[1][name]] == [EDGE]


def test_the_whole_pipeline_in_a_registry_twice(registry, made):
    client = connect()
    publish(collect(made), client)
    before = content(client)
    assert len(before["runs"]) == 12
    assert set(before["registered"]) == {"dlnet-teacher", "dlnet-student", "dlnet-edge"}
    assert before["registered"]["dlnet-edge"]["aliases"] == {"candidate": 1}
    publish(collect(made), client)
    assert content(client) == before


def test_a_form_that_was_chosen_is_registered_with_its_own_files_and_figures(project):
    name, folder = "linear", project / "models/edge/linear"
    shutil.copytree(project / "models/edge" / EDGE, folder)
    for graph in ("step.tflite", "head.tflite"):
        (folder / graph).unlink()
    metrics = EdgeMetrics.read(folder / "metrics.json")
    metrics.model_copy(update={"name": name, "kind": "linear"}).write(folder / "metrics.json")
    evaluation = EvaluationReport.read(project / "reports/evaluation.json")
    forms = {name: evaluation.edge[EDGE].int8}
    evaluation.model_copy(update={"forms": forms}).write(project / "reports/evaluation.json")
    form = FormSummary(
        **dict(figures(0.00111)), validation=figures(0.00101), name=name, kind="linear", bytes=1900, parameters=816,
        mae_float_validation=0.001,
    )  # fmt: skip
    summary = SummaryReport.read(project / "reports/summary.json")
    summary.model_copy(update={"forms": (form,)}).write(project / "reports/summary.json")
    students = [competing(path.name, 0.0012) for path in (project / "models/edge").iterdir() if path.name != name]
    both = [*students, competing(name, 0.00101, kind="linear")]
    choose(both, RIVALS, LIMITS, BATTERY, 20).write(project / CHOICE)
    publication = collect(project)
    run, model = publication.models[2]
    assert (run.title, run.metrics["mae"], model.name, model.passed) == ("linear linear", 0.00111, "dlnet-edge", True)
    assert sorted(model.files) == sorted(run.files) == ["golden.safetensors", "metrics.json", "model.json", "spec.json"]
    assert publication.pipeline.title == "linear 0.00111, with_target"
    assert publication.pipeline.metrics["mae_chosen"] == 0.00111
    assert "linear form is the candidate" in publication.pipeline.tags["mlflow.note.content"]
    assert [run.name for run, _ in publication.models[:2]] == ["teacher", EDGE]
