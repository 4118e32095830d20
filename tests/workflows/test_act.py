"""The jobs of firmware.yml run on this machine by act, against a real MLflow server; see stage.py for the stand-ins."""

import contextlib
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings

import pytest
import requests
from registry.made_pipeline import make
from stage import PROJECT, clone, github, least_environment, stand_ins, tools

from dlnet.cli import main
from dlnet.config.quantities import load_quantities
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.publish import publish
from dlnet.registry.signature import new_key, public_pem
from dlnet.release.ledger import Ledger

NEEDED = ("arduino-builder", "qemu-system-arm", "arm-none-eabi-gcc", "g++")
SECONDS = 300
ASSETS = {
    *(f"dlnet-monitor-nano33ble.{kind}" for kind in ("bin", "elf", "hex", "map")),
    *("model_data.h", "model.json", "release.json", "sbom.cdx.json", "MODEL-CARD.md", "FLASH.md", "SHA256SUMS"),
}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def mlflow_server(folder):
    """The address of a server with its data in ``folder``."""
    uri, log = f"http://127.0.0.1:{free_port()}", folder / "server.log"
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artefacts"), "--host", "127.0.0.1", "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*command, "--port", uri.rpartition(":")[2]],
            stdout=stream,
            stderr=stream,
            env=os.environ | quiet,
            cwd=folder,
        )
    try:
        deadline = time.monotonic() + 120
        while not answers(uri):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)
        yield uri
    finally:
        server.terminate()
        server.wait(30)


def answers(uri):
    try:
        return requests.get(f"{uri}/health", timeout=2).ok
    except requests.RequestException:
        return False


