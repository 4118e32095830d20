"""A fleet whose target only check-ups measure, and whose features are missing in places, from files to firmware."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from dlnet.data.schema import read_table
from dlnet.device.values import device_rows
from dlnet.export.frontend import acceptable
from dlnet.export.saved import SavedEdge
from dlnet.files import read_json
from dlnet.forecast import forecast
from dlnet.report.documents import SummaryReport
from dlnet.saved import load_as
from tests.small_pipeline import shrink_further

PROJECT = Path(__file__).parents[1]
STAGES = (
    "fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect", "quantise", "firmware",
    "evaluate",
)  # fmt: skip
CELLS, MISSING, STEPS = 10, 0.3, 40
FEATURES = {"CV Q": "cv_charge", "voltage mean": "v_mean"}

pytestmark = pytest.mark.slow


def write_fleet(folder: Path) -> None:
    """Cells of the simulated fleet, each with a check-up every 50 to 100 cycles, and 30 % of the features left out."""
    table, rng = read_table(PROJECT / "data/embedded.parquet"), np.random.default_rng(14)
    folder.mkdir()
    for name in list(dict.fromkeys(table["asset"]))[:CELLS]:
        cell = table[table["asset"] == name].reset_index(drop=True)
        steps = np.cumsum(rng.integers(50, 101, len(cell)))
        out = pd.DataFrame({"q": cell["quantity"].where(cell.index.isin([2, *(steps + 2)]))})
        for feature, column in FEATURES.items():
            out[column] = cell[feature].mask(rng.random(len(cell)) < MISSING)
        out.to_csv(folder / f"{name}.csv", index=False)


def describe(path: Path) -> None:
    """The fleet in params.yaml, and networks that take seconds."""
    shrink_further(path)
    yaml = YAML()
    params = yaml.load(path)
    params["data"] |= {"source": "csv", "path": "cells"}
    params["data"]["csv"] |= {"target": "q", "nominal": 5.0, "features": FEATURES, "labels": "check_up"}
    params["task"]["with_target"] |= {"features": list(FEATURES), "relative": ["CV Q"]}
    for section in (params["teacher"]["ensemble"], params["students"], params["prune"]):
        section["training"] |= {"steps": STEPS, "check": 20}
    params["students"] |= {"hidden": {"liquid": [6]}}
    params["prune"] |= {"methods": ["magnitude"]}
    yaml.dump(params, path)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage up to the firmware has run."""
    folder = tmp_path_factory.mktemp("gapped")
    shutil.copyfile(PROJECT / "params.yaml", folder / "params.yaml")
    for name in ("tasks", "docker", "firmware"):
        (folder / name).symlink_to(PROJECT / name)
    write_fleet(folder / "cells")
    describe(folder / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in STAGES:
            importlib.import_module(f"stages.{name}").main()
    return folder


def edge(fleet: Path) -> SavedEdge:
    return load_as(next((fleet / "models/edge").iterdir()), SavedEdge)


def test_every_model_was_measured_where_the_target_was(fleet: Path) -> None:
    summary = SummaryReport.read(fleet / "reports/summary.json")
    assert summary.data.windows > 0
    assert {"persistence", "ridge", "boosting"} <= set(summary.baselines)
    assert all(0 < entry.mae < 0.2 for entry in summary.baselines.values())
    assert 0 < summary.edge.mae_int8 < 0.2


def test_the_page_shows_the_error_by_share_of_complete_rows(fleet: Path) -> None:
    summary, page = SummaryReport.read(fleet / "reports/summary.json"), (fleet / "reports/report.md").read_text()
    assert [row.complete for row in summary.gaps] == [1.0, 0.75, 0.5, 0.25]
    assert summary.gaps[0].mae_test == summary.edge.mae_int8
    assert len({row.mae_test for row in summary.gaps}) == 4
    assert "## Incomplete rows" in page


def test_networks_were_trained_with_as_many_gaps_as_there_are(fleet: Path) -> None:
    task = read_json(fleet / "data/windows/task.json")
    assert 0.25 < task["channels"]["drop"] < 0.35
    assert set(task["typical"]) == set(FEATURES)


def test_forecast_and_board_take_a_file_with_gaps(fleet: Path) -> None:
    model, path = edge(fleet), sorted((fleet / "cells").glob("*.csv"))[0]
    result = forecast(path, model)
    assert np.isfinite(result.ahead).all()
    assert any("was last measured" in note for note in result.notes)
    values = device_rows(path, model).values
    assert np.isnan(values).any()
    assert acceptable(model.device.codec, values).all()
