"""First Pareto front: students of the sweep, error on validation windows against cost on the device."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.select import SelectParams
from dlnet.select.front import read_table, write_front
from stages import run


class SelectConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    select: SelectParams


def main() -> None:
    """Run the stage."""
    params = SelectConfig.load().select
    write_front(read_table("students", params), params, Path("models/front1"))


if __name__ == "__main__":
    run(main)
