"""A model on the features of the embedded fleet, its sketch built for the emulated board, and the board running."""

import shutil

import numpy as np
import pandas as pd
import pytest
from export.export_truth import make_student
from host_compiler import PROJECT

from dlnet.config import CleanParams, TaskParams
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import Bank
from dlnet.device.board import Board
from dlnet.device.emulator import QEMU, emulated
from dlnet.device.line import Line
from dlnet.device.sketch import BUILDER, build, stage
from dlnet.export.reference import quantise_anchor, quantise_inputs
from dlnet.export.spec import make_spec
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.firmware.model import DeviceModel, make_model

FEATURES = ["voltage slope", "voltage mean", "voltage kurtosis", "CV Q", "CC Q", "CC charge time", "CV charge time"]
RELATIVE = ["CV Q", "CC Q", "voltage mean"]
CHANNELS = {"features": FEATURES, "relative": RELATIVE, "noise": 0.1}
CLEAN = CleanParams(window=7, sigmas=3.0, floor_soh=0.006, feature_sigmas=6.0, min_rows=200)
NEEDED = (BUILDER, QEMU, "arm-none-eabi-gcc")
MIT = PROJECT.parent / "shared/data/mit"


def task(track: str) -> TaskParams:
    content = {"inputs": track, "window": 50, "block": 5, "horizon": 100, "knots": [5, 15, 30, 50, 75, 100]}
    content |= {"stride_train": 1, "stride_eval": 5}
    content |= {"capacity": CHANNELS | {"quantiles": 17}, "charge": CHANNELS | {"quantiles": 0}}
    return TaskParams(**content)


def fleet_bank(params: TaskParams) -> Bank:
    """Four cells of the embedded fleet, all for training."""
    table = pd.read_parquet(PROJECT / "data/embedded.parquet")
    cells = sorted(table["cell"].unique())[:4]
    table = table[table["cell"].isin(cells)].reset_index(drop=True)
    soh = table["capacity_ah"] / table.groupby("cell")["capacity_ah"].transform("first")
    rows = table.assign(soh=soh, target=soh, group="all", row=table.groupby("cell").cumcount())
    about = pd.DataFrame({"cell": cells, "group": "all", "split": "train", "used_in_training": True})
    about["rows"] = [int((table["cell"] == cell).sum()) for cell in cells]
    known = {"source": "embedded", "label": "embedded", "simulated": True, **params.model_dump(), "features": FEATURES}
    return Bank.from_tables(rows[["cell", "group", "row", "soh", "target", *FEATURES]], about, known, allow_test=False)


def device_model(track: str, cell: str, name: str) -> DeviceModel:
    """A student with made weights behind an encoder fitted on real columns."""
    params = task(track)
    bank = fleet_bank(params)
    encoder = fit_encoder(bank, params)
    ends = bank.windows("train", 40)
    z, anchor = quantise_inputs(encoder.encode(bank, ends)), quantise_anchor(encoder.anchor(bank, ends))
    student = make_student(
        cell=cell, hidden=6, channels=len(encoder.channels), steps=encoder.steps, offset=track == "charge"
    )
    return make_model(name, make_spec(student), encoder, CLEAN, "7", (z[:2], anchor[:2]))


def has_tools() -> bool:
    return all(map(shutil.which, NEEDED))


@pytest.fixture(scope="session")
def model():
    return device_model("capacity", "ltc", "made ltc")


@pytest.fixture(scope="session")
def built(model, tmp_path_factory):
    """A function: model -> folder with the built sketch; each model is built once."""
    if not has_tools():
        pytest.skip(f"one of {', '.join(NEEDED)} is not installed; see docker/firmware.apt")
    done = {}

    def make(one=model):
        if one.sha256 not in done:
            folder = tmp_path_factory.mktemp("board")
            write_text(folder / "model_data.h", header(one))
            done[one.sha256] = build(stage(folder / "model_data.h", folder / "book"), folder / "out").parent
        return done[one.sha256]

    return make


@pytest.fixture(scope="session")
def elf(built):
    return built() / "dlnet_monitor.ino.elf"


@pytest.fixture
def line(elf):
    """The serial line of a board that was just reset."""
    with emulated(elf) as port, Line(port, 10) as line:
        yield line


@pytest.fixture
def board(line):
    return Board(line)


@pytest.fixture(scope="session")
def mit_cell():
    """A function: model -> (n, inputs) float32 of a real cell."""
    if not MIT.is_dir():
        pytest.skip("the MIT cells are not in ../shared/data/mit")
    table = pd.read_csv(MIT / "2017-05-12/2017-05-12_battery-1.csv")

    def values(model):
        soh = {"SoH": table["capacity"] / 1.1}
        return np.column_stack([soh.get(name, table.get(name)) for name in model.codec.names]).astype(np.float32)

    return values


@pytest.fixture(scope="session")
def fleet_cell():
    """A function: model -> (n, inputs) float32 of a cell of the embedded fleet."""
    table = pd.read_parquet(PROJECT / "data/embedded.parquet")
    table = table[table["cell"] == sorted(table["cell"].unique())[5]]

    def values(model):
        soh = {"SoH": table["capacity_ah"] / table["capacity_ah"].iloc[0]}
        return np.column_stack([soh.get(name, table.get(name)) for name in model.codec.names]).astype(np.float32)

    return values
