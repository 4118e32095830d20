"""What is lost and comes back: a server that dies while something is published, and volumes that are gone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time

import pytest
import requests
from made_pipeline import make
from registry_content import content
from running_relay import SECRET, GitHubStub, free_port, start_relay
from team import PASSWORD, RELAY_HERE, bridge, docker, running_team, team_home
from test_publish import publication as small_publication

from dlnet.cli import main
from dlnet.errors import RegistryError
from dlnet.registry import lock
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched
from dlnet.registry.publish import publish

pytestmark = pytest.mark.slow
ANNA = ("anna", "a-password-of-anna")
CHAMPION = "models:/dlnet-edge@champion"


@pytest.fixture(scope="module")
def publication(tmp_path_factory):
    """A small one: the same calls, in seconds."""
    return small_publication(tmp_path_factory.mktemp("in"), students=4)


@pytest.fixture(scope="module")
def team(migrated):
    with running_team(**RELAY_HERE) as running:
        yield running


def test_a_server_that_dies_mid_publish_is_reported_and_the_next_run_completes(
    team, migrated, publication, tmp_path, monkeypatch
):
    monkeypatch.setattr(lock, "SILENT", 6.0)  # the dead publisher's lock is taken over sooner
    killer = threading.Thread(target=kill_after_some_runs, args=(team, connect(team.uri)))
    killer.start()
    with pytest.raises(RegistryError, match="run make publish again") as caught:
        publish(publication, connect(team.uri), team.uri)
    killer.join()
    assert "\n" not in str(caught.value)
    team.up()
    publish(publication, connect(team.uri), team.uri)
    resumed = content(connect(team.uri))
    monkeypatch.chdir(tmp_path)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    straight = f"sqlite:///{tmp_path / 'mlflow.db'}"
    publish(publication, connect(straight), straight)
    assert resumed == content(connect(straight))


def kill_after_some_runs(team, client):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        experiment = client.get_experiment_by_name("dlnet/test")
        if experiment and len(client.search_runs([experiment.experiment_id])) >= 2:
            break
        time.sleep(0.05)
    team.compose("kill", "mlflow")


@pytest.fixture(scope="module")
def saved(team, tmp_path_factory):
    """A backup of a server with a champion, a user and a webhook: its folder, what the registry held, its artefacts."""
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    client = connect(team.uri)
    publish(collect(make(tmp_path_factory.mktemp("made"))), client, team.uri)
    assert main(["promote", "candidate"]) == 0
    user = {"username": ANNA[0], "password": ANNA[1]}
    admin = ("admin", team.secrets[PASSWORD])
    asked = requests.post(f"{team.uri}/api/2.0/mlflow/users/create", json=user, auth=admin, timeout=30)
    asked.raise_for_status()
    event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
    client.create_webhook("relay", "http://host.docker.internal:5080/webhook", [event], secret=SECRET)
    folder = tmp_path_factory.mktemp("backups") / "monday"
    assert f"{folder}: done" in team.demand("backup.sh", str(folder))
    return folder, content(client), artefacts(team)


def artefacts(team) -> str:
    """Name and SHA-256 of every artefact."""
    return team.compose("exec", "-T", "mlflow", "sh", "-c", "cd /artefacts && find . -type f | sort | xargs sha256sum")


def test_a_backup_is_its_owner_s_alone_and_is_not_overwritten(team, saved):
    folder = saved[0]
    files = ["SHA256SUMS", "artefacts.tar", "mlflow.dump", "mlflow_auth.dump"]
    assert sorted(path.name for path in folder.iterdir()) == files
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    done = team.call("backup.sh", str(folder))
    assert (done.returncode, done.stderr) == (1, f"error: {folder}: exists; nothing is overwritten\n")


def test_lost_artefacts_are_reported(team, saved):
    with fetched(CHAMPION):
        pass
    team.compose("exec", "-T", "mlflow", "sh", "-c", "rm -r /artefacts/*")
    with pytest.raises(RegistryError, match="is in its tags, but the file is missing; refused"), fetched(CHAMPION):
        pass


def test_a_lost_database_is_reported(team, saved):
    team.compose("rm", "--stop", "--force", "postgres")
    docker("volume", "rm", f"{team.project}_database")
    with pytest.raises(RegistryError, match=f"^{team.uri}: API request .* failed") as caught, fetched(CHAMPION):
        pass
    assert "\n" not in str(caught.value)
    done = team.call("backup.sh", str(saved[0].parent / "tuesday"))
    assert done.returncode != 0
    assert [path.name for path in saved[0].parent.iterdir()] == ["monday"], "no part of a backup is left"


@pytest.fixture(scope="module")
def restored(team, saved):
    team.compose("down", "--volumes")
    team.demand("restore.sh", str(saved[0]))
    return connect(team.uri)


def test_all_that_the_registry_held_is_back(team, saved, restored):
    _, held, files = saved
    assert content(restored) == held
    assert held["registered"]["dlnet-edge"]["aliases"].keys() == {"candidate", "champion"}
    assert artefacts(team) == files
    with fetched(CHAMPION) as version:
        assert (version.folder / "spec.json").is_file()


def test_users_are_back_with_their_passwords(team, restored):
    asked = f"{team.uri}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert requests.get(asked, auth=ANNA, timeout=30).status_code == 200
    assert requests.get(asked, auth=(ANNA[0], "another"), timeout=30).status_code == 401


def test_webhooks_are_back_with_their_secrets(team, restored, tmp_path):
    (hook,) = restored.list_webhooks()
    stub = GitHubStub(free_port()).up()
    relay = start_relay(tmp_path, stub.port, host=bridge())
    try:
        restored.update_webhook(hook.webhook_id, url=f"http://host.docker.internal:{relay.port}/webhook")
        tried = restored.test_webhook(hook.webhook_id)
        assert (tried.success, tried.response_status) == (True, 202)
    finally:
        relay.stop()
        stub.down()


@pytest.fixture
def stopped():
    """A server without volumes."""
    with team_home() as home:
        yield home


@pytest.fixture
def broken(tmp_path):
    """A backup whose checksums are right and whose databases are not; an empty archive of artefacts."""
    folder = tmp_path / "broken"
    folder.mkdir()
    subprocess.run(["tar", "-cf", str(folder / "artefacts.tar"), "--files-from", "/dev/null"], check=True)
    for name in ("mlflow.dump", "mlflow_auth.dump"):
        (folder / name).write_text(name)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


@pytest.mark.parametrize("name", ["database", "artefacts"])
def test_one_volume_that_is_left_is_enough_to_refuse_a_restore(stopped, broken, name):
    volume = docker("volume", "create", f"{stopped.project}_{name}")
    try:
        done = stopped.call("restore.sh", str(broken))
        assert done.returncode == 1
        assert f"error: the volume {volume} exists" in done.stderr
        assert stopped.volumes() == [volume]
    finally:
        docker("volume", "rm", volume)


def test_a_damaged_backup_is_refused(stopped, broken):
    (broken / "artefacts.tar").write_text("other")
    done = stopped.call("restore.sh", str(broken))
    assert done.returncode != 0
    assert "artefacts.tar: FAILED" in done.stdout
    assert stopped.volumes() == []


def test_a_restore_that_fails_leaves_no_volume(stopped, broken):
    done = stopped.call("restore.sh", str(broken))
    assert done.returncode != 0
    assert "input file does not appear to be a valid archive" in done.stderr
    assert stopped.volumes() == []
