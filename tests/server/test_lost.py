"""What is lost and comes back: a server that dies while something is published, and a disk that dies."""

from __future__ import annotations

import os
import shutil
import signal
import tarfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from registry_content import content
from sqlalchemy import create_engine, text
from team import connected, needs_postgres, new_home, settings_in
from test_publish import publication as small_publication

from dlnet.errors import RegistryError
from dlnet.registry import client as client_module
from dlnet.registry import lock
from dlnet.registry.backup import backup, restore
from dlnet.registry.client import connect
from dlnet.registry.postgres import Postgres
from dlnet.registry.publish import publish
from dlnet.registry.server import running
from dlnet.registry.server_env import FILE, ServerError, read_env

pytestmark = pytest.mark.slow


@pytest.fixture
def publication(tmp_path):
    """A small one: the same calls, in seconds."""
    return small_publication(tmp_path / "in", students=4)


@pytest.fixture
def home():
    with new_home() as folder:
        yield folder


@needs_postgres
def test_a_lost_postgresql_is_restored_from_the_backup(home, migrated, publication, tmp_path, monkeypatch):
    """The databases and artefacts of a server, without the server: it keeps nothing itself."""
    settings = settings_in(home, store="postgres")
    postgres = Postgres(home / "postgres", read_env(home / FILE)["POSTGRES_PASSWORD"])
    monkeypatch.chdir(home)
    monkeypatch.setattr(client_module, "ARTEFACTS", Path("artifacts"))
    with postgres.running():
        client = connect(postgres.uri("mlflow"))
        publish(publication, client, postgres.uri("mlflow"))
        client.set_registered_model_alias("dlnet-edge", "champion", "1")
        ask(postgres.uri("mlflow_auth"), "CREATE TABLE users AS SELECT 'anna' AS name")
        before = content(client)
        backup(settings, tmp_path / "backup.tar")
        client._tracking_client.store.engine.dispose()
    for lost in ("postgres", "artifacts"):
        shutil.rmtree(home / lost)
    restore(settings, tmp_path / "backup.tar")
    with postgres.running():
        assert content(connect(postgres.uri("mlflow"))) == before
        assert ask(postgres.uri("mlflow_auth"), "SELECT name FROM users") == ["anna"]


def ask(uri, statement):
    """Rows' first values; the connection is closed."""
    engine = create_engine(uri)
    with engine.begin() as line:
        answer = line.execute(text(statement))
        rows = list(answer.scalars()) if answer.returns_rows else []
    engine.dispose()
    return rows


def test_a_lost_sqlite_file_is_restored_from_the_backup(home, migrated, publication, tmp_path):
    settings, place = settings_in(home), f"sqlite:///{home / 'mlflow.db'}"
    shutil.copy(migrated, home / "mlflow.db")
    shutil.copy(migrated, home / "auth.db")
    (home / "artifacts/1").mkdir(parents=True)
    (home / "artifacts/1/spec.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        client = connect(place)
        publish(publication, client, place)
        before = content(client)
        client._tracking_client.store.engine.dispose()
    backup(settings, tmp_path / "backup.tar")
    for lost in ("mlflow.db", "auth.db"):
        (home / lost).unlink()
    shutil.rmtree(home / "artifacts")
    restore(settings, tmp_path / "backup.tar")
    assert content(connect(place)) == before
    assert (home / "artifacts/1/spec.json").read_text() == "{}"
    assert (home / "auth.db").read_bytes()[:6] == b"SQLite"


def test_a_backup_is_its_owner_s_alone(home, migrated, tmp_path):
    for name in ("mlflow.db", "auth.db"):
        shutil.copy(migrated, home / name)
    backup(settings_in(home), tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600


def test_a_server_that_dies_mid_publish_is_said_and_the_next_run_completes(
    home, migrated, publication, tmp_path, monkeypatch
):
    shutil.copy(migrated, home / "mlflow.db")
    monkeypatch.setattr(lock, "SILENT", 6.0)  # the dead publisher's lock is taken over sooner
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
    monkeypatch.chdir(tmp_path)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    straight = f"sqlite:///{tmp_path / 'mlflow.db'}"
    publish(publication, connect(straight), straight)
    assert resumed == content(connect(straight))


def kill_after_some_runs(process, client):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        experiment = client.get_experiment_by_name("dlnet/test")
        if experiment and len(client.search_runs([experiment.experiment_id])) >= 2:
            break
        time.sleep(0.05)
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


def test_a_backup_without_its_users_leaves_an_empty_home(home, migrated, tmp_path):
    for name in ("mlflow.db", "auth.db"):
        shutil.copy(migrated, home / name)
    backup(settings_in(home), tmp_path / "backup.tar")
    whole, half = tmp_path / "backup.tar", tmp_path / "half.tar"
    with tarfile.open(whole) as source, tarfile.open(half, "w") as target:
        for one in source.getmembers():
            if one.name != "auth.db":
                target.addfile(one, source.extractfile(one))
    for name in ("mlflow.db", "auth.db"):
        (home / name).unlink()
    with pytest.raises(ServerError, match="auth.db: cannot be copied"):
        restore(settings_in(home), half)
    assert sorted(path.name for path in home.iterdir()) == ["server.env"]
    restore(settings_in(home), whole)
    assert (home / "mlflow.db").is_file()
