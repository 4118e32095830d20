"""Runs, models and reports of the pipeline -> MLflow; their list -> reports/publish.json."""

from __future__ import annotations

from pathlib import Path

from dlnet.files import write_json
from dlnet.gate.choice import CHOICE, Choice
from dlnet.registry.client import connect, tracking_uri
from dlnet.registry.collect import collect
from dlnet.registry.databases import shown
from dlnet.registry.publish import publish
from dlnet.registry.signature import KEY_VARIABLE, signer
from stages import run

OUT = Path("reports/publish.json")


def main() -> None:
    """Run the stage."""
    publication = collect(Path())
    uri = tracking_uri()
    key = signer()
    moves = publish(publication, connect(uri), uri, key)
    write_json(OUT, publication.summary())
    print(f"{publication.experiment}: {publication.pipeline.title} ({shown(uri)})")
    print(f"signed with key {key.key_id}" if key else f"not signed: {KEY_VARIABLE} is not set")
    for _, model in publication.models:
        results = [result for result in (model.verdict, model.budget) if result]
        for reason in (reason for result in results for reason in result.reasons):
            print(f"{model.name} is not a candidate: {reason}")
    for move in moves:
        print(move)
    print(Choice.read(CHOICE).sentence)


if __name__ == "__main__":
    run(main)
