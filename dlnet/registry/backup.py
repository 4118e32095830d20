"""Backup and restore of the tracking server: one .tar of its databases and artefacts.

The databases are copied first. Artefacts are only ever added before the database speaks of them, so whatever the copy
of the database names is among the artefacts copied after it: the server need not be stopped.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from dlnet.files import atomic_file
from dlnet.registry.postgres import DATABASES, Postgres
from dlnet.registry.server import PLACES, Settings
from dlnet.registry.server_env import FILE, ServerError, read_env

FORMAT = 1
MANIFEST, ARTEFACTS = "manifest.json", "artifacts"
SQLITE = ("mlflow.db", "auth.db")


def backup(settings: Settings, path: Path) -> None:
    """Write databases and artefacts of ``settings.home`` to ``path``, whole or not at all; the server may run.

    Secrets are not in it: keep a copy of server.env elsewhere. Artefacts in an S3 store are not in it either.

    Raises:
        ServerError: there is nothing in ``home``, or a database cannot be read.
    """
    home, store = settings.home, settings.chosen()
    if not (home / PLACES[store]).exists():
        raise ServerError(f"{home}: holds no server's data; name its folder with --home")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if store == "postgres":
            postgres = _postgres(settings)
            with postgres.reachable():
                for database in DATABASES:
                    postgres.dump(database, folder / f"{database}.dump")
        else:
            for database in SQLITE:
                _copy_sqlite(home / database, folder / database)
        manifest = {"format": FORMAT, "store": store, "mlflow": version("mlflow")}
        (folder / MANIFEST).write_text(json.dumps(manifest))
        # It holds the hashes of passwords.
        with atomic_file(path, mode=0o600) as temporary, tarfile.open(temporary, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.add(file, file.name)
            if (home / ARTEFACTS).is_dir():
                archive.add(home / ARTEFACTS, ARTEFACTS)


def restore(settings: Settings, path: Path) -> None:
    """Fill the empty ``settings.home`` (server.env may be there) from what ``backup`` wrote; the server is not running.

    Raises:
        ServerError: ``home`` holds data already, or ``path`` is no backup.
    """
    home = settings.home
    held = [name for name in (*PLACES.values(), ARTEFACTS) if (home / name).exists()]
    if held:
        raise ServerError(f"{home / held[0]}: exists; move it away first, nothing is overwritten")
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as name:
        folder = Path(name)
        manifest = _unpack(path, folder)
        store = manifest.get("store")
        if store == "postgres":
            _restore_postgres(settings, folder)
        elif store == "sqlite":
            copies = [_copy_sqlite(folder / file, folder / f"{file}.copy") for file in SQLITE]
            for file, copy in zip(SQLITE, copies, strict=True):
                copy.rename(home / file)
        else:
            raise ServerError(f"{path}: a backup of an unknown database ({store})")
        if (folder / ARTEFACTS).is_dir():
            (folder / ARTEFACTS).rename(home / ARTEFACTS)


def _restore_postgres(settings: Settings, folder: Path) -> None:
    postgres = _postgres(settings)
    try:
        with postgres.running():
            for database in DATABASES:
                postgres.restore(database, folder / f"{database}.dump")
    except ServerError:
        shutil.rmtree(postgres.home, ignore_errors=True)  # half a database is none
        raise


def _unpack(path: Path, folder: Path) -> Mapping[str, object]:
    try:
        with tarfile.open(path, "r:") as archive:
            archive.extractall(folder, filter="data")  # no links out of it, no absolute names, no devices
        manifest: dict[str, object] = json.loads((folder / MANIFEST).read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise ServerError(f"{path}: not a backup of dlnet server backup ({error})") from error
    if manifest.get("format") != FORMAT:
        raise ServerError(f"{path}: a backup of format {manifest.get('format')}, this version reads {FORMAT}")
    return manifest


def _postgres(settings: Settings) -> Postgres:
    return Postgres(settings.home / "postgres", read_env(settings.home / FILE)["POSTGRES_PASSWORD"])


def _copy_sqlite(source: Path, target: Path) -> Path:
    """SQLite's own online copy: a whole state, also while a server writes; returns ``target``."""
    try:
        reading = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        with closing(reading) as held, closing(sqlite3.connect(target)) as copy:
            held.backup(copy)
        target.chmod(0o600)
    except sqlite3.Error as error:
        raise ServerError(f"{source}: cannot be copied ({error})") from error
    return target
