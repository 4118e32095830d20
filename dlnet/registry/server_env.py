"""The tracking server's secrets: one file of ``NAME=value`` lines, generated at random, readable by its owner only."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from dlnet.errors import DLNetError

FILE = "server.env"
ADMIN = "MLFLOW_AUTH_ADMIN_USERNAME"
WEBHOOK_KEY = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
NAMES = (
    ADMIN, "MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY", WEBHOOK_KEY, "POSTGRES_PASSWORD",
    "DLNET_WEBHOOK_SECRET",
)  # fmt: skip


class ServerError(DLNetError):
    """The tracking server's secrets cannot be written."""


def make_env(path: Path) -> None:
    """Write new secrets to ``path``, mode 600.

    Raises:
        ServerError: the file exists: a server's database and webhooks depend on it.
    """
    values = {name: secrets.token_urlsafe(32) for name in NAMES}
    values[ADMIN] = "admin"
    # MLflow encrypts webhooks' secrets with it: 32 bytes in base64, the form of a Fernet key.
    values[WEBHOOK_KEY] = base64.urlsafe_b64encode(os.urandom(32)).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Created with its mode, so that others can read it at no time.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise ServerError(f"{path}: exists; a server's data depend on its secrets, so it is not replaced") from error
    with os.fdopen(handle, "w") as stream:
        stream.write("".join(f"{name}={values[name]}\n" for name in NAMES))
        stream.flush()
        os.fsync(handle)
