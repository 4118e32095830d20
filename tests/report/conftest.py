"""A made pipeline, evaluated once for all tests that only look at it."""

from pathlib import Path

import made_report
import pytest

from dlnet.data.windows import WindowDataset
from dlnet.report import evaluation as module
from dlnet.report.pipeline import Pipeline
from dlnet.report.summary import summarise


@pytest.fixture
def engines(monkeypatch):
    """The integer reference in place of the interpreters, which need real .tflite files."""
    monkeypatch.setattr(module, "run_engines", made_report.shifted_engines)


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Path:
    """A folder that is not to be changed."""
    return made_report.make(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def dataset(project) -> WindowDataset:
    return WindowDataset.load(project / "data/windows", allow_test=True)


@pytest.fixture(scope="session")
def pipeline(project) -> Pipeline:
    return Pipeline.load(project / "models")


@pytest.fixture(scope="session")
def evaluation(pipeline, dataset):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "run_engines", made_report.shifted_engines)
        return module.evaluate(pipeline, dataset, 3)


@pytest.fixture(scope="session")
def choice(evaluation, pipeline, dataset):
    return made_report.choice(evaluation.content, pipeline, dataset.task.quantities)


@pytest.fixture(scope="session")
def summary(evaluation, pipeline, dataset, choice):
    return summarise(evaluation.content, pipeline, dataset.task, choice.student, choice.rule)
