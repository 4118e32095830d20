"""The Docker engine these tests need, and a project to run in it."""

import shutil
import tempfile
from pathlib import Path

import pytest
from made_project import commit, make_project, run

from stages.containers import images
from stages.containers.engine import connect
from stages.containers.errors import EngineError
from stages.containers.identity import identify
from stages.containers.orphans import PROJECT_LABEL, remove


@pytest.fixture(scope="session")
def engine():
    try:
        return connect()
    except EngineError as error:
        pytest.skip(f"{error}; sudo systemctl start docker (or sudo dockerd)")


@pytest.fixture
def place(engine, containers_of):
    """An empty folder that any user may enter, unlike those of tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="dlnet-containers-"))
    folder.chmod(0o777)
    yield folder
    for left in containers_of(folder / "project"):
        remove(left)
    shutil.rmtree(folder)


@pytest.fixture
def bare(engine, place):
    """A project without DVC; its image is there."""
    project = make_project(place / "project", dvc=False)
    images.ensure(engine, identify("one", project), project)
    return project


@pytest.fixture(scope="session")
def pattern(engine, tmp_path_factory):
    """A DVC project of two stages whose images are made, its own stages not yet run."""
    folder = make_project(tmp_path_factory.mktemp("pattern") / "project")
    run(folder, "dvc", "repro", "image")
    commit(folder)
    return folder


@pytest.fixture
def project(pattern, place):
    """A copy of it, to be changed."""
    return shutil.copytree(pattern, place / "project", symlinks=True)


@pytest.fixture
def containers_of(engine):
    """A function: project -> its containers, running or not."""
    return lambda folder: engine.containers.list(
        all=True, filters={"label": f"{PROJECT_LABEL}={folder}"}, ignore_removed=True
    )
