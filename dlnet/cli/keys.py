"""``dlnet keys``: the key pair of a publisher."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import commands, example

app = commands("keys", "The key pair of a publisher.", "dlnet keys new publisher.pem")


@app.command(epilog=example("dlnet keys new publisher.pem >> mlflow/publishers.pem"))
def new(file: Annotated[Path, typer.Argument(metavar="FILE", help="private key to write; never overwritten")]) -> None:
    """Make a key pair: the private key to FILE, the public one printed."""
    from dlnet.registry.signature import new_key, public_pem

    made = new_key(file)
    print(f"# key {made.key_id}")
    print(public_pem(made), end="")


@app.command(epilog=example("dlnet keys show"))
def show() -> None:
    """Print the ids of the committed public keys and of your own."""
    from dlnet.registry.signature import KEY_VARIABLE, PUBLISHERS, check_publisher, publishers, signer

    known, own = publishers(), signer()
    for key in known.keys if known else ():
        print(f"{PUBLISHERS}: {key}")
    if known is None:
        print(f"{PUBLISHERS}: no such file, so unsigned versions are read")
    print(f"{KEY_VARIABLE}: {own.key_id if own else 'not set'}")
    if own:
        check_publisher(own, known)
