"""The commands of the registry: promote, demote, rollback, release, relay, server env.

Imports stand inside, see dlnet.cli.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlnet.release.plan import Exists, ReleasePlan
    from dlnet.release.promote import Change

CLAIMANT = "DLNET_CLAIM"


def add_commands(commands: Any) -> None:
    """Add them to the sub-parsers of ``dlnet``."""
    promote = commands.add_parser("promote", help="give alias champion to a version, after the checks of a release")
    promote.add_argument("version", metavar="VERSION", help="of dlnet-edge: a number, or an alias such as candidate")
    promote.set_defaults(run=_promote)
    demote = commands.add_parser("demote", help="take alias champion away")
    demote.set_defaults(run=_demote)
    rollback = commands.add_parser("rollback", help="give alias champion back to the champion before")
    rollback.set_defaults(run=_rollback)
    _add_release(commands.add_parser("release", help="what is to be released; taken, recorded or given up once"))
    _add_relay(commands.add_parser("relay", help="MLflow's webhook -> GitHub's repository dispatch"))
    _add_server(commands.add_parser("server", help="the team's tracking server: its secrets"))


def _add_release(parser: argparse.ArgumentParser) -> None:
    steps = parser.add_subparsers(required=True, metavar="STEP")
    plan = steps.add_parser("plan", help="compare champion with the last release; changes nothing")
    claim = steps.add_parser("claim", help="plan, and take what is to be built; one caller gets it")
    for one in (plan, claim):
        one.add_argument("--json", action="store_true", help="print JSON")
        one.add_argument("--output", type=Path, metavar="FILE", help="append key=value lines to FILE ($GITHUB_OUTPUT)")
        one.add_argument("--github", metavar="OWNER/NAME", help="ask GitHub too whether the release exists")
    plan.set_defaults(run=_plan)
    record = steps.add_parser("record", help="write down that a version is released")
    fail = steps.add_parser("fail", help="give a claim up, so that the next run may build")
    for one in (record, fail):
        one.add_argument("version", type=int, metavar="VERSION")
    record.add_argument("--url", required=True, help="address of the release")
    for one in (claim, record, fail):
        one.add_argument(
            "--claim", default=os.environ.get(CLAIMANT), required=CLAIMANT not in os.environ, metavar="ID",
            help=f"who builds, e.g. the id of the workflow's run (default: ${CLAIMANT})",
        )  # fmt: skip
    claim.set_defaults(run=_claim)
    record.set_defaults(run=_record)
    fail.set_defaults(run=_fail)


def _add_relay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME", help="whose workflow is started")
    parser.add_argument("--state", type=Path, default=Path("relay.db"), metavar="FILE", help="default %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="default %(default)s")
    parser.add_argument("--port", type=int, default=5080, help="default %(default)s")
    parser.set_defaults(run=_relay)


def _add_server(parser: argparse.ArgumentParser) -> None:
    env = parser.add_subparsers(required=True, metavar="STEP").add_parser(
        "env", help="make its secrets, at random, readable by you alone"
    )
    env.add_argument("--home", type=Path, default=Path(".mlflow-server"), metavar="DIR", help="default %(default)s")
    env.set_defaults(run=_server_env)


def _promote(arguments: argparse.Namespace) -> int:
    from dlnet.release.promote import Champion

    return _say(Champion().promote(arguments.version))


def _demote(_: argparse.Namespace) -> int:
    from dlnet.release.promote import Champion

    return _say(Champion().demote())


def _rollback(_: argparse.Namespace) -> int:
    from dlnet.release.promote import Champion

    return _say(Champion().rollback())


def _say(change: Change) -> int:
    before, after = (f"version {one}" if one else "none" for one in (change.before, change.after))
    print(f"champion of dlnet-edge: {after} (before: {before})")
    return 0


def _plan(arguments: argparse.Namespace) -> int:
    from dlnet.release.plan import Releases

    return _show(Releases(exists=_exists(arguments.github)).plan(), arguments)


def _claim(arguments: argparse.Namespace) -> int:
    from dlnet.release.plan import Releases

    return _show(Releases(exists=_exists(arguments.github)).claim(arguments.claim), arguments)


def _record(arguments: argparse.Namespace) -> int:
    from dlnet.release.plan import Releases

    print(f"recorded: {Releases().record(arguments.version, arguments.claim, arguments.url)}")
    return 0


def _fail(arguments: argparse.Namespace) -> int:
    from dlnet.release.plan import Releases

    Releases().fail(arguments.version, arguments.claim)
    print(f"version {arguments.version} may be built again")
    return 0


def _exists(repository: str | None) -> Exists | None:
    if repository is None:
        return None
    from dlnet.release.github import TOKEN, GitHub

    return GitHub.of_environment(repository, (TOKEN, "GITHUB_TOKEN")).released


def _show(plan: ReleasePlan, arguments: argparse.Namespace) -> int:
    if arguments.output is not None:
        with arguments.output.open("a") as stream:
            stream.write(plan.lines())
    if arguments.json:
        json.dump(asdict(plan), sys.stdout, indent=1)
        print()
        return 0
    print(plan.reason)
    print(f"last released: {f'version {plan.released}' if plan.released else 'none'}")
    return 0


def _relay(arguments: argparse.Namespace) -> int:
    from dlnet.relay.service import serve

    serve(arguments.repository, arguments.state, arguments.host, arguments.port)
    return 0


def _server_env(arguments: argparse.Namespace) -> int:
    from dlnet.registry.server_env import FILE, make_env

    path = arguments.home / FILE
    make_env(path)
    print(f"{path}: made; user admin, password in MLFLOW_AUTH_ADMIN_PASSWORD. Keep a copy elsewhere.")
    return 0
