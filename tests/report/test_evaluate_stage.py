"""The stage as dvc runs it: outputs, the same bytes, and clear words when something is missing."""

import hashlib
import shutil
from pathlib import Path

import made_report
import pytest
from ruamel.yaml import YAML
from synthetic_dataset import task

from dlnet.export.saved import SavedEdge
from dlnet.files import read_json, write_parquet
from dlnet.firmware.documents import DifferingModel, FirmwareReport
from dlnet.gate.choice import Choice
from dlnet.report.documents import SummaryReport
from dlnet.report.plots import PICTURES
from dlnet.saved import load_as
from dlnet.select.record import FrontRecord
from stages import evaluate, run

OUTPUTS = ("choice.json", "evaluation.json", "metrics.json", "report.md", "summary.json")


@pytest.fixture
def workdir(project, tmp_path, monkeypatch, engines) -> Path:
    """A copy of the made project, as current folder."""
    shutil.copytree(project, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump({"task": task().model_dump(), "publish": made_report.PUBLISH.model_dump()}, stream)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_pictures(monkeypatch):
    """Drawing takes seconds and is tested elsewhere."""
    monkeypatch.setattr(evaluate, "draw", lambda *_: None)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_two_runs_leave_the_same_bytes(workdir):
    found = []
    for _ in range(2):
        evaluate.main()
        found.append(digests(workdir / "reports"))
    assert found[0] == found[1]
    assert {*OUTPUTS, *(f"figures/{name}" for _, name in PICTURES), "plots/horizon.csv"} <= set(found[0])


@pytest.mark.parametrize(
    "missing",
    [
        "data/windows/task.json", "models/baselines/predictions.safetensors", "models/teacher/model.safetensors",
        f"models/students/{made_report.PARENT}/model.safetensors", "models/front2/front.json",
        "models/front1/table.parquet",
        "models/pruned/distillation.json", "models/students/learning.parquet", "reports/firmware.json",
    ],
)  # fmt: skip
def test_a_missing_file_ends_in_one_line_that_names_it(workdir, no_pictures, missing):
    (workdir / missing).unlink()
    with pytest.raises(SystemExit) as caught:
        run(evaluate.main)
    message = str(caught.value)
    assert message.startswith("error: ")
    assert missing in message
    assert "\n" not in message
    assert not (workdir / "reports/summary.json").exists()


@pytest.mark.parametrize("name", ["step.tflite", "spec.json"])
def test_an_elite_that_was_not_quantised_is_named(workdir, no_pictures, name):
    elite = FrontRecord.read(workdir / "models/front2/front.json").elites[0]
    (workdir / "models/edge" / elite / name).unlink()
    with pytest.raises(SystemExit, match=f"models/edge/{elite}/{name}: no such file"):
        run(evaluate.main)


def test_a_damaged_table_is_named(workdir, no_pictures):
    (workdir / "models/front1/table.parquet").write_bytes(b"not parquet")
    with pytest.raises(SystemExit, match=r"models/front1/table\.parquet: not a Parquet file"):
        run(evaluate.main)


def test_health_of_test_assets_changes_test_figures_only(workdir, no_pictures):
    evaluate.main()
    before = SummaryReport.read(workdir / "reports/summary.json")
    rows, assets = made_report.synthetic_tables()
    test = rows["asset"].map(dict(zip(assets["asset"], assets["split"], strict=True))) == "test"
    write_parquet(workdir / "data/windows/rows.parquet", rows.assign(target=rows["target"].where(~test, 0.9)))
    evaluate.main()
    after = SummaryReport.read(workdir / "reports/summary.json")
    assert after.edge.name == before.edge.name
    assert after.edge.validation == before.edge.validation
    assert after.edge.mae_int8 != before.edge.mae_int8


def test_where_the_students_code_differs_the_form_ships(workdir, no_pictures, capsys):
    """The report speaks of the best student all the same."""
    entries = []
    for folder in (path for path in (workdir / "models/edge").iterdir() if path.name != made_report.FORM):
        sha256 = load_as(folder, SavedEdge).device.sha256
        entries.append(DifferingModel(model=folder.name, sha256=sha256, differs="state differs: Arm, DSP path"))
    FirmwareReport(compiler="gcc", models=tuple(entries)).write(workdir / "reports/firmware.json")
    evaluate.main()
    choice = Choice.read(workdir / "reports/choice.json")
    assert (choice.name, choice.kind, choice.candidate) == (made_report.FORM, "linear", True)
    assert capsys.readouterr().out.splitlines()[-1] == choice.sentence
    assert choice.sentence.startswith("linear form is the candidate: ")
    summary, text = SummaryReport.read(workdir / "reports/summary.json"), (workdir / "reports/report.md").read_text()
    assert summary.edge.name == choice.student in {entry.model for entry in entries}
    assert choice.sentence in text.split("## ")[0]
    assert f"- `{entries[0].model}`: not equal to the reference: state differs: Arm, DSP path\n" in text
    assert read_json(workdir / "reports/metrics.json")["mae"]["chosen"] == summary.shipped(made_report.FORM).mae


def test_no_other_stage_asks_for_test_targets():
    stages = Path(evaluate.__file__).parent.glob("*.py")
    assert [path.name for path in stages if "allow_test=True" in path.read_text()] == ["evaluate.py"]


@pytest.mark.slow
def test_real_tflite_files_stand_within_one_per_cent_of_the_reference(tmp_path, monkeypatch, no_pictures):
    from dlnet.export.litert import convert

    made_report.make(tmp_path, convert)
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML().dump({"task": task().model_dump(), "publish": made_report.PUBLISH.model_dump()}, stream)
    monkeypatch.chdir(tmp_path)
    evaluate.main()
    for edge in SummaryReport.read(tmp_path / "reports/summary.json").edges:
        for mae in (edge.mae_litert, edge.mae_litert_optimised, edge.mae_tflm):
            assert mae == pytest.approx(edge.mae_int8, rel=0.01)
