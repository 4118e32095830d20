"""``dlnet promote``, ``demote``, ``rollback``: the alias ``champion`` of a task's registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import Name, commands, example
from dlnet.registry.names import DEFAULT, VERSION, ModelUri, edge_name, parse_uri

if TYPE_CHECKING:
    from dlnet.release.promote import Change


app = commands()


def _version(text: str) -> ModelUri:
    """A version, from its number, an alias or a URI; one without a URI has an empty name."""
    if text.startswith("models:"):
        uri = parse_uri(text)
        edge_name(uri.name)
        return uri
    uri = parse_uri(f"models:/{DEFAULT}/{text}" if VERSION.fullmatch(text) else f"models:/{DEFAULT}@{text}")
    return ModelUri("", uri.version, uri.alias)


@app.command(epilog=example("dlnet promote 7", "dlnet promote candidate", "dlnet promote models:/dlnet-pump-edge/3"))
def promote(
    context: typer.Context,
    version: Annotated[
        ModelUri, typer.Argument(metavar="VERSION", parser=_version, help="a number, an alias, or models:/NAME/VERSION")
    ],
    name: Name = DEFAULT,
) -> None:
    """Give alias champion to a version, after the checks of a release."""
    from dlnet.release.promote import Champion

    source = context.get_parameter_source("name")
    if source and source.name == "COMMANDLINE" and version.name not in ("", name):
        raise typer.BadParameter(f"{version} is not of {name}", param_hint="'--name'")
    champion = Champion(version.name or name)
    _print(champion.name, champion.promote(version.alias or str(version.version)))


@app.command(epilog=example("dlnet demote"))
def demote(name: Name = DEFAULT) -> None:
    """Take alias champion away; what was released stays released."""
    from dlnet.release.promote import Champion

    _print(name, Champion(name).demote())


@app.command(epilog=example("dlnet rollback"))
def rollback(name: Name = DEFAULT) -> None:
    """Give alias champion back to the champion before."""
    from dlnet.release.promote import Champion

    _print(name, Champion(name).rollback())


def _print(name: str, change: Change) -> None:
    before, after = (f"version {number}" if number else "none" for number in (change.before, change.after))
    print(f"champion of {name}: {after} (before: {before})")
