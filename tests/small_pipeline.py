"""``python -m tests.small_pipeline params.yaml``: make a params file small, so that a whole run takes minutes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def shrink(path: Path) -> None:
    """Rewrite ``path`` with few networks and few steps; sources, tracks and windows stay as they are."""
    yaml = YAML()
    params = yaml.load(path)
    params["task"]["stride_train"] = 5
    for section in _trained(params):
        section["training"] |= {"steps": 120, "check": 40}
    params["teacher"]["ensemble"] |= {"members": 4}
    params["students"]["mixed"] |= {"copies": 1}
    params["students"] |= {"hidden": {"liquid": [6], "ltc": [6]}, "seeds": [0]}
    params["prune"] |= {"sparsities": [0.5]}
    params["select"] |= {"elites": 2}
    params["baselines"] |= {"stride": 10}
    params["baselines"]["boosting"] |= {"iterations": 40, "leaves": [15]}
    for gru in params["baselines"]["gru"].values():
        gru["training"] |= {"steps": 60, "check": 30}
    yaml.dump(params, path)


def shrink_further(path: Path) -> None:
    """As small as a whole pipeline can be: for tests that need every stage, and no good model."""
    shrink(path)
    yaml = YAML()
    params = yaml.load(path)
    params["task"] |= {"stride_train": 20, "stride_eval": 20}
    for section in _trained(params):
        section["training"] |= {"steps": 60, "check": 30}
    params["students"] |= {"losses": ["labels", "l1"]}
    params["baselines"] |= {"stride": 40}
    params["baselines"]["boosting"] |= {"iterations": 10}
    for gru in params["baselines"]["gru"].values():
        gru |= {"parameters": 900}
        gru["training"] |= {"steps": 20, "check": 10}
    params["select"] |= {"elites": 1}
    yaml.dump(params, path)


def _trained(params: Any) -> list[Any]:
    """Sections with settings of training."""
    return [*(params["teacher"][kind] for kind in ("ensemble", "continuous")), params["students"], params["prune"]]


if __name__ == "__main__":
    shrink(Path(sys.argv[1]))
