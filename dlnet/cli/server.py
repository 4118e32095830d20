"""``dlnet server``: the team's tracking server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import commands, example

app = commands("server", "The team's tracking server.", "dlnet server env")
Home = Annotated[Path, typer.Option(metavar="DIR", help="folder of the server")]


@app.command(epilog=example("dlnet server env"))
def env(home: Home = Path(".mlflow-server")) -> None:
    """Generate the server's secrets, in a file that only you can read."""
    from dlnet.registry.server_env import FILE, make_env

    path = home / FILE
    make_env(path)
    print(f"{path}: written; user admin, password in MLFLOW_AUTH_ADMIN_PASSWORD. Keep a copy elsewhere.")
