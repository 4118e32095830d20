"""Which engine is asked: as Docker's own client chooses, from its real files, and in one line where they are wrong."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docker.auth import load_config
from made_project import ROOT

from dlnet.cli.doctor import _docker
from stages.container import find_engine
from stages.containers.contexts import SOCKET, engine_host
from stages.containers.engine import connect, engine_errors
from stages.containers.errors import EngineError


@pytest.fixture
def client(tmp_path):
    """A function that writes the folder of Docker's client: config.json, and contexts by name -> host."""

    def write(config=None, **contexts):
        if config is not None:
            text = config if isinstance(config, bytes) else json.dumps(config).encode()
            (tmp_path / "config.json").write_bytes(text)
        for name, host in contexts.items():
            folder = tmp_path / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
            folder.mkdir(parents=True)
            meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
            (folder / "meta.json").write_text(json.dumps(meta))
        return {"DOCKER_CONFIG": str(tmp_path)}

    return write


def test_the_order_is_that_of_dockers_client(client):
    variables = client({"currentContext": "current"}, current="unix:///c.sock", chosen="unix:///d.sock")
    assert engine_host(variables) == "unix:///c.sock"
    variables["DOCKER_CONTEXT"] = "chosen"
    assert engine_host(variables) == "unix:///d.sock"
    variables["DOCKER_HOST"] = "unix:///h.sock"
    assert engine_host(variables) == "unix:///h.sock"


@pytest.mark.skipif(not shutil.which("docker"), reason="compares with Docker's client: sudo apt-get install docker.io")
@pytest.mark.parametrize("name", ["current", "chosen"])
def test_dockers_client_asks_the_same_engine(client, name):
    variables = client({"currentContext": "current"}, current="unix:///c.sock", chosen="unix:///d.sock")
    variables |= {"DOCKER_CONTEXT": "chosen"} if name == "chosen" else {}
    done = subprocess.run(
        ["docker", "info"], env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, check=False
    )
    assert engine_host(variables) in done.stderr


def test_the_context_default_is_the_socket_of_this_machine(client):
    assert engine_host(client({"currentContext": "default"})) == SOCKET
    assert engine_host({**client({"currentContext": "gone"}), "DOCKER_CONTEXT": "default"}) == SOCKET


@pytest.mark.parametrize("folder", ["", "none", "config.json"])
def test_without_a_folder_of_the_client_the_default_holds(client, tmp_path, folder):
    client({})
    where = tmp_path / folder if folder else tmp_path / "a/b"
    assert engine_host({"DOCKER_CONFIG": str(where)}) == SOCKET


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"currentContext": "gone"},
            "config.json names the Docker context 'gone', which does not exist: docker context",
        ),
        ({"currentContext": "tcp"}, "on another machine (tcp://)"),
        ({"currentContext": "ssh"}, "on another machine (ssh://)"),
        ({"currentContext": "empty"}, "the Docker context 'empty' names no Docker engine"),
        ({"currentContext": 3}, "config.json: currentContext: Input should be a valid string"),
        ({"auths": []}, "config.json: auths: Input should be a valid dictionary"),
        ({"HttpHeaders": ["a"]}, "config.json: HttpHeaders"),
        ([], "config.json: Input should be a valid dictionary"),
        (b"{\n'a'}", "config.json:2: not JSON"),
        (b"", "config.json:1: not JSON"),
        (b'{"a": "\xc4"}', "config.json: not UTF-8 text"),
        (b"[" * 100000, "config.json: nested too deeply"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_auto_goes_on_without_containers(
    client, monkeypatch, capsys, config, message
):
    variables = client(config, tcp="tcp://10.0.0.1:2376", ssh="ssh://me@there", empty="")
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", variables["DOCKER_CONFIG"])
    with pytest.raises(EngineError) as caught:
        find_engine("docker")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert find_engine("auto") is None
    assert capsys.readouterr().err == f"{caught.value}; running in the local environment\n"


def test_a_context_that_the_environment_names_and_that_is_gone_is_named(client):
    with pytest.raises(EngineError, match=r"DOCKER_CONTEXT names the Docker context 'gone'.*unset DOCKER_CONTEXT"):
        engine_host({**client({}), "DOCKER_CONTEXT": "gone"})


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"Endpoints": []}'])
def test_a_damaged_context_is_named_with_its_file(client, tmp_path, content):
    variables = client({"currentContext": "x"}, x="unix:///x")
    next(tmp_path.rglob("meta.json")).write_text(content)
    with pytest.raises(EngineError, match=r"meta\.json.*correct it, or delete it"):
        engine_host(variables)


def test_a_configuration_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "config.json").mkdir()
    with pytest.raises(EngineError, match=r"config\.json: cannot be read \(Is a directory\)"):
        engine_host({"DOCKER_CONFIG": str(tmp_path)})


def test_doctor_says_the_same(client, monkeypatch):
    variables = client({"currentContext": "gone"})
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", variables["DOCKER_CONFIG"])
    check = _docker(ROOT)
    assert (check.ok, check.needed) == (False, False)
    assert check.found.endswith("names the Docker context 'gone', which does not exist: docker context use default")


@pytest.mark.filterwarnings("ignore:docker-credential")
def test_a_helper_for_credentials_that_is_gone_is_named(client, monkeypatch):
    variables = client({"credsStore": "of-an-older-installation"})
    monkeypatch.setenv("DOCKER_CONFIG", variables["DOCKER_CONFIG"])
    wanted = pytest.raises(EngineError, match=r"image x: no credentials .*correct credsStore and credHelpers in /")
    with wanted, engine_errors("image x"):
        load_config().get_all_credentials()


@pytest.mark.skipif(not shutil.which("podman") or os.geteuid() != 0, reason="needs root, docker/engine-tests.apt")
def test_podman_is_refused_by_name(monkeypatch):
    socket = Path(f"/tmp/dlnet-podman-{os.getpid()}.sock")  # noqa: S108 - a socket's path is short
    with subprocess.Popen(["podman", "system", "service", "--time", "60", f"unix://{socket}"], stderr=-3) as service:
        try:
            for _ in range(100):
                if socket.exists():
                    break
                subprocess.run(["sleep", "0.2"], check=True)
            monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
            with pytest.raises(EngineError, match="is Podman"):
                connect()
        finally:
            service.terminate()
            socket.unlink(missing_ok=True)


NO_HOME = """import os, sys
from pathlib import Path
from stages import project
from stages.containers.contexts import engine_host
os.getuid() or os.setuid(54321)
print(project.cache_folder(Path(sys.argv[1])), engine_host(), project.environment(False)["USER"])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a uid without a name")
@pytest.mark.parametrize("home", [{}, {"HOME": "/root"}])
def test_a_uid_without_a_name_and_home_has_no_configuration(tmp_path, home):
    done = subprocess.run(
        [sys.executable, "-c", NO_HOME, "/"], env={"PYTHONPATH": str(ROOT), **home}, cwd="/", capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if home and "cannot be read" in done.stderr:
        assert "EngineError: /root/.docker/config.json: cannot be read (Permission denied)" in done.stderr
        return
    assert done.stdout == f"[] {SOCKET} 54321\n", done.stderr
