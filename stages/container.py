"""``python -m stages.container [--network] IMAGE -- COMMAND``: a stage in its container, or here without an engine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker

from dlnet.commit import COMMIT_VARIABLE, git_commit
from dlnet.config.runner import RunnerConfig
from stages import STARTED_BY, project, run
from stages.containers import images, supervise
from stages.containers.engine import connect
from stages.containers.errors import EngineError
from stages.containers.identity import identify
from stages.containers.plan import HOST_NETWORK, NO_NETWORK, ContainerPlan, caller


def main() -> None:
    """Run the launcher."""
    parser = argparse.ArgumentParser(prog="python -m stages.container")
    parser.add_argument("--network", action="store_true", help="the host's network, or the one DLNET_NETWORK names")
    parser.add_argument("image", help="docker/requirements-IMAGE.txt lists its packages")
    parser.add_argument("command", nargs="+", help="what to run")
    arguments = parser.parse_args()
    config = RunnerConfig.load()
    engine = find_engine(project.selected_runner(config))
    if engine is None:
        os.execvp(arguments.command[0], arguments.command)  # noqa: S606 - the command DVC would run
    identity = identify(arguments.image)
    image = images.ensure(engine, identity)
    plan = make_plan(config, image, arguments.command, network=arguments.network, owner=caller(engine.info()))
    outcome = supervise.run(engine, plan, project.root(), STARTED_BY)
    if message := supervise.explain(
        outcome, plan, f"raise limits.{project.stage_name(arguments.command)} in params.yaml"
    ):
        print(f"error: {message}", file=sys.stderr)
    sys.exit(outcome.code)


def find_engine(runner: str) -> docker.DockerClient | None:
    """The engine to use, or None to run without a container; prints a note if the runner is ``auto``.

    Raises:
        EngineError: the runner is ``docker``, and there is no engine.
    """
    if runner == "local":
        return None
    try:
        return connect()
    except EngineError as error:
        if runner == "docker":
            raise
        print(f"{error}; running in the local environment", file=sys.stderr)
        return None


def make_plan(
    config: RunnerConfig, image: str, command: list[str], *, network: bool, owner: Mapping[str, Any]
) -> ContainerPlan:
    """A plan for a stage's command; ``owner`` is what ``caller`` returns."""
    stage = project.stage_name(command)
    limits = project.limits_of(stage, config)
    # The images have no bytecode: it is compiled once for each project and image.
    bytecode = project.root() / ".cache/bytecode" / image.replace(":", "-")
    variables = {**project.environment(network, stage), "PYTHONPYCACHEPREFIX": str(bytecode)}
    if network:
        variables[COMMIT_VARIABLE] = git_commit(Path())  # the images have no git
    return ContainerPlan(
        title=f"stage {stage}",
        image=image,
        command=command,
        folder=Path.cwd(),
        writable=project.writable(),
        readable=project.readable(network),
        environment=variables,
        network=os.environ.get(project.NETWORK_VARIABLE, HOST_NETWORK) if network else NO_NETWORK,
        cpus=limits.cpus,
        memory_gb=limits.memory_gb,
        terminal=sys.stdout.isatty() and sys.stderr.isatty(),
        **owner,
    )


if __name__ == "__main__":
    run(main)
