"""The sketch built for the emulated board, the board running, and assets to play to it."""

import shutil

import numpy as np
import pandas as pd
import pytest
from board_models import device_model
from host_compiler import PROJECT
from host_session import HostLine

from dlnet.device.board import Board
from dlnet.device.emulator import QEMU, emulated
from dlnet.device.line import Line
from dlnet.device.sketch import BUILDER, build, stage
from dlnet.files import write_text
from dlnet.firmware.header import header

NEEDED = (BUILDER, QEMU, "arm-none-eabi-gcc")
MIT = PROJECT.parent / "shared/data/mit"


def has_tools() -> bool:
    return all(map(shutil.which, NEEDED))


@pytest.fixture(scope="session")
def model():
    return device_model("with_target", "ltc", "random ltc")


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
def on_host(tmp_path):
    """A function: model -> its session on this machine."""

    def make(model):
        folder = tmp_path / model.sha256
        folder.mkdir()
        return HostLine(folder, model)

    return make


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
    table = table[table["asset"] == sorted(table["asset"].unique())[5]]

    def values(model):
        soh = {"SoH": table["quantity"] / table["quantity"].iloc[0]}
        return np.column_stack([soh.get(name, table.get(name)) for name in model.codec.names]).astype(np.float32)

    return values
