"""Small synthetic cells for tests: smooth lives with a few outliers, as tables and as CSV folders."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from dlnet.config.clean import CleanParams
from dlnet.config.data import CsvParams, DataParams
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.csvfiles import same_names
from dlnet.data.documents import SourceRecord, TableLabel
from dlnet.data.features import FEATURES
from dlnet.data.schema import METADATA
from dlnet.files import write_parquet
from stages.prepare import PrepareConfig

PROJECT = Path(__file__).parents[2]


def data_params(source: str, path: Path = Path("none"), mirror: Path | None = None, **csv: Any) -> DataParams:
    mapping = {"target": "Q", "unit": "Ah", "nominal": 2.0, "time": None, "features": {"slope": "dV/dt"}} | csv
    return DataParams(source=source, path=path, mirror=mirror, csv=CsvParams(**mapping))


def clean_params(**changes: Any) -> CleanParams:
    return CleanParams(**{"window": 7, "sigmas": 3.0, "feature_sigmas": 6.0, "min_rows": 30} | changes)


def split_params(**changes: Any) -> SplitParams:
    return SplitParams(**{"seed": 0, "train": 0.6, "validation": 0.2, "test": 0.2, "train_share": 1.0} | changes)


def channels(*features: str) -> dict[str, Any]:
    """A track's channels, other keys as in the project's params.yaml."""
    project = PrepareConfig.load(PROJECT / "params.yaml").task.with_target.model_dump()
    return project | {"features": list(features), "relative": [], "quantiles": 0, "history": [], "youth": None}


def task_params(features: tuple[str, ...] = ("slope",), **changes: Any) -> TaskParams:
    """A small task, other keys as in the project's params.yaml."""
    task = PrepareConfig.load(PROJECT / "params.yaml").task.model_dump()
    task |= {"track": "with_target", "window": 10, "block": 5, "horizon": 20, "knots": [10, 20]}
    task |= {
        "stride_train": 1,
        "stride_eval": 5,
        "with_target": channels(*features),
        "sensors_only": channels(*features),
    }
    return TaskParams(**task | changes)


def life(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Capacity (Ah, nominal 2) and one feature of a cell that ages, with noise and two outliers."""
    rng = np.random.default_rng(seed)
    age = np.arange(rows) / 100
    capacity = 2 - 0.05 * age**1.5 + rng.normal(0, 0.001, rows)
    capacity[rng.choice(rows, min(2, rows), replace=False)] -= 0.2
    return capacity, 0.01 + 0.001 * age + rng.normal(0, 1e-5, rows)


def cells_table(count: int = 10, rows: int = 60, groups: int = 1) -> pd.DataFrame:
    """``assets.parquet`` of synthetic cells, cell i with ``rows + i`` rows."""
    parts = []
    for i in range(count):
        capacity, slope = life(rows + i, i)
        part = pd.DataFrame({"asset": f"c{i}", "group": f"g{i * groups // count}", "row": np.arange(rows + i)})
        parts.append(part.assign(nominal=2.0, quantity=capacity, slope=slope))
    return pd.concat(parts, ignore_index=True)


SOURCE = SourceRecord(
    task="battery",
    source="csv",
    simulated=False,
    label="own cells: synthetic",
    assets=10,
    rows=645,
    nominal=(2.0,),
    notes=("A note.",),
    columns=same_names("capacity", "Ah", ["slope"]),
)


LABEL = TableLabel(task="battery", label="fleet (simulated)", simulated=True, notes=("Not measured.",))


def write_embedded(path: Path, table: pd.DataFrame, **changes: Any) -> Path:
    """One table of all assets with its label, as data/embedded.parquet."""
    label = LABEL.model_copy(update=changes)
    write_parquet(path, table, {METADATA: label.model_dump_json().encode()})
    return path


def write_cells(folder: Path, count: int = 6, rows: int = 40) -> Path:
    """A user's folder: cell-1.csv ... with columns date (text), Q (Ah) and dV/dt."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(1, count + 1):
        capacity, slope = life(rows + i, i)
        table = pd.DataFrame({"date": "2024-05-01", "Q": capacity, "dV/dt": slope})
        table.to_csv(folder / f"cell-{i}.csv", index=False)
    return folder


def write_published(folder: Path, names: list[str], nominal: float) -> Path:
    """A mirror of a published source with synthetic files; returns the folder of checksum lists beside it."""
    lines = []
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        capacity, slope = life(40 + i, i)
        table = pd.DataFrame({feature: slope + j for j, feature in enumerate(FEATURES)})
        table.assign(capacity=capacity / 2 * nominal).to_csv(path, index=False)
        lines.append(f"{sha256(path.read_bytes()).hexdigest()}  {name}\n")
    sums = folder.parent / "sums"
    sums.mkdir(exist_ok=True)
    (sums / f"{folder.name}.sha256").write_text("".join(lines))
    return sums


def write_project(folder: Path, changes: dict[str, Any]) -> Path:
    """A folder with the project's tasks and its params.yaml, small, with ``{"data.source": ...}`` set."""
    yaml = YAML()
    document = yaml.load(PROJECT / "params.yaml")
    small = {"clean.min_rows": 30, "task.window": 10, "task.horizon": 20, "task.knots": [10, 20]}
    for key, value in (small | changes).items():
        section, name = key.split(".")
        document[section][name] = value
    folder.mkdir(parents=True, exist_ok=True)
    yaml.dump(document, folder / "params.yaml")
    shutil.copytree(PROJECT / "tasks", folder / "tasks", dirs_exist_ok=True)
    return folder
