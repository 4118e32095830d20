"""Scripts of the containers' server, as far as they go without its images."""

import hashlib
import shutil
import subprocess

import pytest
from made_project import ROOT

VOLUMES = ("dlnet-mlflow_database", "dlnet-mlflow_artefacts")
FILES = ("mlflow.dump", "mlflow_auth.dump", "artefacts.tar")


@pytest.fixture
def backup(tmp_path):
    sums = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in FILES]
    for name in FILES:
        (tmp_path / name).write_text(name)
    (tmp_path / "SHA256SUMS").write_text("".join(sums))
    return tmp_path


def call(script, *words, **more):
    shell = shutil.which("sh")
    return subprocess.run(
        [shell, str(ROOT / "mlflow" / script), *words], capture_output=True, text=True, check=False, **more
    )


@pytest.mark.parametrize("name", VOLUMES)
def test_one_volume_that_is_left_is_enough_to_refuse_a_restore(engine, backup, name):
    if any(one.name in VOLUMES for one in engine.volumes.list()):
        pytest.skip("this engine holds the volumes of a server")
    volume = engine.volumes.create(name)
    try:
        done = call("restore.sh", str(backup))
    finally:
        volume.remove()
    assert done.returncode == 1
    assert f"error: the volume {name} exists" in done.stderr


def test_a_damaged_backup_is_refused(engine, backup):
    (backup / "artefacts.tar").write_text("other")
    done = call("restore.sh", str(backup))
    assert done.returncode != 0
    assert "artefacts.tar: FAILED" in done.stdout


def test_secrets_are_looked_for_where_the_caller_stands(tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "DLNET_SERVER_ENV": "mine.env"}
    done = call("compose.sh", "ps", cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "error: mine.env: no such file" in done.stderr
    (tmp_path / "mine.env").touch()
    done = call("compose.sh", "ps", cwd=tmp_path, env=environment)
    assert "mine.env" not in done.stderr  # what is wrong now is that no engine, or no value, is there
