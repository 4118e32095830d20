"""Builds a publication from what the pipeline left in models/, reports/ and data/windows/."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dlnet.errors import RegistryError
from dlnet.registry.keys import lineage
from dlnet.registry.names import LABEL, SOURCE
from dlnet.registry.pipeline_run import pipeline_run
from dlnet.registry.project import Project
from dlnet.registry.publication import Data, Publication
from dlnet.registry.run_records import baseline_runs, edge_runs, student_runs, teacher_run


def collect(root: Path) -> Publication:
    """Describe the pipeline below ``root``.

    Raises:
        DLNetError: an output of an earlier stage is missing or broken; names the file.
    """
    try:
        return _collect(root)
    except FileNotFoundError as error:
        raise RegistryError(f"{error.filename}: no such file; run the stage that makes it (dvc repro)") from error


def _collect(root: Path) -> Publication:
    project = Project.load(root)
    tags = {**lineage(root), SOURCE: project.task.source, LABEL: project.task.label}
    children = [*baseline_runs(project), teacher_run(project), *student_runs(project), *edge_runs(project)]
    return Publication(
        experiment=f"dlnet/{project.data_name}",
        pipeline=pipeline_run(project),
        children=tuple(children),
        data=_data(project, tags),
        lineage=tags,
    )


def _data(project: Project, tags: Mapping[str, str]) -> Data:
    digest = tags["dlnet.data"]
    if digest.startswith("none: "):  # outside of DVC the folder has no md5 of its own
        digest = "unlocked"
    source = {
        "dvc.path": "data/windows",
        "dvc.md5": tags["dlnet.data"],
        SOURCE: project.task.source,
    }
    counts = {
        f"{split}.{what}": number
        for split, entry in project.task.counts.items()
        for what, number in entry.content().items()
    }
    return Data(f"{project.data_name}-{project.task.track}", digest, source, counts)
