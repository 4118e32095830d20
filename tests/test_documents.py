"""Every JSON document: written and read back equal; a wrong field is an error of one line that names it."""

import json

import pytest

from dlnet.baselines.record import BaselineTable
from dlnet.data.documents import SourceRecord, TaskRecord
from dlnet.distill.gains import Distillation, PrunedDistillation
from dlnet.documents import Document
from dlnet.errors import DLNetError, DocumentError
from dlnet.export.documents import EdgeMetrics, VersionRecord
from dlnet.firmware.documents import FirmwareReport
from dlnet.gate.choice import Choice
from dlnet.report.documents import EvaluationReport, Headline, SummaryReport
from dlnet.select.record import FrontRecord
from tasks import BATTERY

ERRORS = {"mae": 0.1, "rmse": 0.2, "asset_mae": 0.1, "worst_asset": {"asset": "a", "mae": 0.3}}
SPREAD = {"mean": 0.1, "std": 0.01}
VERDICT = {"teaches": True, "teacher_mae": 0.1, "student_mae": 0.2, "student": "liquid-4", "text": "It teaches."}
GAIN = {
    "cell": "liquid", "hidden": 4, "branches": 1, "loss": "l1", "seeds": 2, "mae_validation": SPREAD, "gain": SPREAD,
}  # fmt: skip
PRUNED = {
    "method": "l1", "sparsity": 0.5, "bits": 0, "loss": "l1", "networks": 2, "taught": SPREAD, "labels": SPREAD,
    "gain": SPREAD,
}  # fmt: skip
SOURCE = {
    "task": "battery", "source": "csv", "simulated": False, "label": "own", "assets": 6, "rows": 9, "nominal": [2.0],
    "notes": ["A."], "findings": [],
    "columns": {
        "target": "Q", "unit": "Ah", "time": None, "features": {"slope": "dV/dt"}, "cycle": None, "asset": None,
        "parts": None, "include": None, "labels": "check_up",
    },
}  # fmt: skip
CHANNELS = {"features": ["slope"], "relative": [], "quantiles": 5, "noise": 0.0, "drop": 0.25}
CONTENTS = [
    (FrontRecord, {"objectives": ["mae_validation"], "front": ["a", "b"], "elites": ["a"], "notes": []}),
    (Distillation, {"teacher": VERDICT, "gains": [GAIN]}),
    (PrunedDistillation, {"gains": [PRUNED]}),
    (
        BaselineTable,
        {
            "line": {
                "bytes": 0, "parameters": 0, "uses_target": True, "validation": ERRORS, "chosen": {},
                "tried": [{"features": ["x"], "alpha": 0.5, "target": None}],
            }
        },
    ),
    (
        EdgeMetrics,
        {
            "name": "a", "kind": "network", "parameters": 9, "mae_float_validation": 0.1, "mae_int8_validation": 0.1,
            "mae_engines_validation": {"tflm": 0.1}, "largest_difference": {"tflm": {"hidden": 1}},
            "bits": {"step": 4}, "sensitivity": {"step": 1.01}, "stored_bytes": {"total": 9}, "spec_bytes": 9,
            "tflite_bytes": 9,
        },
    ),
    (SourceRecord, SOURCE),
    (
        TaskRecord,
        {
            **SOURCE, "track": "with_target", "window": 10, "block": 5, "horizon": 20, "knots": [10, 20],
            "stride_train": 1, "stride_eval": 5, "typical": {"slope": 0.01}, "preset": "quick",
            "channels": CHANNELS, "features": ["slope"],
            "quantities": BATTERY.model_dump(mode="json"),
            "clean": {"window": 7, "sigmas": 3.0, "feature_sigmas": 6.0, "min_rows": 45},
            "counts": {
                "train": {"assets": 6, "rows": 9, "windows": 9, "assets_used": 2},
                "unused": {"assets": 1, "rows": 2},
            },
        },
    ),
    (VersionRecord, {"name": "dlnet-edge", "number": 7, "tags": {"dlnet.gate": "passed"}}),
    (
        Headline,
        {
            "mae": {"int8": 0.1},
            "int8": {
                "worst_asset_mae": 0.2, "over_float": 1.01, "parameters": 9, "spec_bytes": 9, "tflite_bytes": 9,
            },
        },
    ),
    (
        FirmwareReport,
        {
            "compiler": None, "not_measured": "no compiler",
            "models": [{"model": "a", "sha256": "0", "differs": "state differs"}],
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content"), CONTENTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_file_is_written_as_it_was_read(tmp_path, kind, content):
    path, again = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    document = kind.read(path)
    document.write(again)
    assert again.read_text() == path.read_text()
    assert kind.read(again) == document


@pytest.mark.parametrize("name", ["summary", "evaluation", "choice"])
def test_reports_of_a_synthetic_pipeline_are_written_as_they_were_read(tmp_path, name, synthetic_reports):
    kind = {"summary": SummaryReport, "evaluation": EvaluationReport, "choice": Choice}[name]
    document = kind.read(synthetic_reports / f"{name}.json")
    document.write(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (synthetic_reports / f"{name}.json").read_bytes()


@pytest.fixture(scope="module")
def synthetic_reports(tmp_path_factory):
    """reports/ with every optional field of a student set in one entry and missing in the others."""
    import helper_paths

    helper_paths.use("registry")
    import made_pipeline

    reports = made_pipeline.make(tmp_path_factory.mktemp("made")) / "reports"
    summary = SummaryReport.read(reports / "summary.json")
    more = {"method": "l1", "sparsity": 0.5, "parent": "x", "stage2": "taught", "branch_usage": (0.5, 0.5)}
    edge = summary.edge.model_copy(update={**more, "four_bits": ("head",), "rule": "the best"})
    summary.model_copy(update={"edge": edge}).write(reports / "summary.json")
    return reports


def without(content, *keys):
    *path, last = keys
    inner = content
    for key in path:
        inner = inner[key]
    del inner[last]


def put(content, value, *keys):
    *path, last = keys
    inner = content
    for key in path:
        inner = inner[key]
    inner[last] = value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: without(content, "teacher", "student_mae"), "teacher.student_mae: Field required"),
        (lambda content: put(content, 1, "teacher", "more"), "teacher.more: Extra inputs are not permitted (got 1)"),
        (
            lambda content: put(content, "0.1", "gains", 0, "gain", "mean"),
            "gains.0.gain.mean: Input should be a valid number (got '0.1')",
        ),
        (
            lambda content: put(content, float("nan"), "teacher", "teacher_mae"),
            "teacher.teacher_mae: Input should be a finite number (got nan)",
        ),
        (lambda content: put(content, None, "gains", 0, "seeds"), "gains.0.seeds: Input should be a valid integer"),
    ],
    ids=["missing", "unknown", "text for a number", "NaN", "null"],
)
def test_a_wrong_field_is_one_line_that_names_file_and_field(tmp_path, change, message):
    path, content = tmp_path / "distillation.json", json.loads(json.dumps(dict(CONTENTS)[Distillation]))
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DocumentError) as caught:
        Distillation.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "dvc repro" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_several_wrong_fields_the_first_is_named_and_the_others_are_counted(tmp_path):
    path = tmp_path / "front.json"
    path.write_text('{"objectives": ["mae_validation"]}')
    with pytest.raises(DocumentError, match=r"front\.json: front: Field required \(and 2 more\); .* dvc repro"):
        FrontRecord.read(path)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b"[]", b"null"])
def test_a_file_that_is_no_json_object_is_named(tmp_path, content):
    path = tmp_path / "front.json"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=r"front\.json: .*; delete the file and run dvc repro") as caught:
        FrontRecord.read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_the_stage_to_run(tmp_path):
    with pytest.raises(DLNetError, match=r"front\.json: no such file; .*dvc repro"):
        FrontRecord.read(tmp_path / "front.json")


def test_only_a_field_with_a_default_is_left_out_if_none():
    class Both(Document):
        needed: int | None
        optional: int | None = None

    assert Both(needed=None).content() == {"needed": None}
    assert Both(needed=None, optional=0).content() == {"needed": None, "optional": 0}


def test_conversion_copies_the_fields_that_both_have():
    class Small(Document):
        front: tuple[str, ...]
        count: int

    record = FrontRecord(objectives=(), front=("a",), elites=(), notes=())
    assert record.to(Small, count=1) == Small(front=("a",), count=1)
