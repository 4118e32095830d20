"""Runs, models and reports of the pipeline -> MLflow; their list -> reports/publish.json."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.publish import PublishParams
from dlnet.files import write_json
from dlnet.registry.client import connect, tracking_uri
from dlnet.registry.collect import collect
from dlnet.registry.databases import shown
from dlnet.registry.publish import publish
from stages import run

OUT = Path("reports/publish.json")


class PublishConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    publish: PublishParams


def main() -> None:
    """Run the stage."""
    publication = collect(Path(), PublishConfig.load().publish)
    uri = tracking_uri()
    moves = publish(publication, connect(uri), uri)
    write_json(OUT, publication.summary())
    print(f"{publication.experiment}: {publication.pipeline.title} ({shown(uri)})")
    for _, model in publication.models:
        results = [result for result in (model.verdict, model.budget) if result]
        for reason in (reason for result in results for reason in result.reasons):
            print(f"{model.name} is not a candidate: {reason}")
    for move in moves:
        print(move)


if __name__ == "__main__":
    run(main)
