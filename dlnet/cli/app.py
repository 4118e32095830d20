"""The command ``dlnet``: its commands and groups, ``--version``, exit codes.

Commands import what they need inside their functions, so that ``dlnet --help`` is fast.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dlnet.cli import champion, data, device, firmware, forecast, keys, project, relay, release, server
from dlnet.cli.arguments import example
from dlnet.errors import DLNetError
from dlnet.extras import named_extras

EXIT_CODES = (
    "Exit codes: 0 done; 1 an error that you can correct, in one line that starts with 'error:' (dlnet doctor: "
    "something needed is missing); 2 wrong usage; 3 forecast, but unlike the training data; 130 stopped by Ctrl-C."
)
CORRECTABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
"""Errors of the file system that a user can correct."""

app = typer.Typer(
    help="Forecasts of what wears out, on a microcontroller.",
    epilog=f"{EXIT_CODES}\n\n{example('dlnet forecast FILE.csv --model models/edge/NAME')}",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (forecast, project, firmware, champion, release, keys, device, data, server, relay):
    app.add_typer(module.app)


def _version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        print(version("dlnet"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="print the version")
    ] = False,
) -> None:
    """Options of ``dlnet`` itself, used without a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        with named_extras():
            typer.main.get_command(app).main(argv, prog_name="dlnet")
    except SystemExit as end:
        return int(end.code or 0)
    except DLNetError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        if error.errno not in CORRECTABLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror}", file=sys.stderr)
    return 1
