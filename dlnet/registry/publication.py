"""What is to be published, as plain data. Knows nothing of MLflow and nothing of where the files came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.gate.verdict import Verdict
from dlnet.registry.keys import content_key, digests

Curve = tuple[tuple[int, float], ...]
"""(step, value) pairs."""


@dataclass(frozen=True)
class Model:
    """A model that MLflow can load: models-from-code, never a pickle.

    Attributes:
        name: registered name, e.g. dlnet-edge.
        code: the Python file that loads it (``mlflow.models.set_model`` inside).
        files: name in the model -> local file.
        texts: name in the model -> content of a file made for it.
        example: input name -> array of one window, float32; with ``horizon`` it makes the signature.
        horizon: cycles ahead, the width of the output.
        requirements: pip requirements, pinned.
        description: the model card of its version, Markdown.
        verdict: the gate's word on its errors; None where no gate stands before this name.
        budget: its word on what the model takes on the device; None likewise.
    """

    name: str
    code: Path
    files: Mapping[str, Path]
    example: Mapping[str, npt.NDArray[np.float32]]
    horizon: int
    requirements: tuple[str, ...]
    description: str
    texts: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    budget: Verdict | None = None

    @property
    def passed(self) -> bool:
        """Whether it may become a candidate."""
        return all(one is not None and one.passed for one in (self.verdict, self.budget))

    @cached_property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file and text."""
        texts = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()}
        return digests(self.files) | texts

    @cached_property
    def key(self) -> str:
        """Content hash: the same files, code and signature are the same version."""
        shapes = {name: list(array.shape[1:]) for name, array in self.example.items()}
        return content_key(self.name, self.sha256, digests({"code": self.code}), shapes, self.horizon)


@dataclass(frozen=True)
class RunRecord:
    """One run: what it was, what came out, and the files that belong to it.

    Attributes:
        kind: pipeline, baseline, teacher, student, pruned or edge.
        name: unique among runs of its kind.
        title: how the list in the UI shows it.
        curves: metric -> its course.
        files: artefact path -> local file.
        texts: artefact path -> content.
        tables: artefact path (.json) -> table, shown by the UI as such.
        volatile: artefact path -> local file that differs from run to run (wall time, energy): logged, not in the key.
        views: artefact path -> page made of what is logged anyway, by a library of any version: not in the key.
    """

    kind: str
    name: str
    title: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    volatile: Mapping[str, Path] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    model: Model | None = None

    @cached_property
    def key(self) -> str:
        """Content hash of all that is logged, but for tags, views and what is volatile."""
        tables = {name: table_json(table) for name, table in self.tables.items()}
        return content_key(
            self.kind, self.name, dict(self.params), dict(self.metrics), dict(self.curves), digests(self.files),
            dict(self.texts), tables, self.model.key if self.model else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Data:
    """The data set a pipeline learned from.

    Attributes:
        digest: DVC's md5, at most 36 characters.
        source: what ``CodeDatasetSource`` carries, e.g. dvc.path and dvc.md5.
        profile: counts.
    """

    name: str
    digest: str
    source: Mapping[str, str]
    profile: Mapping[str, int | float | str]


@dataclass(frozen=True)
class Publication:
    """A pipeline: its parent run, the runs below it, and the lineage that every run and version carries."""

    experiment: str
    pipeline: RunRecord
    children: tuple[RunRecord, ...]
    data: Data
    lineage: Mapping[str, str]

    @cached_property
    def key(self) -> str:
        """Content hash of the whole pipeline, but for the commit it was published from."""
        return content_key(self.experiment, self.pipeline.key, [run.key for run in self.children], self.data.digest)

    @property
    def models(self) -> list[tuple[RunRecord, Model]]:
        """The runs that carry a model."""
        return [(run, run.model) for run in self.children if run.model]

    def summary(self) -> dict[str, object]:
        """JSON-ready and the same each time: keys and names, no run ids, no times."""
        return {
            "experiment": self.experiment,
            "pipeline": {"title": self.pipeline.title, "key": self.key},
            "runs": [{"kind": run.kind, "name": run.name, "key": run.key} for run in self.children],
            "models": {model.name: _entry(run, model) for run, model in self.models},
        }


def table_json(table: pd.DataFrame) -> str:
    """A table in the form that MLflow's UI reads (orient split)."""
    return table.to_json(orient="split", index=False, double_precision=15)


def _entry(run: RunRecord, model: Model) -> dict[str, object]:
    entry: dict[str, object] = {"run": run.name, "key": model.key, "sha256": model.sha256}
    for name, judged in (("gate", model.verdict), ("budget", model.budget)):
        if judged:
            entry[name] = {"passed": judged.passed, "reasons": list(judged.reasons)}
    return entry