class Stage:
    """Somewhere to run the workflow: a clone, a registry whose version 1 is champion and whose 2 failed its gate."""

    def __init__(self, root, store, api, least, secrets, runner="ubuntu-24.04"):
        self.store, self.least = store, least
        self._clone, self._bin = clone(root / "clone", self.least), tools(root / "bin")
        self._secrets = root / "secrets"
        self._secrets.write_text("".join(f"{key}={value}\n" for key, value in secrets.items()))
        self._flags = ["-W", ".github/workflows/firmware.yml", "-P", f"{runner}=-self-hosted", "--pull=false"]
        self._flags += ["--no-cache-server", "--secret-file", str(self._secrets), *stand_ins(root / "actions")]
        self._environment = {
            **os.environ,
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "STORE": str(self.store),
            "GITHUB_API_URL": api,
            "XDG_CACHE_HOME": str(root / "cache"),
        }
        for name in ("PATH", "STORE", "GITHUB_API_URL"):
            self._flags += ["--env", f"{name}={self._environment[name]}"]

    def act(self, event, *flags):
        """Run the workflow for an event; exit code and log."""
        done = subprocess.run(
            ["act", event, *self._flags, *flags],
            cwd=self._clone, env=self._environment, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def releases(self):
        return sorted(path.name for path in (self.store / "releases").glob("*"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed; see docker/firmware.apt")
    root = tmp_path_factory.mktemp("stage")
    (root / "store").mkdir()
    with mlflow_server(root) as uri, github(root / "store") as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.chdir(root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what mlflow says of itself and its libraries on first use
            importlib.import_module("mlflow.pyfunc")
            client = connect()
        for i, int8 in enumerate((0.0012, 0.1)):
            publish(collect(make(root / f"made{i}", int8=int8)), client)
        client.set_registered_model_alias("dlnet-edge", "champion", "1")
        secrets = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": "made-up", "GITHUB_TOKEN": "made-up"}
        made = Stage(root, root / "store", api, least_environment(root / "least"), secrets)
        made.uri, made.api = uri, api
        yield made


@pytest.mark.slow
def test_jobs_that_plan_and_release_have_no_more_than_mlflows_client(stage):
    python = [str(stage.least / "bin/python"), "-c"]
    asked = "from importlib.util import find_spec as f; import sys; print(*(n for n in sys.argv[1:] if f(n)))"
    names = ["mlflow", "requests", "torch", "tensorflow", "unicorn", "flask", "docker", "dvc", "dlnet"]
    done = subprocess.run([*python, asked, *names], cwd=stage.least, capture_output=True, text=True, env={}, check=True)
    assert done.stdout.split() == ["mlflow", "requests"]


@pytest.mark.slow
def test_a_tag_of_another_commit_stops_before_anything_is_built(stage):
    key = connect(stage.uri).get_model_version("dlnet-edge", "1").tags["dlnet.key"]
    tag = stage.store / f"tags/firmware-v1-{key[:8]}-c1"
    tag.parent.mkdir()
    tag.write_text("b" * 40)
    try:
        code, log = stage.act("repository_dispatch")
    finally:
        tag.unlink()
    assert code != 0
    assert f"git tag {tag.name} exists and is of commit {'b' * 12}" in log
    assert "Build and check]" not in log
    assert stage.releases() == []


@pytest.mark.slow
def test_a_promoted_model_is_released_and_never_again(stage):
    code, log = stage.act("repository_dispatch")
    assert code == 0, log[-4000:]
    tags = connect(stage.uri).get_model_version("dlnet-edge", "1").tags
    assert stage.releases() == [tags["dlnet.release"]]
    assert tags["dlnet.release.url"] == f"https://github.com/somebody/dlnet/releases/tag/{tags['dlnet.release']}"
    published = stage.store / "artefacts/release"
    assert {path.name for path in published.iterdir()} == ASSETS
    attested = {line.rpartition("/")[2] for line in (stage.store / "attested").read_text().split()}
    assert attested == ASSETS
    assert "version dlnet-edge/1" in (published / "MODEL-CARD.md").read_text()
    record = json.loads((published / "release.json").read_text())
    assert (record["tag"], record["version"], record["counter"]) == (tags["dlnet.release"], "dlnet-edge/1", 1)
    assert json.loads((published / "model.json").read_text())["format"].startswith("dlnet-device/")

    code, log = stage.act("schedule")
    assert code == 0, log[-4000:]
    assert "is released as" in log
    assert "Build and check" not in log
    assert len(stage.releases()) == 1


@pytest.mark.slow
def test_a_version_that_failed_its_gate_is_not_built_by_hand_either(stage):
    before = stage.releases()
    code, log = stage.act("workflow_dispatch", "--input", "model=models:/dlnet-edge/2")
    assert code != 0
    assert "may not be released: the gate was not passed" in log
    assert "Check whether there is a release to build]" not in log
    assert stage.releases() == before


@pytest.fixture
def private(stage, tmp_path, monkeypatch, request):
    """Where no registry is known and runners have a name of their own, and the bundle of a pump's champion, put there.

    Its publisher is committed in the project that the workflow builds.
    """
    key = new_key(tmp_path / "key.pem")
    monkeypatch.setenv("DLNET_SIGNING_KEY", (tmp_path / "key.pem").read_text())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", stage.uri)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow/publishers.pem").write_text(public_pem(key))
    client = connect()
    pump = load_quantities("pump", PROJECT / "tasks")
    publish(collect(make(tmp_path / "made", int8=request.param, quantities=pump)), client, signer=key)
    newest = max(client.search_model_versions("name = 'dlnet-pump-edge'"), key=lambda one: int(one.version))
    client.set_registered_model_alias("dlnet-pump-edge", "champion", newest.version)
    claim = f"push-{tmp_path.name}"[:60].replace("_", "-")
    assert main(["release", "bundle", "--name", "dlnet-pump-edge", "--claim", claim, "--out", "bundle.tar"]) == 0
    (claimed,) = [one for one in Ledger(client, stage.uri, "dlnet-pump-edge").claims() if one.who == claim]
    draft = stage.store / f"drafts/bundle-{claimed.tag}"
    draft.mkdir(parents=True)
    shutil.copy("bundle.tar", draft)
    (tmp_path / "event.json").write_text(json.dumps({"action": "bundle", "client_payload": {"tag": str(claimed.tag)}}))
    made = Stage(tmp_path, stage.store, stage.api, stage.least, {"GITHUB_TOKEN": "made-up"}, "own-runner")
    shutil.copytree(tmp_path / "mlflow", made._clone / "mlflow", dirs_exist_ok=True)
    for name in ("MLFLOW_TRACKING_URI", "DLNET_SIGNING_KEY"):
        made._environment.pop(name)
    made.tag, made.key, made.draft = str(claimed.tag), key, draft
    shutil.rmtree(stage.store / "artefacts", ignore_errors=True)
    return made


EVENT = ("repository_dispatch", "-e", "../event.json", "--var", "DLNET_RUNNER=own-runner")


@pytest.mark.slow
@pytest.mark.parametrize("private", [0.0012], indirect=True)
def test_a_bundle_is_built_and_released_without_a_registry(private):
    before = private.releases()
    code, log = private.act(*EVENT)
    assert code == 0, log[-4000:]
    assert set(private.releases()) - set(before) == {private.tag}
    assert not private.draft.exists()
    record = json.loads((private.store / "artefacts/release/release.json").read_text())
    counter = int(private.tag.rpartition("-c")[2])
    assert (record["tag"], record["task"], record["counter"]) == (private.tag, "pump", counter)
    assert f"uint32_t counter = {counter};" in (private.store / "artefacts/release/model_data.h").read_text()
    assert "Check whether there is a release to build]" not in log
    assert "release claim" not in log


@pytest.mark.slow
@pytest.mark.parametrize("private", [0.00121], indirect=True)
def test_a_bundle_of_a_publisher_who_is_not_committed_is_not_built(private, tmp_path):
    before = private.releases()
    (private._clone / "mlflow/publishers.pem").write_text(public_pem(new_key(tmp_path / "other.pem")))
    code, log = private.act(*EVENT)
    assert code != 0
    assert "is not among the publishers in mlflow/publishers.pem" in log
    assert private.releases() == before
    assert private.draft.exists()


def test_the_clone_is_of_this_project(stage):
    assert (stage._clone / "pyproject.toml").read_text() == (PROJECT / "pyproject.toml").read_text()
