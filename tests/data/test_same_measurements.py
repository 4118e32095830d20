"""Assets are told apart by what was measured, whatever their files' names, line ends and formats."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_cells import data_params, life, write_cells

from dlnet.data.identity import twins
from dlnet.data.sources import load_assets
from dlnet.errors import DataError
from tasks import BATTERY


def made(seed, rows, step=1e-4, noise=2e-4):
    """A life as a cycler writes it: capacity and resistance in steps."""
    rng = np.random.default_rng(seed)
    age = np.arange(rows)
    capacity = 2 - rng.uniform(3e-4, 9e-4) * age + rng.normal(0, noise, rows)
    resistance = 0.1 + rng.uniform(3e-5, 9e-5) * age
    return pd.DataFrame({"quantity": np.rint(capacity / step) * step, "ir": np.round(resistance, 5)})


COPIES = {
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "a byte-order mark": lambda text: "\ufeff" + text,
    "semicolons and decimal commas": lambda text: text.replace(",", ";").replace(".", ","),
    "trailing zeros": lambda text: "\n".join([text.splitlines()[0], *(line + "0" for line in text.splitlines()[1:])]),
    "fewer columns": lambda text: "\n".join(line.partition(",")[2] for line in text.splitlines()),
    "a longer export": lambda text: text + "".join(text.splitlines(keepends=True)[-9:-4]),
    "its first rows missing": lambda text: "\n".join([text.splitlines()[0], *text.splitlines()[4:]]),
    "its last rows missing": lambda text: "\n".join(text.splitlines()[:-9]),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_refused_with_both_names(tmp_path, name):
    folder = write_cells(tmp_path / "cells")
    text = COPIES[name]((folder / "cell-3.csv").read_text())
    (folder / "other.csv").write_bytes(text.encode())
    with pytest.raises(DataError, match=r"other.csv: the same measurements as .*cell-3.csv: .*delete one of them"):
        load_assets(data_params("csv", folder), BATTERY)


@pytest.mark.parametrize("suffix", ["xlsx", "parquet", "tsv"])
def test_a_copy_in_another_format_is_refused(tmp_path, suffix):
    folder = write_cells(tmp_path / "cells")
    table = pd.read_csv(folder / "cell-3.csv")
    if suffix == "parquet":
        table.to_parquet(folder / "other.parquet")
    elif suffix == "tsv":
        table.to_csv(folder / "other.tsv", sep="\t", index=False)
    else:
        pytest.importorskip("openpyxl")
        table.to_excel(folder / "other.xlsx", index=False)
    with pytest.raises(DataError, match="the same measurements as"):
        load_assets(data_params("csv", folder), BATTERY)


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints/c.csv", "._cell-1.csv", "~$cell-1.csv", "a/.b/c.csv", "__MACOSX/c.csv"]
)
def test_what_programs_leave_behind_is_no_cell(tmp_path, name):
    folder = write_cells(tmp_path / "cells")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes((folder / "cell-1.csv").read_bytes())
    assert load_assets(data_params("csv", folder), BATTERY)[1].assets == 6


def test_a_folder_that_is_itself_hidden_is_read(tmp_path):
    assert load_assets(data_params("csv", write_cells(tmp_path / ".cells")), BATTERY)[1].assets == 6


def test_a_life_without_noise_is_known_by_its_beginning():
    whole = pd.DataFrame({"quantity": np.round(2 - 5e-4 * np.arange(100), 4), "ir": 0.1})
    pair = twins([made(0, 90), whole.head(40), whole], "quantity")
    assert pair is not None
    assert (pair.first, pair.second, pair.starts, pair.rows) == (1, 2, (0, 0), 40)


def test_the_equal_stretch_is_found_to_its_ends():
    whole = made(3, 300)
    pair = twins([made(0, 90), whole.iloc[50:220], whole.iloc[:150]], "quantity")
    assert pair is not None
    assert (pair.first, pair.second, pair.starts, pair.rows) == (1, 2, (0, 50), 100)


def test_equal_capacities_are_the_same_cell_whatever_its_features():
    one, other = made(3, 300), made(3, 300)
    assert twins([one, other.assign(ir=np.round(other["ir"], 3))], "quantity") is not None


def test_equal_features_alone_are_not_the_same_cell():
    chamber = np.random.default_rng(0).normal(25, 1, 300)
    cells = [made(seed, 300).assign(ir=chamber) for seed in (1, 2)]
    assert twins(cells, "quantity") is None


def test_lives_that_count_down_to_the_same_end_are_not_the_same():
    lives = [pd.DataFrame({"quantity": np.arange(rows, 0.0, -1), "ir": 0.1}) for rows in (90, 120, 80)]
    assert twins(lives, "quantity") is None


@settings(max_examples=60, deadline=None)
@given(
    seeds=st.lists(st.integers(0, 10**6), min_size=2, max_size=12, unique=True),
    step=st.sampled_from([1e-3, 5e-3, 1e-2, 5e-2]),
    noise=st.sampled_from([0.0, 1e-4, 1e-3, 1e-2]),
    rows=st.integers(20, 600),
)
def test_different_cells_of_coarse_values_are_told_apart(seeds, step, noise, rows):
    lives = [made(seed, rows + seed % 50, step, noise)[["quantity"]] for seed in seeds]
    assert twins(lives, "quantity") is None


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(80, 500),
    first=st.integers(0, 30),
    last=st.integers(0, 10),
)
def test_a_cut_copy_of_any_life_is_found(seed, rows, first, last):
    whole = made(seed, rows, noise=1e-3)
    pair = twins([made(seed + 1, 300), whole, made(seed + 2, 300), whole.iloc[first : rows - last]], "quantity")
    assert pair is not None
    assert (pair.first, pair.second, pair.starts, pair.rows) == (1, 3, (first, 0), rows - last - first)


def test_two_thousand_cells_are_compared_in_seconds():
    cells = [made(seed, 500) for seed in range(2000)]
    begin = time.process_time()
    assert twins(cells, "quantity") is None
    assert time.process_time() - begin < 20
    cells[1700] = cells[40].iloc[10:]
    pair = twins(cells, "quantity")
    assert pair is not None and (pair.first, pair.second) == (40, 1700)


def test_life_of_the_helpers_differs():
    lives = [pd.DataFrame({"quantity": life(60, seed)[0]}) for seed in range(5)]
    assert twins(lives, "quantity") is None


@pytest.mark.parametrize("digits", [4, 3])
@pytest.mark.parametrize("half_up", [False, True])
def test_a_copy_in_fewer_decimals_is_found(digits, half_up):
    whole = made(3, 400, step=1e-5, noise=2e-3)
    values = whole["quantity"] * 10**digits
    rounded = (np.floor(values + 0.5) if half_up else np.rint(values)) / 10**digits
    pair = twins([made(0, 90, step=1e-5), whole, whole.assign(quantity=rounded, ir=0.1)], "quantity")
    assert pair is not None and (pair.first, pair.second) == (1, 2)


@settings(max_examples=20, deadline=None)
@given(seeds=st.lists(st.integers(0, 10**6), min_size=2, max_size=10, unique=True), noise=st.sampled_from([0, 3e-4]))
def test_different_cells_of_different_decimals_are_told_apart(seeds, noise):
    steps = [1e-6, 1e-4, 1e-3, 1e-2]
    lives = [made(seed, 200, steps[i % 4], noise)[["quantity"]] for i, seed in enumerate(seeds)]
    assert twins(lives, "quantity") is None


def test_a_rounded_copy_is_refused_with_both_names(tmp_path):
    folder = write_cells(tmp_path / "cells")
    pd.read_csv(folder / "cell-3.csv").round(4).to_csv(folder / "other.csv", index=False)
    with pytest.raises(DataError, match=r"other.csv: the same measurements as .*cell-3.csv"):
        load_assets(data_params("csv", folder), BATTERY)
