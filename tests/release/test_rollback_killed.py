"""promote, demote and rollback are taken up after a kill between any two of their writes, by the same command."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dlnet.errors import RegistryError
from dlnet.registry.client import connect
from dlnet.release.plan import Releases
from dlnet.release.promote import Champion

KILLED = Path(__file__).parent / "killed_command.py"


def run(command: str, kill_at: int = 0) -> int:
    """The exit code; in a process of its own where it is to be killed."""
    if not kill_at:
        champion = Champion("dlnet-edge")
        champion.promote(command.partition(" ")[2]) if command.startswith("promote") else getattr(champion, command)()
        return 0
    done = subprocess.run([sys.executable, str(KILLED), command, str(kill_at)], capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


def state() -> dict:
    """Alias, and for each version whether it was withdrawn; versions that were promoted, the earliest first."""
    client = connect()
    tags = {int(v.version): v.tags for v in client.search_model_versions("name = 'dlnet-edge'")}
    stamped = [(own["dlnet.promoted"], number) for number, own in tags.items() if "dlnet.promoted" in own]
    return {
        "champion": client.get_registered_model("dlnet-edge").aliases.get("champion"),
        "withdrawn": sorted(number for number, own in tags.items() if "dlnet.withdrawn" in own),
        "promoted": [number for _, number in sorted(stamped)],
    }


BEFORE = ("promote 1", "promote 2")
ROLLED_BACK = (*BEFORE, "rollback")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "command", "writes"),
    [
        (BEFORE, "rollback", 3),
        (("promote 1",), "promote 2", 2),
        (ROLLED_BACK, "promote 2", 3),
        (BEFORE, "demote", 2),
    ],
)  # fmt: skip
def test_killed_before_each_write_the_same_command_reaches_the_same_end(versions, before, command, writes):
    for step in before:
        run(step)
    connect()._tracking_client.store.engine.dispose()
    shutil.copy("mlflow.db", "before.db")
    run(command)
    end = state()
    for kill_at in range(1, writes + 2):
        shutil.copy("before.db", "mlflow.db")
        assert run(command, kill_at) == (-signal.SIGKILL if kill_at <= writes else 0)
        if kill_at <= writes:
            run(command)
        assert state() == end, f"killed before write {kill_at}"


def stopped(monkeypatch, write: str, command: str) -> None:
    """Run a command that is stopped before its first call of ``write``."""
    champion = Champion("dlnet-edge")

    def stop(*arguments):
        raise OSError("stopped here")

    monkeypatch.setattr(champion.client, write, stop)
    with pytest.raises(RegistryError, match="stopped here"):
        champion.promote(command.partition(" ")[2]) if command.startswith("promote") else getattr(champion, command)()


@pytest.mark.parametrize("command", ["rollback", "demote"])
def test_a_command_that_was_stopped_before_the_alias_is_taken_up(versions, monkeypatch, command):
    for step in BEFORE:
        run(step)
    stopped(
        monkeypatch, "delete_registered_model_alias" if command == "demote" else "set_registered_model_alias", command
    )
    assert state()["champion"] == 2
    run(command)
    assert (state()["champion"], state()["withdrawn"]) == (None if command == "demote" else 1, [2])


@pytest.mark.parametrize("before", [("promote 1",), ROLLED_BACK])
def test_a_version_whose_promotion_was_stopped_is_not_rolled_back_to(versions, monkeypatch, before):
    for step in before:
        run(step)
    stopped(monkeypatch, "set_registered_model_alias", "promote 2")
    with pytest.raises(RegistryError, match="no earlier champion is recorded"):
        Champion("dlnet-edge").rollback()
    assert state()["champion"] == 1


def test_a_release_between_the_halves_of_a_rollback_does_no_harm(versions, monkeypatch):
    for step in BEFORE:
        run(step)
    stopped(monkeypatch, "set_registered_model_alias", "rollback")
    assert Releases("dlnet-edge").claim("a").version == 2
    assert Champion("dlnet-edge").rollback().after == 1
