"""Addresses of MLflow's store without passwords, and what helps where its database is damaged or of another schema."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from dlnet.errors import RegistryError

SCHEMA = re.compile(r"found version (\S+), but expected (\w+)")
USER = re.compile(r"://[^\s/@]+@")
SQLITE = "sqlite:"
DAMAGED = ("file is not a database", "malformed")
REMEDIES = {
    "unable to open database file": "{} cannot be opened: check its folder and permissions (MLFLOW_TRACKING_URI)",
    "readonly database": "this user may not write {} or its folder: correct their permissions",
    "database is locked": "another program is writing to {}: wait for it, then run the command again",
    "disk is full": "the disk of {} is full: make room, then run the command again",
}
"""Words of SQLite's errors -> what to do; {} is the file."""


def shown(uri: str) -> str:
    """A URI without user, password and options, which may hold a password too."""
    scheme, mark, rest = uri.partition("://")
    if scheme.startswith(("sqlite", "file")) or not mark:
        return uri
    return f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}"


def without_passwords(text: str, uri: str) -> str:
    """A message in which ``uri``, or another address with a user, stands without it."""
    for form in (uri, uri.rstrip("/")):
        text = text.replace(form, shown(form))
    return USER.sub("://", text)


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store, or None for another store."""
    return Path(uri.partition(":///")[2].partition("?")[0]) if uri.startswith(SQLITE) else None


def check_file(uri: str) -> None:
    """Look into an existing SQLite file: MLflow itself would try for minutes to open a damaged one.

    Raises:
        RegistryError: it is damaged, a folder, or cannot be read.
    """
    path = sqlite_file(uri)
    if path is None or not os.path.exists(path):  # noqa: PTH110 - False where this user may not look
        return
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.execute("SELECT version_num FROM alembic_version").fetchall()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "locked" not in text and "no such table" not in text:  # a new file has no tables
            advice = remedy(uri, text) or "check the file and its disk"
            raise RegistryError(f"{uri}: {text}; {advice}") from error


def remedy(uri: str, text: str) -> str | None:
    """What to do about an error of the database, whole; None if the error is of another kind."""
    if found := SCHEMA.search(text):
        return _of_schema(uri, *found.groups())
    path = sqlite_file(uri)
    if path and os.path.isdir(path):  # noqa: PTH112 - False where this user may not look
        return f"{shlex.quote(str(path))} is a folder: name a file (MLFLOW_TRACKING_URI)"
    if any(words in text for words in DAMAGED):
        return _of_damage(path)
    file = shlex.quote(str(path)) if path else "the database"
    return next((advice.format(file) for words, advice in REMEDIES.items() if words in text), None)


def _of_damage(path: Path | None) -> str:
    if path is None:
        return "the database is damaged: restore a backup"
    away = _command("mv", path, ".damaged")
    return (
        f"the file is damaged: restore a backup of it, or move it away ({away}) and run make publish, which logs "
        "everything anew; aliases and tags that people set are lost"
    )


def _command(program: str, path: Path, suffix: str) -> str:
    """A shell's command that moves or copies a file to a name beside it."""
    return shlex.join([program, str(path), f"{path}{suffix}"])


def _of_schema(uri: str, found: str, expected: str) -> str:
    """Upgrade an older schema; a newer one needs a newer MLflow."""
    installed = version("mlflow")
    if found != "None" and not _known(found):
        return (
            f"MLflow {installed} (schema {expected}) does not know schema {found}: a newer MLflow wrote it; install "
            "the version that did (pip install --upgrade mlflow)"
        )
    path = sqlite_file(uri)
    backup = _command("cp", path, ".backup") if path else "back the database up"
    # A password belongs neither in a message nor in the list of processes.
    address = shlex.quote(uri) if shown(uri) == uri else '"$MLFLOW_TRACKING_URI"'
    return (
        f"schema {found} is older than MLflow {installed}'s ({expected}): stop its servers, {backup}, then run: "
        f"mlflow db upgrade {address}"
    )


def _known(revision: str) -> bool:
    """Whether the installed MLflow has a migration from this schema."""
    import mlflow
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        return bool(ScriptDirectory(str(Path(mlflow.__file__).parent / "store/db_migrations")).get_revision(revision))
    except CommandError:
        return False
