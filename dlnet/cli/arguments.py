"""Arguments that several commands share: the model, a positive number, the layout of an asset's file."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dlnet.errors import ModelError
from dlnet.registry.names import ModelUri, edge_name, parse_uri

if TYPE_CHECKING:
    from dlnet.forecast import FileLayout

NOT_NAMED = "the choice of the last run here, else @champion, else @candidate"
FORMS = "models:/NAME@ALIAS or models:/NAME/VERSION"


@dataclass(frozen=True)
class ModelArgument:
    """A model as the command line names it.

    Attributes:
        source: its folder, or the name of a version in the registry; None: not named, see ``models.chosen``.
    """

    source: Path | ModelUri | None

    def __str__(self) -> str:
        return NOT_NAMED if self.source is None else str(self.source)

    @property
    def folders(self) -> list[Path]:
        """Its folder, which no output may touch; none for a version in the registry."""
        return [self.source] if isinstance(self.source, Path) else []


def parse_model(value: object) -> ModelArgument:
    """Parse a model argument; neither the registry nor the model is opened.

    Raises:
        ModelError: there is no such folder. RegistryError: not a valid name of a version in the registry.
    """
    if isinstance(value, ModelArgument):  # a default
        return value
    text = str(value)
    if text.startswith("models:"):
        return ModelArgument(parse_uri(text))
    if Path(text).is_file():
        raise ModelError(f"{text}: a file; name the model's folder, such as {Path(text).parent}")
    if not Path(text).is_dir():
        raise ModelError(f"{text}: no such folder; name a model's folder such as models/edge/NAME, or {FORMS}")
    return ModelArgument(Path(text))


def positive(value: object) -> float:
    """Parse a number above 0.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        number = float(str(value))
    except ValueError:
        number = inf
    if not 0 < number < inf:
        raise typer.BadParameter("must be a number above 0")
    return number


TARGET, TIME, CYCLE, ASSET = "target", "time", "cycle", "asset"  # names of --column that are no features


class Column(NamedTuple):
    """A name in the model, of a feature or one of those above, and its column in an asset's file."""

    name: str
    column: str


def parse_column(text: str) -> Column:
    """Parse ``NAME=COLUMN``."""
    name, mark, column = text.partition("=")
    if not mark:
        raise typer.BadParameter(f"{text!r}: write NAME=COLUMN")
    return Column(name.strip(), column.strip())


def file_layout(nominal: float | None, unit: str | None, columns: list[Column] | None) -> FileLayout:
    """How an asset's file differs from those that the model was trained on."""
    from dlnet.forecast import FileLayout

    named = dict(columns or [])
    target, time, cycle, asset = (named.pop(name, None) for name in (TARGET, TIME, CYCLE, ASSET))
    return FileLayout(target, unit, time, named, nominal, cycle, asset)


def example(*lines: str) -> str:
    """Epilog of a command's help; its first line, ``\\b``, keeps the others from being wrapped."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def commands(name: str | None = None, text: str | None = None, *lines: str) -> typer.Typer:
    """Commands of a group ``name`` with its help and examples; without a name, commands of ``dlnet`` itself."""
    return typer.Typer(
        name=name, help=text, epilog=example(*lines) if lines else None, no_args_is_help=True, rich_markup_mode=None
    )


UNNAMED = ModelArgument(None)
OUTSIDE = 3  # exit code: forecast, but the asset is unlike those that the model was trained on

AssetFile = Annotated[Path, typer.Argument(metavar="FILE.csv", help="rows of one asset (a cell, a pump), oldest first")]
Model = Annotated[
    ModelArgument,
    typer.Option("--model", metavar="MODEL", parser=parse_model, help=f"a model's folder, {FORMS}"),
]
Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", envvar="DLNET_MODEL_NAME", parser=edge_name, help="registered model of the task"
    ),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="folder to write")]
Seconds = Annotated[float, typer.Option("--timeout", metavar="S", parser=positive, help="for each answer")]
Nominal = Annotated[
    float | None,
    typer.Option(metavar="VALUE", parser=positive, help="of the quantity when the asset was new, in the task's unit"),
]
Unit = Annotated[str | None, typer.Option(metavar="UNIT", help="of the quantity: one that the task names")]
Columns = Annotated[
    list[Column] | None,
    typer.Option(
        "--column",
        metavar="NAME=COLUMN",
        parser=parse_column,
        help="column in the file of a feature, of target (the task's quantity), time, cycle or asset; can be repeated",
    ),
]
