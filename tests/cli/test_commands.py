"""``dlnet report``, ``dlnet data report``, ``dlnet doctor``."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from made_pipeline import CLEAN, SPLIT, TASK, figures, make, synthetic_assets

from dlnet.cli import doctor, main
from dlnet.cli.set_params import set_params
from dlnet.data.csvfiles import same_names
from dlnet.data.documents import SourceRecord
from dlnet.data.prepare import prepare
from dlnet.data.report import describe, markdown
from dlnet.files import write_text
from dlnet.gate.choice import CHOICE, Choice
from dlnet.report.documents import FormSummary, SummaryReport
from tasks import BATTERY

PARAMS = "data: {source: embedded, path: data/embedded.parquet, mirror: null, csv: {target: c, unit: Ah, nominal: 1, time: null, features: {}}}\n"  # noqa: E501


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder in which nothing that is needed is missing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DLNET_DATA_MIRROR", raising=False)
    for name in ("params.yaml", "requirements.lock", ".dvc/config", "dvc.yaml", "data/embedded.parquet"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(
            {"params.yaml": PARAMS, "requirements.lock": f"numpy=={doctor.installed('numpy')}\n"}.get(name, "")
        )
    return tmp_path


def check(name):
    return next(one for one in doctor.examine(Path()) if one.name.startswith(name))


def test_report_prints_every_model_and_the_line_that_opens_mlflow(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(make(tmp_path / "made"))
    assert main(["report"]) == 0
    printed = capsys.readouterr().out
    summary = SummaryReport.read(Path("reports/summary.json"))
    for name in (*summary.baselines, "teacher", *(one.name for one in summary.edges)):
        assert name in printed
    assert f"{summary.edge.mae_int8:.5f}" in printed
    assert "synthetic cells (simulated)" in printed
    assert Choice.read(CHOICE).sentence in printed
    assert "make ui" in printed


def test_report_names_a_form_that_can_ship(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(make(tmp_path / "made"))
    path = Path("reports/summary.json")
    form = FormSummary(
        **dict(figures(0.00111)), validation=figures(0.00101), name="linear", kind="linear", bytes=1900, parameters=816,
        mae_float_validation=0.001,
    )  # fmt: skip
    SummaryReport.read(path).model_copy(update={"forms": (form,)}).write(path)
    assert main(["report"]) == 0
    assert "linear form " in capsys.readouterr().out


def test_report_without_a_run_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 1
    assert "reports/summary.json: no such file; run" in capsys.readouterr().err


def test_data_report_prints_source_notes_and_splits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "report"]) == 1
    assert "reports/data/report.md: no such file; run dvc repro prepare" in capsys.readouterr().err
    columns = same_names("capacity", "Ah", ["CC Q", "CV Q"])
    source = SourceRecord(
        task="battery", source="embedded", simulated=True, label="made cells", nominal=(1.1,), columns=columns,
        assets=8, rows=480, notes=("a note",),
    )  # fmt: skip
    prepared = prepare(synthetic_assets(), source, BATTERY, CLEAN, SPLIT, TASK)
    write_text(Path("reports/data/report.md"), markdown(describe(prepared, CLEAN, SPLIT), BATTERY, []))
    assert main(["data", "report"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# Data: made cells\n")
    assert "- a note\n" in printed
    assert len(prepared.assets.query("split == 'train'")) == int(re.search(r"^\| train \| (\d+) ", printed, re.M)[1])
    assert "Cleaned" not in printed


def test_doctor_is_content_where_all_is_there(project, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "DISK_BYTES", 1)
    assert main(["doctor"]) == 0
    assert "Python" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gone", "name", "fix"),
    [
        ("data/embedded.parquet", "data", "git checkout"),
        (".dvc/config", "pipeline", "git checkout"),
        ("requirements.lock", "packages", "cd to the project"),
    ],
)
def test_what_is_missing_is_named_with_its_cure(project, gone, name, fix):
    Path(gone).unlink()
    found = check(name)
    assert not found.ok
    assert found.needed
    assert fix in found.fix
    assert main(["doctor"]) == 1


def test_another_version_than_the_locked_one_is_seen(project):
    Path("requirements.lock").write_text("numpy==1.0.0\nnot-installed-extra==2.0\n")
    found = check("packages")
    assert not found.ok
    assert "locked 1.0.0" in found.found


def test_every_package_a_stage_cannot_start_without_is_missed(project, monkeypatch):
    Path("requirements.lock").write_text("docker==7.0.0\npsutil==6.0.0\npybamm==26.10\n")
    monkeypatch.setattr(doctor, "installed", lambda name: None)
    assert check("packages").found == "docker missing; psutil missing"


def test_a_local_suffix_is_no_other_version(project, monkeypatch):
    monkeypatch.setattr(doctor, "installed", lambda name: "2.13.0+cpu")
    Path("requirements.lock").write_text("torch==2.13.0\n")
    assert check("packages").ok


def test_tools_of_later_stages_are_optional(project, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    missing = {one.name for one in doctor.examine(Path()) if not one.ok and one.needed}
    assert missing == {"git", "make"}


def test_a_server_that_does_not_answer_is_seen(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    found = check("MLflow")
    assert not found.ok
    assert "127.0.0.1:9" in found.found


def test_wrong_params_are_seen(project):
    Path("params.yaml").write_text("data: {source: moon}\n")
    assert not check("data").ok


@pytest.mark.parametrize("track", [False, True])
def test_doctor_says_what_an_experiment_in_a_folder_of_its_own_lacks(project, track):
    set_params(["data.source=csv", "data.path=my_cells"])
    Path("my_cells").mkdir()
    Path("my_cells/c.csv").write_text("capacity\n1\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    if track:
        subprocess.run(["git", "add", "my_cells"], check=True)
    own = check("data for dvc exp")
    assert (own.ok, own.needed) == (track, False)
    assert own.fix == "dvc add my_cells, or an absolute data.path"


def test_doctor_asks_nothing_of_an_absolute_path(project, tmp_path):
    set_params(["data.source=csv", f"data.path={tmp_path}"])
    assert not [one for one in doctor.examine(Path()) if one.name.startswith("data for dvc exp")]
