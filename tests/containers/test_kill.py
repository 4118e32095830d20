"""What is left when somebody stops DVC, its group or the launcher, in every way: nothing, and the next run is whole."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from made_project import SECONDS, TOTAL, environment, run, wait_for


@contextlib.contextmanager
def reproducing(project, command=("dvc", "repro")):
    """DVC in a session of its own, at the moment when its first stage has begun to work."""
    with (project / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(lambda: b"first begins" in (project / "log").read_bytes())
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)


def launcher_of(process):
    found = [one for one in process.children(recursive=True) if "stages.container" in one.cmdline()]
    return found[0]  # the helper that it forks comes after it


def kill(process, target, number):
    if target == "group":
        os.killpg(process.pid, number)
    elif target == "dvc":
        process.send_signal(number)
    else:
        launcher_of(psutil.Process(process.pid)).send_signal(number)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda one: one.name)
@pytest.mark.parametrize("target", ["dvc", "group", "launcher"])
def test_no_container_stays_and_the_next_run_is_whole(project, containers_of, target, number):
    forever = target != "dvc" or number != signal.SIGINT  # DVC waits for its stage after SIGINT to itself alone
    (project / "seconds").write_text("600" if forever else "3")
    with reproducing(project) as process:
        assert len(containers_of(project)) == 1
        kill(process, target, number)
        process.wait(SECONDS)
        wait_for(lambda: not containers_of(project))
        assert process.returncode != 0 or not forever
    (project / "seconds").write_text("0")
    done = run(project, "dvc", "repro", check=False)
    assert done.returncode == 0, done.stderr
    assert (project / "second").read_text() == TOTAL
    assert containers_of(project) == []


def test_the_next_start_removes_what_a_dead_machine_left(project, containers_of, engine):
    """Even the helper that cleans up after a launcher is gone."""
    (project / "seconds").write_text("600")
    with reproducing(project) as process:
        dvc = psutil.Process(process.pid)
        everyone = [dvc, *dvc.children(recursive=True)]
        assert len(everyone) == 3, [one.cmdline() for one in everyone]  # with launcher and helper
        for one in everyone:
            one.suspend()
        for one in reversed(everyone):
            one.kill()
        process.wait(SECONDS)
        time.sleep(1)
        assert len(containers_of(project)) == 1
    (project / "seconds").write_text("0")
    done = run(project, "dvc", "repro")
    assert "removed 1 container(s) of a launcher that was killed" in done.stderr
    assert containers_of(project) == []


def test_another_live_launcher_of_the_project_keeps_its_container(project, containers_of):
    (project / "seconds").write_text("600")
    with reproducing(project):
        held = containers_of(project)[0].id
        words = ["python", "-m", "stages.container", "two", "--", "true"]
        assert run(project, *words, check=False).returncode == 0
        assert [one.id for one in containers_of(project)] == [held]


def test_a_stage_that_will_not_stop_is_killed_at_the_second_wish(bare, containers_of):
    deaf = "import signal, time; signal.signal(2, signal.SIG_IGN); print('first begins', flush=True); time.sleep(600)"
    with reproducing(bare, ("python", "-m", "stages.container", "one", "--", "python3", "-c", deaf)) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 128 + signal.SIGKILL
    assert containers_of(bare) == []


def test_a_stage_learns_of_a_signal_and_may_end_well(bare):
    tidy = (
        "import signal, sys, time, pathlib\n"
        "signal.signal(15, lambda *_: (pathlib.Path('tidy').touch(), sys.exit(3)))\n"
        "print('first begins', flush=True)\ntime.sleep(600)"
    )
    with reproducing(bare, ("python", "-m", "stages.container", "one", "--", "python3", "-c", tidy)) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 3
    assert (bare / "tidy").exists()


def test_a_stage_started_with_nohup_outlives_its_terminal(bare, containers_of):
    last = "import time; print('first begins', flush=True); time.sleep(600)"
    launcher = ("nohup", sys.executable, "-m", "stages.container", "one", "--", "python3", "-c", last)
    with reproducing(bare, launcher) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 128 + signal.SIGTERM
    assert containers_of(bare) == []


# A launcher whose parent, process 0 here, is gone before the kernel was asked to tell.
LATE = """import stages, sys
stages.STARTED_BY = 0
from stages import container
sys.argv = ["container", "one", "--", "sleep", "600"]
container.main()
"""


def test_a_parent_that_died_before_the_launcher_looked_is_missed(bare, containers_of):
    done = run(bare, "python", "-c", LATE, check=False, timeout=SECONDS)
    assert done.returncode == 128 + signal.SIGTERM
    assert containers_of(bare) == []
