"""An engine that dies under a stage, and disks that are full: real ones, set up for the tests."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from made_project import ROOT, SECONDS, environment, launch, make_project, wait_for

from stages.containers import images
from stages.containers.identity import identify

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("dockerd"), reason="needs root and dockerd for a 2nd engine"
    ),
]


@contextlib.contextmanager
def second_engine(place):
    """An engine of its own in ``place``: socket, data and containers."""
    import docker

    host = f"unix://{place}/docker.sock"
    options = ["--host", host, "--data-root", str(place / "data"), "--exec-root", str(place / "exec")]
    options += ["--pidfile", str(place / "pid"), "--bridge", "none", "--iptables=false"]
    with (place / "dockerd.log").open("wb") as log:
        # In a network of its own: an engine without a bridge removes that of the other one.
        process = subprocess.Popen(
            ["unshare", "--net", "dockerd", *options], stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for((place / "docker.sock").exists)
            client = docker.DockerClient(base_url=host, version="auto")
            wait_for(client.ping)
            yield process, host, client
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(SECONDS)
            end_all_in(place)


def end_all_in(place):
    """Shims and containers of an engine that was killed outlive it, and begin others while they end."""
    while found := [process for process in psutil.process_iter() if _names(process, place)]:
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                for one in (*process.children(recursive=True), process):
                    one.kill()
                process.wait(SECONDS)
    for line in Path("/proc/mounts").read_text().splitlines()[::-1]:
        if str(place) in line:
            subprocess.run(["umount", "--lazy", line.split()[1]], check=True)


def _names(process, place):
    try:
        return any(str(place) in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def carry(engine, client, place):
    """Bring the base to the second engine."""
    archive = place / "base.tar"
    with archive.open("wb") as stream:
        for part in engine.images.get(images.choose_base(engine)).save(named=True):
            stream.write(part)
    with archive.open("rb") as stream:
        client.images.load(stream)
    archive.unlink()


def test_an_engine_that_dies_under_a_stage_is_one_line_and_the_next_start_is_whole(engine, place):
    project = make_project(place / "project", dvc=False)
    with second_engine(place) as (process, host, client):
        carry(engine, client, place)
        variables = environment(DOCKER_HOST=host, DVC_STAGE="up")
        assert launch(project, "true", env=variables).returncode == 0
        command = [sys.executable, "-m", "stages.container", "one", "--", "python3", "-c"]
        command += ["import time; print('up', flush=True); time.sleep(600)"]
        with subprocess.Popen(command, cwd=project, env=variables, stdout=-1, stderr=-1, text=True) as one:
            assert one.stdout.readline() == "up\n"
            os.killpg(process.pid, signal.SIGKILL)
            _, errors = one.communicate(timeout=SECONDS)
            assert one.returncode == 1
            assert errors == "error: stage up: the Docker engine went away; start it and run dvc repro again\n"


@pytest.fixture
def small_disk(place):
    disk = place / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_under_the_project_is_one_line(engine, small_disk):
    project = make_project(small_disk / "project", dvc=False)
    images.ensure(engine, identify("one", project), project)
    shutil.copytree(ROOT / "stages", project / "stages")
    work = "def main():\n    pathlib.Path('big').write_bytes(bytes(20_000_000))\n"
    filler = f"import pathlib\nfrom stages import run\n{work}run(main)\n"
    (project / "fill.py").write_text(filler)
    (project / "dlnet").mkdir()
    (project / "dlnet/__init__.py").touch()
    shutil.copy(ROOT / "dlnet/errors.py", project / "dlnet/errors.py")
    done = launch(project, "python3", "fill.py")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk is full; free some space")


def test_a_full_disk_under_the_engine_is_one_line(engine, place):
    (place / "data").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=800m", "tmpfs", str(place / "data")], check=True)
    project = make_project(place / "project", dvc=False)
    append = "RUN head -c 2000000000 /dev/zero > /big\n"
    (project / "docker/Dockerfile").write_text((project / "docker/Dockerfile").read_text() + append)
    with second_engine(place) as (_, host, client):
        carry(engine, client, place)
        done = launch(project, "true", env=environment(DOCKER_HOST=host))
        assert done.returncode == 1
        assert "the disk of the Docker engine is full" in done.stderr.splitlines()[-1]
