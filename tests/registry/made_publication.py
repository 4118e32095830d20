"""A small publication: a pipeline, its students, and one model to be registered, which multiplies by ``gain``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.gate.verdict import Verdict
from dlnet.registry.publication import Data, Model, Publication, RunRecord

STUB = Path(__file__).parent / "stub_model.py"
PASSED = Verdict(reasons=(), held=("int8 beats ridge",))
FAILED = Verdict(reasons=("int8 does not beat ridge",), held=())


def publication(
    folder: Path, *, gain: str = "1.0", verdict: Verdict = PASSED, budget: Verdict = PASSED, students: int = 3
) -> Publication:
    folder.mkdir(exist_ok=True)
    (folder / "gain.txt").write_text(gain)
    model = Model(
        name="dlnet-edge",
        code=STUB,
        files={"gain.txt": folder / "gain.txt"},
        example={"z": np.zeros((1, 2, 3), np.float32), "anchor": np.ones((1, 1), np.float32)},
        horizon=4,
        requirements=("mlflow", "numpy"),
        description="A card.",
        verdict=verdict,
        budget=budget,
    )
    below = [
        RunRecord("student", f"s{i}", f"student s{i}", {"hidden": str(i)}, {"mae": 0.001 * i, "loss": float("nan")},
            {"mae_validation": tuple((k, 1 / (k + 1)) for k in range(5))}, {"notes/gain.txt": folder / "gain.txt"})
        for i in range(students)
    ]  # fmt: skip
    edge = RunRecord("edge", "e", "int8 e", metrics={"mae_int8": 0.0012}, model=model)
    front = pd.DataFrame({"name": ["s0"], "mae": [0.001]})
    return Publication(
        experiment="dlnet/test",
        pipeline=RunRecord("pipeline", "p", "with_target", metrics={"mae": 1.0}, tables={"front.json": front}),
        children=(*below, edge),
        data=Data("windows", "0123456789abcdef0123456789abcdef.dir", {"dvc.path": "data/windows"}, {"assets": 3}),
        lineage={"dlnet.params": "abc", "dlnet.git.commit": "none: not a git repository"},
    )
