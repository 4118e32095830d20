"""What is to be published, as plain data, independent of MLflow and of the pipeline's folders."""

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
        name: registered name, e.g. dlnet-edge or dlnet-pump-edge.
        code: the Python file that loads it (``mlflow.models.set_model`` inside).
        files: name in the model -> local file.
        texts: name in the model -> content of a file made for it.
        example: input name -> array of one window, float32; with ``horizon`` it makes the signature.
        horizon: rows ahead, the width of the output.
        requirements: pip requirements, pinned.
        description: the model card of its version, Markdown.
        about: description of the registered model, for all its versions.
        verdict: result of the gate; None for a name without a gate.
        budget: result of the budget on the device; None likewise.
        brings: name below the model's folder ``code`` -> local file: modules that ``code`` imports.
    """

    name: str
    code: Path
    files: Mapping[str, Path]
    example: Mapping[str, npt.NDArray[np.float32]]
    horizon: int
    requirements: tuple[str, ...]
    description: str
    about: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    verdict: Verdict | None = None
    budget: Verdict | None = None
    brings: Mapping[str, Path] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether it may become a candidate."""
        return all(result is not None and result.passed for result in (self.verdict, self.budget))

    @cached_property
    def sha256(self) -> dict[str, str]:
        """SHA-256 of each file and text."""
        texts = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()}
        return digests(self.files) | texts

    @cached_property
    def key(self) -> str:
        """Content hash: the same files, code and signature are the same version."""
        shapes = {name: list(array.shape[1:]) for name, array in self.example.items()}
        code = digests({"code": self.code, **self.brings})
        return content_key(self.name, self.sha256, code, shapes, self.horizon)


@dataclass(frozen=True)
class RunRecord:
    """One run: its params, metrics, and files.

    Attributes:
        kind: pipeline, baseline, teacher, student, pruned or edge.
        name: unique among runs of its kind.
        title: its name in the UI's list.
        curves: metric -> its values by step.
        files: artefact path -> local file.
        texts: artefact path -> content.
        tables: artefact path (.json) -> table, shown by the UI as such.
        volatile: artefact path -> local file that differs from run to run (wall time, energy): logged, not in the key.
        views: artefact path -> page made from logged data; its bytes depend on a library's version: not in the key.
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
        """Content hash of all that is logged, except tags, views and volatile files."""
        tables = {name: table_json(table) for name, table in self.tables.items()}
        return content_key(
            self.kind, self.name, dict(self.params), dict(self.metrics), dict(self.curves), digests(self.files),
            dict(self.texts), tables, self.model.key if self.model else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Data:
    """The dataset of a pipeline.

    Attributes:
        digest: DVC's md5, at most 36 characters.
        source: fields of ``CodeDatasetSource``, e.g. dvc.path and dvc.md5.
        profile: counts.
    """

    name: str
    digest: str
    source: Mapping[str, str]
    profile: Mapping[str, int | float | str]


@dataclass(frozen=True)
class Publication:
    """A pipeline: its parent run, the runs below it, and the lineage tags of every run and version."""

    experiment: str
    pipeline: RunRecord
    children: tuple[RunRecord, ...]
    data: Data
    lineage: Mapping[str, str]

    @cached_property
    def key(self) -> str:
        """Content hash of the pipeline; the git commit is not part of it."""
        return content_key(self.experiment, self.pipeline.key, [run.key for run in self.children], self.data.digest)

    @property
    def models(self) -> list[tuple[RunRecord, Model]]:
        """The runs that have a model."""
        return [(run, run.model) for run in self.children if run.model]

    def summary(self) -> dict[str, object]:
        """JSON-ready and reproducible: keys and names, no run ids, no times."""
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
    for name, result in (("gate", model.verdict), ("budget", model.budget)):
        if result:
            entry[name] = {"passed": result.passed, "reasons": list(result.reasons)}
    return entry
