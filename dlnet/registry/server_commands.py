"""The command ``dlnet server``: secrets, run, backup, restore. Imports stand inside, see dlnet.cli."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlnet.registry.server import Settings


def add_commands(commands: Any) -> None:
    """Add it to the sub-parsers of ``dlnet``."""
    server = commands.add_parser("server", help="the team's tracking server: secrets, run, backup, restore")
    steps = server.add_subparsers(required=True, metavar="STEP")
    env = steps.add_parser("env", help="make its secrets, at random, readable by you alone")
    run = steps.add_parser("run", help="run it until Ctrl-C")
    save = steps.add_parser("backup", help="write its databases and artefacts to one .tar; it may run")
    load = steps.add_parser("restore", help="fill an empty home from a backup; it must not run")
    for one in (env, run, save, load):
        one.add_argument("--home", type=Path, default=Path(".mlflow-server"), metavar="DIR", help="default %(default)s")
    for one in (save, load):
        one.add_argument("file", type=Path, metavar="FILE.tar")
    run.add_argument("--host", default="127.0.0.1", help="address it listens on (default: this machine alone)")
    run.add_argument("--port", type=int, default=5000, help="default %(default)s")
    run.add_argument("--store", choices=("auto", "postgres", "sqlite"), default="auto",
                     help="auto: PostgreSQL if it is installed, else SQLite")  # fmt: skip
    run.add_argument("--artefacts", metavar="s3://BUCKET", help="default: the folder artifacts in DIR")
    run.add_argument("--s3-endpoint", metavar="URL", help="of an S3-compatible store that is not Amazon's")
    run.add_argument("--name", action="append", default=[], metavar="HOST[:PORT]",
                     help="another host name that it may be asked by; can be repeated")  # fmt: skip
    run.add_argument("--private-webhooks", action="store_true",
                     help="allow webhooks to this network over http, for a relay on this machine")  # fmt: skip
    env.set_defaults(run=_env)
    run.set_defaults(run=_run)
    save.set_defaults(run=_backup)
    load.set_defaults(run=_restore)


def _env(arguments: argparse.Namespace) -> int:
    from dlnet.registry.server_env import FILE, make_env

    path = arguments.home / FILE
    make_env(path)
    print(f"{path}: made; user admin, password in MLFLOW_AUTH_ADMIN_PASSWORD. Keep a copy elsewhere.")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from dlnet.registry.server import Settings, serve

    serve(
        Settings(
            home=arguments.home, host=arguments.host, port=arguments.port, store=arguments.store,
            artefacts=arguments.artefacts, s3_endpoint=arguments.s3_endpoint, names=tuple(arguments.name),
            private_webhooks=arguments.private_webhooks,
        )
    )  # fmt: skip
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    from dlnet.registry.backup import backup

    backup(_settings(arguments), arguments.file)
    print(f"{arguments.file}: {arguments.file.stat().st_size:,} B; server.env is not in it, keep a copy elsewhere")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from dlnet.registry.backup import restore

    restore(_settings(arguments), arguments.file)
    print(f"{arguments.home}: restored from {arguments.file}")
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    from dlnet.registry.server import Settings

    return Settings(home=arguments.home)
