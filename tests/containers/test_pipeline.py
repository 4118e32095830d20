"""The embedded pipeline, made very small, through containers and without: the same bytes and the same dvc.lock."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from made_project import ROOT, environment, wait_for
from ruamel.yaml import YAML

from dlnet.registry.names import registered_name
from tests.check_outputs import ROLES
from tests.small_pipeline import shrink

SIZES = {"train": 1.5e9, "export": 2.1e9, "firmware": 1.2e9}
MINUTES = 60


def clone(folder):
    """The project's files as git knows them, changed ones included, with parameters for a run of a minute."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():  # not deleted since
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    params = folder / "params.yaml"
    shrink(params)
    yaml = YAML()
    content = yaml.load(params)
    trained = (content["teacher"]["ensemble"], content["students"], content["prune"])
    for section in (*trained, *content["baselines"]["gru"].values()):
        section["training"] |= {"steps": 20, "check": 10}
    content["students"]["losses"] = ["labels", "l1"]
    yaml.dump(content, params)
    (folder / "dvc.lock").unlink()
    (folder / ".git").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", "--all"], cwd=folder, check=True)
    author = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    when = {**os.environ, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    subprocess.run(["git", *author, "commit", "--quiet", "--message", "all"], cwd=folder, check=True, env=when)


def reproduce(folder, runner):
    """Start ``dvc repro``; its output goes to a file beside the project."""
    variables = environment(DLNET_RUNNER=runner, PYTHONPATH=str(folder), DVC_NO_ANALYTICS="1", DO_NOT_TRACK="1")
    variables.pop("MLFLOW_TRACKING_URI", None)
    with folder.with_suffix(".log").open("ab") as log:
        program = Path(sys.executable).parent / "dvc"
        return subprocess.Popen(
            [program, "repro"], cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True
        )


def finish(folder, runner):
    code = reproduce(folder, runner).wait(30 * MINUTES)
    assert code == 0, folder.with_suffix(".log").read_text()[-3000:]


def finish_after_a_kill(folder):
    """Kill DVC and all it started while the teacher trains, and go on."""
    process = reproduce(folder, "docker")
    try:
        wait_for(lambda: list((folder / ".cache/teacher").glob("*/*.safetensors")), 10 * MINUTES)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    finish(folder, "docker")


@pytest.fixture(scope="module")
def both(engine, tmp_path_factory):
    """Folders of the finished pipeline, local and docker; both ran at the same time."""
    folders = {name: tmp_path_factory.mktemp(name) / "project" for name in ("local", "docker")}
    for folder in folders.values():
        folder.mkdir()
        clone(folder)
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(finish, folders["local"], "local"), pool.submit(finish_after_a_kill, folders["docker"])]
        for one in runs:
            one.result()
    return folders


pytestmark = pytest.mark.slow


def test_dvc_lock_is_the_same_in_containers_even_after_a_kill(both):
    assert (both["docker"] / "dvc.lock").read_text() == (both["local"] / "dvc.lock").read_text()


def test_every_output_has_the_same_bytes(both):
    def contents(folder):
        kept = [folder / name for name in ("models", "data/windows", "reports")]
        files = [path for one in kept for path in one.rglob("*") if path.is_file() and "volatile" not in path.parts]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    local, docker = contents(both["local"]), contents(both["docker"])
    assert sorted(local) == sorted(docker)
    assert [name for name in local if local[name] != docker[name]] == []


def test_files_made_in_containers_belong_to_the_caller(both):
    owners = {path.lstat().st_uid for path in both["docker"].rglob("*")}
    assert owners == {os.getuid()}


# MLflow's own use of SQLAlchemy, which warns at the first search of a process.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:sqlalchemy.exc.SADeprecationWarning")
def test_publish_in_a_container_fills_the_same_registry(both):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{both['docker']}/mlflow.db")
    assert all(
        client.search_model_versions(f"name = '{name}'")
        for name in (registered_name("battery", role) for role in ROLES)
    )
    commits = set()
    for folder in both.values():
        runs = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db").search_runs(["1"], "tags.`dlnet.git.commit` != ''")
        commits |= {run.data.tags["dlnet.git.commit"] for run in runs}
    assert len(commits) == 1
    assert len(commits.pop()) >= 40


@pytest.mark.parametrize("name", SIZES)
def test_images_are_small_and_carry_nothing_of_the_site(both, engine, name):
    from stages.containers.identity import identify

    image = engine.images.get(identify(name, both["docker"]).tag)
    assert image.attrs["Size"] <= SIZES[name]
    look = "find / -xdev ( -name *.whl -o -name pip.conf -o -path */wheels ) -not -path /usr/share/python-wheels*"
    found = engine.containers.run(image, look.split(), remove=True, network_mode="none").decode().split()
    assert found == []
    site_variables = [line for line in image.attrs["Config"]["Env"] if line.startswith(("PIP_", "HTTP", "http", "SSL"))]
    assert site_variables == []
