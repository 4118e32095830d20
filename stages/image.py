"""``python -m stages.image NAME``: identity of an image -> docker/NAME.image.json; built if Docker is used."""

from __future__ import annotations

import sys

from dlnet.config.runner import RunnerConfig
from dlnet.files import write_json
from stages import container, project, run
from stages.containers import images
from stages.containers.identity import identify, record


def main() -> None:
    """Run the stage."""
    identity = identify(sys.argv[1])
    engine = container.find_engine(project.selected_runner(RunnerConfig.load()))
    if engine is not None:
        images.ensure(engine, identity)
    write_json(record(identity.name), identity.content())
    print(identity.tag)


if __name__ == "__main__":
    run(main)
