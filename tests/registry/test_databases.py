"""A database of another schema, or a damaged one: the remedy, whole and the right one, from real SQLite files."""

import shutil
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path

import mlflow
import pytest

from dlnet.cli.doctor import _registry
from dlnet.errors import RegistryError
from dlnet.registry.client import AGAIN, connect, registry_errors
from dlnet.registry.databases import shown, without_passwords

OLDER = "bd07f7e963c5"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def database(migrated, tmp_path):
    """One that MLflow made, in a folder whose name a shell would split."""
    folder = tmp_path / "a b"
    folder.mkdir()
    return Path(shutil.copy(migrated, folder / "mlflow.db"))


@pytest.fixture(autouse=True)
def _address(monkeypatch):
    """MLflow leaves the last address in the environment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")


def message(path):
    with pytest.raises(RegistryError) as caught:
        connect(f"sqlite:///{path}")
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert AGAIN not in text
    return text


def set_schema(path, revision):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    connection.close()


def test_an_older_schema_comes_with_the_whole_command_after_a_backup(database):
    set_schema(database, OLDER)
    text = message(database)
    assert text.endswith(f"cp '{database}' '{database}.backup', then run: mlflow db upgrade 'sqlite:///{database}'")
    assert f"MLflow {mlflow.__version__}" in text


def test_a_newer_schema_is_not_advised_to_be_upgraded(database):
    set_schema(database, "ffffffffffff")
    text = message(database)
    assert "db upgrade" not in text
    assert f"MLflow {mlflow.__version__} (schema " in text
    assert "does not know schema ffffffffffff: a newer MLflow wrote it" in text


@pytest.mark.parametrize("damage", ["header", "truncated"])
def test_a_damaged_file_is_to_be_restored_or_moved_away(database, damage):
    content = database.read_bytes()
    database.write_bytes(
        b"not a database, " * 40 + content[640:] if damage == "header" else content[: len(content) // 2]
    )
    text = message(database)
    assert "the file is damaged: restore a backup of it" in text
    assert f"mv '{database}' '{database}.damaged'" in text
    assert "db upgrade" not in text


def test_doctor_says_of_a_damaged_file_what_publish_says(database, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    assert _registry(database.parent).ok
    database.write_bytes(b"not a database, " * 40)
    check = _registry(database.parent)
    assert (check.ok, check.found) == (False, message(database))


def test_a_folder_in_its_place_is_named(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    assert "is a folder: name a file" in message(tmp_path / "mlflow.db")


def test_an_empty_file_becomes_a_database(tmp_path):
    (tmp_path / "mlflow.db").touch()
    warnings.simplefilter("ignore")  # what mlflow says of itself and its libraries on first use
    assert connect(f"sqlite:///{tmp_path}/mlflow.db").search_experiments()


AS_NOBODY = """import os, sys
from dlnet.registry.client import connect, registry_errors
uri = sys.argv[1]
client = connect(uri)
os.getuid() or os.setuid(65534)
from dlnet.errors import RegistryError
try:
    with registry_errors(uri):
        client.create_experiment("x")
except RegistryError as error:
    print(error)
"""


def test_a_file_that_may_not_be_written_is_named(database):
    database.chmod(0o444)
    for parent in list(database.parents)[:4]:
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, f"sqlite:///{database}"], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
    )  # fmt: skip
    assert f"this user may not write '{database}' or its folder" in done.stdout, done.stderr[-2000:]


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:secret@host/db", "postgresql://me:se/secret@host/db", "http://me:s@secret@host:5000",
        "mysql+pymysql://host/db?password=secret", "postgresql://me:secret@/db?host=/run",
    ],
)  # fmt: skip
def test_no_password_is_shown(uri):
    assert "secret" not in shown(uri)
    assert "secret" not in without_passwords(f"API request to {uri}/api failed", uri)
    text = "Detected out-of-date database schema (found version bd07f7e963c5, but expected 1b5f0d9ad7c1)."
    with pytest.raises(RegistryError) as caught, registry_errors(uri):
        raise mlflow.exceptions.MlflowException(f"{text} {uri}")
    assert "secret" not in str(caught.value)


def test_the_upgrade_of_a_store_with_a_password_takes_the_address_from_the_environment():
    text = f"Detected out-of-date database schema (found version {OLDER}, but expected 1b5f0d9ad7c1)."
    wanted = pytest.raises(RegistryError, match=r'mlflow db upgrade "\$MLFLOW_TRACKING_URI"$')
    with wanted, registry_errors("postgresql://me:secret@host/db"):
        raise mlflow.exceptions.MlflowException(text)


def test_an_at_sign_in_a_folder_stays():
    assert shown("sqlite:////home/me@work/mlflow.db") == "sqlite:////home/me@work/mlflow.db"
