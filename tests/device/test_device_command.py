"""``dlnet device`` from the command line, against the emulated board."""

import pandas as pd
import pytest
from board_models import device_model
from host_compiler import PROJECT
from saved_models import save_device_model

from dlnet.cli import main


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return save_device_model(tmp_path_factory.mktemp("models") / "made", model)


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    """A training cell of the embedded fleet, as a user's file."""
    table = pd.read_parquet(PROJECT / "data/embedded.parquet")
    table = table[table["asset"] == sorted(table["asset"].unique())[0]].head(70)
    path = tmp_path_factory.mktemp("cells") / "cell.csv"
    table.rename(columns={"quantity": "capacity"}).drop(columns="asset").to_csv(path, index=False)
    return path


@pytest.fixture
def device(folder, elf, monkeypatch, capsys):
    """A function: words -> (exit code, what was printed, errors)."""
    monkeypatch.chdir(PROJECT)

    def run(*words, model=folder):
        code = main(["device", *map(str, words), "--port", "emulator", "--elf", str(elf), "--model", str(model)])
        return code, *capsys.readouterr()

    return run


def test_info_names_the_model_and_its_inputs(device, model):
    code, out, _ = device("info")
    assert code == 0
    assert f"{model.name}, version 7" in out
    assert model.sha256 in out
    assert "counter  none, no release\n" in out
    assert "CC charge time [s]" in out
    assert "forecast SoH [1] of one cell, one row a cycle\nlooks at 50 rows, forecasts 100;" in out


@pytest.mark.parametrize("port", ["emulator", "core"])
def test_selftest_passes(folder, elf, port, capsys):
    assert main(["device", "selftest", "--port", port, "--elf", str(elf)]) == 0
    assert capsys.readouterr().out.startswith("self test passed")


def test_replay_compares_every_forecast(device, cell):
    code, out, _ = device("replay", cell, "--nominal", 5)
    assert code == 0
    assert out.startswith("70 rows accepted, 0 refused, 21 forecasts of 100 rows compared: all equal")


def test_forecast_prints_soh_and_the_crossing(device, cell):
    code, out, _ = device("forecast", cell, "--nominal", 5)
    assert code == 0
    assert len([line for line in out.splitlines() if "cycles ahead: SoH" in line]) == 12
    assert "SoH 0.8:" in out


@pytest.fixture(scope="module")
def odd(cell, tmp_path_factory):
    """The cell with capacities such as no training cell had."""
    path = tmp_path_factory.mktemp("cells") / "odd.csv"
    table = pd.read_csv(cell)
    table.assign(capacity=table["capacity"] * 0.6).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("command", ["forecast", "replay"])
def test_the_board_says_outside_in_the_words_of_the_forecast_and_with_its_exit_code(
    device, odd, folder, tmp_path, capsys, command
):
    words = ["forecast", str(odd), "--nominal", "5", "--model", str(folder), "--out", str(tmp_path / "out")]
    assert main(words) == 3
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("Outside", "No typical"))]
    code, out, errors = device(command, odd, "--nominal", 5)
    assert (code, errors) == (3, "")
    assert said[0].startswith("Outside the training range: first SoH")
    assert out.splitlines()[-len(said) :] == said


def test_another_model_on_the_board_is_one_line(device, cell, tmp_path):
    other = save_device_model(tmp_path / "other", device_model("with_target", "liquid", "other"))
    code, out, errors = device("replay", cell, "--nominal", 5, model=other)
    assert (code, out) == (1, "")
    assert errors.startswith("error: ")
    assert "the board runs random ltc version 7" in errors


def test_a_cell_file_that_is_not_there_is_one_line(device, tmp_path):
    code, _, errors = device("replay", tmp_path / "none.csv", "--nominal", 5)
    assert code == 1
    assert errors == f"error: {tmp_path}/none.csv: no such file\n"


def test_a_cell_with_too_few_cycles_cannot_be_forecast(device, cell, tmp_path):
    short = tmp_path / "short.csv"
    short.write_text("".join(cell.read_text().splitlines(keepends=True)[:21]))
    code, _, errors = device("forecast", short, "--nominal", 5)
    assert code == 1
    assert "not ready" in errors


def test_an_elf_for_a_real_board_is_refused(folder, elf, capsys):
    assert main(["device", "info", "--port", "/dev/ttyACM0", "--elf", str(elf)]) == 1
    assert "--elf needs --port emulator or core" in capsys.readouterr().err


@pytest.mark.slow
def test_the_emulator_alone_builds_the_sketch_first(folder, built, monkeypatch, capsys):
    built()  # skips where the tools are missing
    monkeypatch.chdir(PROJECT)
    assert main(["device", "selftest", "--port", "emulator", "--model", str(folder)]) == 0
    assert "self test passed" in capsys.readouterr().out
