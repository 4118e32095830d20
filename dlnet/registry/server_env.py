"""The tracking server's secrets: one file of ``NAME=value`` lines, made at random, readable by its owner alone."""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
from pathlib import Path

from dlnet.errors import DLNetError

FILE = "server.env"
ADMIN, PASSWORD = "MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD"  # noqa: S105 - names
DATABASE = "POSTGRES_PASSWORD"
S3_KEY, S3_SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - names
NAMES = (
    ADMIN, PASSWORD, "MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", DATABASE, S3_KEY,
    S3_SECRET, "DLNET_WEBHOOK_SECRET",
)  # fmt: skip
LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>[A-Za-z0-9_=+/.-]+)", re.ASCII)


class ServerError(DLNetError):
    """The tracking server cannot be run as asked."""


def make_env(path: Path) -> None:
    """Write new secrets to ``path``, mode 600.

    Raises:
        ServerError: there is a file already: a server's database and webhooks are bound to it.
    """
    values = {name: secrets.token_urlsafe(32) for name in NAMES}
    values[ADMIN] = "admin"
    values[S3_KEY] = f"dlnet{secrets.token_hex(8)}"
    # MLflow encrypts webhooks' secrets with it: 32 bytes in base64, the form of a Fernet key.
    values["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    text = "".join(f"{name}={values[name]}\n" for name in NAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_secret(path, text, os.O_EXCL)
    except FileExistsError as error:
        raise ServerError(f"{path}: exists; a server's data are bound to its secrets, so it is kept") from error


def write_secret(path: Path, text: str, flag: int = os.O_TRUNC) -> None:
    """Write a file that its owner alone may read: it is created so, there is no moment at which others may."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | flag, 0o600)
    with os.fdopen(handle, "w") as stream:
        os.fchmod(handle, 0o600)
        stream.write(text)
        stream.flush()
        os.fsync(handle)


def read_env(path: Path) -> dict[str, str]:
    """The secrets in ``path``.

    Raises:
        ServerError: the file is missing, incomplete, or others may read it.
    """
    try:
        mode, lines = path.stat().st_mode, path.read_text().splitlines()
    except FileNotFoundError as error:
        raise ServerError(f"{path}: no such file; make it: dlnet server env") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ServerError(f"{path}: others may read it (mode {stat.S_IMODE(mode):o}); run chmod 600 {path}")
    values = {}
    for number, line in enumerate(lines, 1):
        found = LINE.fullmatch(line)
        if line.strip() and not line.startswith("#"):
            if not found:
                raise ServerError(f"{path}:{number}: not a line NAME=value")
            values[found["name"]] = found["value"]
    missing = [name for name in NAMES if not values.get(name)]
    if missing:
        raise ServerError(f"{path}: holds no {missing[0]}; take it from a file that dlnet server env makes elsewhere")
    return values
