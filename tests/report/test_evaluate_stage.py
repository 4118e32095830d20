"""The stage as dvc runs it: outputs, the same bytes, and clear words when something is missing."""

import hashlib
import shutil
from pathlib import Path

import made_report
import pytest
from ruamel.yaml import YAML
from synthetic_dataset import task

from dlnet.files import write_parquet
from dlnet.report.documents import SummaryReport
from dlnet.report.plots import PICTURES
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
