"""``python -m tests.check_outputs``: checks the outputs of a finished pipeline in this folder and in its registry."""

from __future__ import annotations

import sys
from pathlib import Path

import mlflow
import numpy as np

from dlnet.errors import ParityError
from dlnet.export.saved import open_edge
from dlnet.files import read_tensors
from dlnet.firmware.host import CompiledModel
from dlnet.firmware.prove import prove_arm
from dlnet.registry.names import Role, registered_name
from dlnet.report.documents import SummaryReport

FILES = (
    "dvc.lock",
    "models/teacher/model.safetensors",
    "models/front1/front.json",
    "models/front2/front.json",
    "reports/choice.json",
    "reports/summary.json",
    "reports/report.md",
    "reports/data/report.md",
)
ROLES: tuple[Role, ...] = ("teacher", "student", "edge")


def problems() -> list[str]:
    """Every problem of the outputs, one line each."""
    problems_found = [
        f"{name} is missing or empty" for name in FILES if not (Path(name).is_file() and Path(name).stat().st_size)
    ]
    if problems_found:
        return problems_found
    summary = SummaryReport.read(Path("reports/summary.json"))
    edge = summary.edge
    folder = Path("models/edge") / edge.name
    problems_found += [
        f"{folder / name} is missing"
        for name in ("step.tflite", "head.tflite", "spec.json", "model.json")
        if not (folder / name).is_file()
    ]
    for name in ("mae_float", "mae_int8", "rmse_int8", "asset_mae_int8"):
        if not 0 < getattr(edge, name) < 0.2:
            problems_found.append(f"summary: edge.{name} is {getattr(edge, name)}")
    if edge.mae_int8 > 1.03 * edge.mae_float:
        problems_found.append(f"summary: int8 {edge.mae_int8} is far from float {edge.mae_float}")
    if edge.mae_int8 > (summary.mae_of("persistence") or 0.0):
        problems_found.append("summary: the int8 student does not even beat persistence")
    for name in ("persistence", "line", "parabola", "ridge", "boosting"):
        if name not in summary.baselines:
            problems_found.append(f"summary: baseline {name} is missing")
    problems_found += differing_engines()
    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    for name in (registered_name(summary.data.quantities.name, role) for role in ROLES):
        if not client.search_model_versions(f"name = '{name}'"):
            problems_found.append(f"registry: no version of {name}")
    return problems_found


def differing_engines() -> list[str]:
    """Elites whose compiled forecasts of their golden vectors are not the stored ones, on this machine and on Arm."""
    problems_found = []
    for folder in sorted(Path("models/edge").iterdir()):
        model, stored = open_edge(folder).device, read_tensors(folder / "golden.safetensors")
        windows = stored["input"], stored["anchor"], stored.get("form")
        with CompiledModel(model) as compiled:
            if not np.array_equal(compiled.trace(*windows)[0], stored["forecast"]):
                problems_found.append(f"{folder}: compiled for this machine, it does not give its golden forecasts")
        try:
            prove_arm(model, *windows)
        except ParityError as error:
            problems_found.append(f"{folder}: {error}")
    return problems_found


if __name__ == "__main__":
    lines = problems()
    print("\n".join(lines) or "all outputs are there")
    sys.exit(bool(lines))
