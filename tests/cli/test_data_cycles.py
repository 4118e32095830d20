"""``dlnet data cycles``: a folder of exports becomes one table, and what is odd is printed."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from dlnet.cli import main
from dlnet.data import own
from dlnet.data.csvfiles import Columns
from dlnet.data.findings import Kind
from dlnet.data.raw.stored import KEY
from dlnet.errors import DataError
from dlnet.files import write_parquet
from tasks import BATTERY
from tests.data.simulated_cycler import EXPORTS, life


@pytest.fixture
def exports(tmp_path):
    folder = tmp_path / "exports"
    (folder / ".hidden").mkdir(parents=True)
    for n, vendor in enumerate(("Arbin", "Neware")):
        EXPORTS[vendor](life(4, seed=n).table).to_csv(folder / f"cell {n}.csv", index=False)
    EXPORTS["Arbin"](life(4).table).to_csv(folder / ".hidden" / "copy.csv", index=False)
    (folder / "notes.txt").write_text("who,what\nme,nothing\n")
    return folder


def test_a_folder_becomes_a_table_and_what_is_odd_is_a_line(exports, tmp_path, capsys):
    out = tmp_path / "cycles.parquet"
    assert main(["data", "cycles", str(exports), "--out", str(out), "--jobs", "1"]) == 0
    table = pd.read_parquet(out)
    assert table.groupby("cell").size().to_dict() == {"cell 0": 3, "cell 1": 3}
    printed = capsys.readouterr().out
    assert "cell 0: 3 cycles (Arbin)\ncell 1: 3 cycles (Neware)\n" in printed
    assert "notes: " in printed and "no time series of a cycler" in printed
    assert "charges to 3.6 V, their end from 0.495 to 0.099 A" in printed


def test_the_window_of_the_features_can_be_named(exports, tmp_path):
    out = tmp_path / "cycles.parquet"
    command = ["data", "cycles", str(exports), "--out", str(out), "--jobs", "1"]
    assert main([*command, "--cutoff", "4.2", "--capacity", "1.1"]) == 0
    assert pd.read_parquet(out)["CC Q"].isna().all()  # these charges end at 3.6 V


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cutoff", "3.6"], "--cutoff and --capacity belong together"),
        (["--parts", "cell"], "has no group"),
    ],
)
def test_wrong_options_are_an_error_of_one_line(exports, tmp_path, capsys, arguments, message):
    out = tmp_path / "cycles.parquet"
    assert main(["data", "cycles", str(exports), "--out", str(out), "--jobs", "1", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_without_exports_is_named(tmp_path, capsys):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    assert main(["data", "cycles", str(tmp_path), "--out", str(tmp_path / "o.parquet")]) == 1
    assert "no files .csv .tsv" in capsys.readouterr().err


def test_a_folder_that_is_missing_is_named(tmp_path, capsys):
    assert main(["data", "cycles", str(tmp_path / "none"), "--out", str(tmp_path / "o.parquet"), "--jobs", "1"]) == 1
    assert "none: no such file" in capsys.readouterr().err


def test_the_block_of_the_docs_gives_a_table_that_is_read_without_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs/data.md").read_text().partition("## Raw time series")[2]
    command = shlex.split(re.search(r"^    dlnet (data cycles .+)$", text, re.MULTILINE)[1])
    Path("exports").mkdir()
    for n, vendor in enumerate(("Arbin", "Maccor")):
        exported = EXPORTS[vendor](life(4).table)
        exported.to_csv(f"exports/cell {n}.csv", index=False)
    exported[exported.columns[:1]].to_csv("exports/notes.csv", index=False)
    assert main([*command, "--jobs", "1"]) == 0
    columns = Columns("Q", "Ah", None, {"CV Q": "CV Q"})
    folder = own.read_parts(own.asset_files(Path("my_cells")), columns, BATTERY, 1.1)
    assert list(folder.of) == ["cell 0", "cell 1"]
    assert [part.cycle.tolist() for parts in folder.of.values() for part in parts] == [[1.0, 2.0, 3.0]] * 2
    assert [(found.asset, found.kind) for found in folder.findings] == [("notes", Kind.FILE)]


def test_damaged_notes_of_a_conversion_are_one_line(exports, tmp_path):
    out = tmp_path / "cycles.parquet"
    assert main(["data", "cycles", str(exports), "--out", str(out), "--jobs", "1"]) == 0
    write_parquet(out, pd.read_parquet(out), {KEY: b"{"})
    with pytest.raises(DataError, match="cycles.parquet: damaged notes of its conversion; run dlnet data cycles again"):
        own.read_parts([out], Columns("Q", "Ah", None, {}), BATTERY, 1.1)
