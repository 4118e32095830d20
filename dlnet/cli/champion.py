"""``dlnet promote``, ``demote``, ``rollback``: the alias ``champion`` of ``dlnet-edge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import commands, example
from dlnet.registry.names import EDGE, VERSION, parse_uri

if TYPE_CHECKING:
    from dlnet.release.promote import Change


app = commands()


def _version(text: str) -> str:
    parse_uri(f"models:/{EDGE}/{text}" if VERSION.fullmatch(text) else f"models:/{EDGE}@{text}")
    return text


@app.command(epilog=example("dlnet promote 7", "dlnet promote candidate"))
def promote(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", parser=_version, help=f"of {EDGE}: a number, or an alias")
    ],
) -> None:
    """Give alias champion to a version, after the checks of a release."""
    from dlnet.release.promote import Champion

    _print(Champion().promote(version))


@app.command(epilog=example("dlnet demote"))
def demote() -> None:
    """Take alias champion away; what was released stays released."""
    from dlnet.release.promote import Champion

    _print(Champion().demote())


@app.command(epilog=example("dlnet rollback"))
def rollback() -> None:
    """Give alias champion back to the champion before."""
    from dlnet.release.promote import Champion

    _print(Champion().rollback())


def _print(change: Change) -> None:
    before, after = (f"version {number}" if number else "none" for number in (change.before, change.after))
    print(f"champion of {EDGE}: {after} (before: {before})")
