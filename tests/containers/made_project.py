"""A DVC project of two stages with images of its own, small enough to build in a second."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARAMS = "runner: docker\nlimits:\n  default: {cpus: 1, memory_gb: 0.2}\n"
DOCKERFILE = """ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}
ARG IMAGE
COPY docker/requirements-${IMAGE}.txt docker/packages-${IMAGE}.txt /usr/local/share/
"""
PIPELINE = """stages:
  image:
    foreach: [one, two]
    do:
      cmd: exec python -m stages.image ${item}
      deps: [docker/Dockerfile, "docker/requirements-${item}.txt"]
      outs:
      - docker/${item}.image.json: {cache: false}
  first:
    cmd: exec python -m stages.container one -- python3 first.py
    deps: [docker/one.image.json, first.py]
    outs: [first]
  second:
    cmd: exec python -m stages.container two -- python3 second.py
    deps: [docker/two.image.json, second.py, first]
    outs: [second]
"""
FIRST = """import os, pathlib, time
print("first begins", flush=True)
seconds = float(pathlib.Path("seconds").read_text())
time.sleep(seconds)
out = pathlib.Path("first")
out.mkdir()
(out / "numbers").write_text("".join(f"{i * i}\\n" for i in range(1000)))
"""
SECOND = """import pathlib
total = sum(int(line) for line in pathlib.Path("first/numbers").read_text().splitlines())
pathlib.Path("second").write_text(str(total))
"""
SECONDS = 30  # that anything here may take
TOTAL = str(sum(i * i for i in range(1000)))


def environment(**more):
    """Of the launcher under test: this repository's code, nothing of a surrounding DVC.

    Without SHELL, as under cron or a CI service, DVC calls /bin/sh; dash stays beside a command it runs.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DVC_", "DLNET_R", "MLFLOW_TRACKING", "SHELL"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1", **more}


def make_project(folder, *, dvc=True):
    """The project in ``folder``; without DVC just what a launcher needs."""
    (folder / "docker").mkdir(parents=True)
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "docker/Dockerfile").write_text(DOCKERFILE)
    for name in ("one", "two"):
        (folder / f"docker/requirements-{name}.txt").write_text(f"# of {name}\n")
        (folder / f"docker/packages-{name}.txt").write_text("# none\n")
    if dvc:
        for name, text in {"dvc.yaml": PIPELINE, "first.py": FIRST, "second.py": SECOND, "seconds": "0"}.items():
            (folder / name).write_text(text)
        run(folder, "git", "init", "--quiet")
        run(folder, "dvc", "init", "--quiet")
        commit(folder)
    return folder


def commit(folder):
    run(folder, "git", "add", "--all")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "all")


def run(folder, *command, check=True, **more):
    """Run a command of the project's environment to its end, output kept as text."""
    variables = more.pop("env", None) or environment()
    program = shutil.which(command[0], path=variables["PATH"])
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, env=variables, check=False, capture_output=True, text=True, **more
    )
    assert done.returncode == 0 or not check, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def launch(folder, *command, network=False, env=None, image="one", **more):
    """The launcher with a command of the container's own Python or shell."""
    options = ["--network"] if network else []
    words = ["python", "-m", "stages.container", *options, image, "--", *command]
    return run(folder, *words, check=False, env=env, **more)


def wait_for(condition, seconds=SECONDS):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {seconds} s: {condition}")
