"""What is lost and comes back: a server that dies while something is published, and a disk that dies."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from contextlib import nullcontext

import pytest
from made_pipeline import LIMITS, make
from registry_content import content
from team import connected, needs_postgres, new_home, settings_in

from dlnet.errors import RegistryError
from dlnet.registry.backup import backup, restore
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched
from dlnet.registry.publish import publish
from dlnet.registry.server import running
from dlnet.registry.server_env import ServerError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("server")]
STORES = [pytest.param("sqlite"), pytest.param("postgres", marks=needs_postgres)]


@pytest.fixture(scope="module")
def publication(tmp_path_factory):
    return collect(make(tmp_path_factory.mktemp("made")), LIMITS)


@pytest.fixture
def home(migrated):
    """A home with a migrated SQLite file, so that its server starts at once; away from it for PostgreSQL."""
    with new_home() as folder:
        yield folder


@pytest.mark.parametrize("store", STORES)
def test_a_lost_volume_is_restored_from_the_backup(store, home, migrated, publication, tmp_path):
    if store == "sqlite":
        shutil.copy(migrated, home / "mlflow.db")
    settings = settings_in(home, store=store)
    with connected(settings) as (uri, client):
        publish(publication, client, uri)
        client.set_registered_model_alias("dlnet-edge", "champion", "1")
        before = content(client)
        backup(settings, tmp_path / "backup.tar")
    for lost in ("postgres", "artifacts", "mlflow.db", "auth.db", "auth.ini"):
        path = home / lost
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    assert sorted(path.name for path in home.iterdir()) == ["mlflow.log", "server.env"]
    restore(settings, tmp_path / "backup.tar")
    with connected(settings) as (_, client):
        assert content(client) == before
        with fetched("models:/dlnet-edge@champion") as files:
            assert files.version.number == 1


def test_a_server_that_dies_mid_publish_is_said_and_the_next_run_completes(home, migrated, publication, tmp_path):
    shutil.copy(migrated, home / "mlflow.db")
    settings = settings_in(home, store="sqlite")
    with running(settings) as process, connected(settings, lambda _: nullcontext()) as (uri, client):
        killer = threading.Thread(target=kill_after_some_runs, args=(process, client))
        killer.start()
        with pytest.raises(RegistryError, match="run make publish again") as caught:
            publish(publication, client, uri)
        killer.join()
        assert "\n" not in str(caught.value)
    with connected(settings) as (uri, client):
        publish(publication, client, uri)
        resumed = content(client)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    straight = f"sqlite:///{tmp_path / 'mlflow.db'}"
    publish(publication, connect(straight), straight)
    assert resumed == content(connect(straight))


def kill_after_some_runs(process, client):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        experiment = client.get_experiment_by_name("dlnet/embedded")
        if experiment and len(client.search_runs([experiment.experiment_id])) >= 4:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)


def test_a_restore_overwrites_nothing(home, migrated, tmp_path):
    shutil.copy(migrated, home / "mlflow.db")
    with pytest.raises(ServerError, match="nothing is overwritten"):
        restore(settings_in(home), tmp_path / "backup.tar")


def test_what_is_no_backup_is_refused(home, tmp_path):
    (tmp_path / "backup.tar").write_text("no tar")
    with pytest.raises(ServerError, match="not a backup"):
        restore(settings_in(home), tmp_path / "backup.tar")
    assert sorted(path.name for path in home.iterdir()) == ["server.env"]


def test_a_backup_of_nothing_is_refused(home, tmp_path):
    with pytest.raises(ServerError, match="holds no server's data"):
        backup(settings_in(home), tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()
