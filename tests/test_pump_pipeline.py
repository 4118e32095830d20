"""The pump task from its table to an emulated board: the stages that batteries take, with small networks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlnet.cli.set_params import set_params
from dlnet.data.schema import read_table
from dlnet.device.sketch import build, stage
from dlnet.device.verify import verify_emulated
from dlnet.export.reference import from_fixed
from dlnet.export.saved import SavedEdge
from dlnet.files import read_json
from dlnet.firmware.report import device_windows
from dlnet.report.documents import SummaryReport
from dlnet.saved import load_as
from tests.small_pipeline import shrink_further

PROJECT = Path(__file__).parents[1]
STAGES = (
    "fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect", "quantise", "firmware",
    "evaluate",
)  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("arm-none-eabi-g++") is None, reason="needs docker/firmware.apt"),
]


@pytest.fixture(scope="module")
def pumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage up to the firmware has run."""
    folder = tmp_path_factory.mktemp("pumps")
    (folder / "data").mkdir()
    for name in ("params.yaml", "data/pump.parquet", "data/embedded.parquet"):
        shutil.copyfile(PROJECT / name, folder / name)
    for name in ("tasks", "docker", "firmware"):
        (folder / name).symlink_to(PROJECT / name)
    shrink_further(folder / "params.yaml")
    set_params(["task.name=pump", "data.path=data/pump.parquet"], folder / "params.yaml")
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    for name in STAGES:
        command = [sys.executable, "-m", f"stages.{name}"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return folder


def test_every_elite_is_proven_against_the_reference(pumps: Path) -> None:
    report = read_json(pumps / "reports/firmware.json")
    assert report["models"]
    for elite in report["models"]:
        assert elite["equal"] == ["numpy", "host", "arm portable", "arm dsp"]
        assert elite["flash_bytes"] < 16384


def test_the_report_speaks_of_pumps_and_learned_something(pumps: Path) -> None:
    summary = SummaryReport.read(pumps / "reports/summary.json")
    assert summary.edge.mae_int8 < summary.baselines["persistence"].mae
    page = (pumps / "reports/report.md").read_text()
    assert "MAE on test pumps" in page
    assert "relative head" in page
    assert not [word for word in ("SoH", "cycle", "test cell") if word in page]


def test_the_emulated_board_gives_the_reference_to_the_last_bit(pumps: Path, tmp_path: Path) -> None:
    name = SummaryReport.read(pumps / "reports/summary.json").edge.name
    model = load_as(pumps / "models/edge" / name, SavedEdge).device
    header = pumps / "models/firmware" / name / "model_data.h"
    image = build(stage(header, tmp_path / "book"), tmp_path / "out")
    assert verify_emulated(image, model).forecasts == 31


def test_the_devices_forecasts_of_raw_rows_lie_near_those_of_the_float_front_end(pumps: Path) -> None:
    from dlnet.data.windows import WindowDataset
    from dlnet.export.reference import predict_reference, run

    name = SummaryReport.read(pumps / "reports/summary.json").edge.name
    model = load_as(pumps / "models/edge" / name, SavedEdge).device
    dataset = WindowDataset.load(pumps / "data/windows")
    ends = dataset.windows("validation", 50)
    z, anchor, _ = device_windows(model, dataset, read_table(pumps / "data/raw/assets.parquet"), ends)
    device = from_fixed(run(model.spec, z, anchor).forecast)
    encoder = model.encoder
    host = predict_reference(model.spec, encoder.encode(dataset, ends), encoder.anchor(dataset, ends))
    in_target = dataset.task.quantities.target.size * np.abs(device - host)
    assert np.median(in_target) < 0.0005  # a tenth of the noise of one measurement
