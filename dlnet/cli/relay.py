"""``dlnet relay``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import Name, commands, example
from dlnet.registry.names import DEFAULT

app = commands()


@app.command(short_help="Relay MLflow's webhook to GitHub.", epilog=example("dlnet relay --repository OWNER/NAME"))
def relay(
    repository: Annotated[str, typer.Option(metavar="OWNER/NAME", help="whose workflow is started")],
    name: Name = DEFAULT,
    state: Annotated[Path, typer.Option(metavar="FILE", help="messages that are not delivered yet")] = Path("relay.db"),
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 5080,
    check_hours: Annotated[
        float, typer.Option(min=1, max=720, help="start the workflow if nothing else did for so long")
    ] = 24,
    push: Annotated[
        bool,
        typer.Option("--push", help="hand champions over as signed bundles, if GitHub does not reach the registry"),
    ] = False,
) -> None:
    """Relay MLflow's webhook to GitHub.

    It runs until Ctrl-C. Secrets come from DLNET_WEBHOOK_SECRET and DLNET_GITHUB_TOKEN, with --push also from
    DLNET_SIGNING_KEY and MLFLOW_TRACKING_URI.
    """
    from dlnet.relay.service import serve

    serve(repository, name, state, host, port, check_hours=check_hours, push=push)
