"""Arguments that several commands share: the model, a positive number, the layout of an asset's file."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from dlnet.errors import ModelError
from dlnet.registry.names import CANDIDATE, DEFAULT, ModelUri, edge_name, parse_uri

if TYPE_CHECKING:
    from dlnet.forecast import FileLayout

FORMS = "models:/NAME@ALIAS or models:/NAME/VERSION"


@dataclass(frozen=True)
class ModelArgument:
    """A model as the command line names it.

    Attributes:
        source: its folder, or the name of a version in the registry.
    """

    source: Path | ModelUri

    def __str__(self) -> str:
        return str(self.source)

    @property
    def folders(self) -> list[Path]:
        """Its folder, which no output may touch; none for a version in the registry."""
        return [self.source] if isinstance(self.source, Path) else []


def parse_model(value: object) -> ModelArgument:
    """Parse a model argument; neither the registry nor the model is opened.

    Raises:
        ModelError: there is no such folder. RegistryError: not a valid name of a version in the registry.
    """
    text = str(value)  # a default comes as ModelArgument
    if text.startswith("models:"):
        return ModelArgument(parse_uri(text))
    if Path(text).is_file():
        raise ModelError(f"{text}: a file; name the model's folder, such as {Path(text).parent}")
    if not Path(text).is_dir():
        raise ModelError(f"{text}: no such folder; name a model's folder such as models/edge/NAME, or {FORMS}")
    return ModelArgument(Path(text))


def _positive(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = inf
    if not 0 < number < inf:
        raise typer.BadParameter("must be a number above 0")
    return number


TARGET, TIME, CYCLE = "target", "time", "cycle"  # names of --column for the task's quantity, and for what orders rows


class Column(NamedTuple):
    """A name in the model, of a feature, ``target``, ``time`` or ``cycle``, and its column in an asset's file."""

    name: str
    column: str


def _column(text: str) -> Column:
    name, mark, column = text.partition("=")
    if not mark:
        raise typer.BadParameter(f"{text!r}: write NAME=COLUMN")
    return Column(name.strip(), column.strip())


def file_layout(nominal: float | None, unit: str | None, columns: list[Column] | None) -> FileLayout:
    """How an asset's file differs from those that the model was trained on."""
    from dlnet.forecast import FileLayout

    named = dict(columns or [])
    target, time, cycle = (named.pop(name, None) for name in (TARGET, TIME, CYCLE))
    return FileLayout(target, unit, time, named, nominal, cycle=cycle)


def example(*lines: str) -> str:
    """Epilog of a command's help; its first line, ``\\b``, keeps the others from being wrapped."""
    return "\n".join(["\b", "Example:", *(f"  {line}" for line in lines)])


def commands(name: str | None = None, text: str | None = None, *lines: str) -> typer.Typer:
    """Commands of a group ``name`` with its help and examples; without a name, commands of ``dlnet`` itself."""
    return typer.Typer(
        name=name, help=text, epilog=example(*lines) if lines else None, no_args_is_help=True, rich_markup_mode=None
    )


REGISTERED = ModelArgument(ModelUri(DEFAULT, None, CANDIDATE))

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
Seconds = Annotated[float, typer.Option("--timeout", metavar="S", parser=_positive, help="for each answer")]
Nominal = Annotated[
    float | None,
    typer.Option(metavar="VALUE", parser=_positive, help="of the quantity when the asset was new, in the task's unit"),
]
Unit = Annotated[str | None, typer.Option(metavar="UNIT", help="of the quantity: one that the task names")]
Columns = Annotated[
    list[Column] | None,
    typer.Option(
        "--column",
        metavar="NAME=COLUMN",
        parser=_column,
        help="column in the file of a feature, of target (the task's quantity), time or cycle; can be repeated",
    ),
]
