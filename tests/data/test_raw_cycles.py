"""Raw time series: capacities known by construction, exports of several vendors, files cut off, bad samples."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnet.data.features import FEATURES, charge_features
from dlnet.data.findings import Kind
from dlnet.data.raw import convert, recognise
from dlnet.data.raw.cells import cycles_of
from dlnet.data.raw.convert import KEY
from dlnet.data.raw.cycles import find_cycles
from dlnet.data.raw.samples import Samples
from dlnet.data.raw.window import window_of
from dlnet.errors import DataError, OutputError
from tests.data.simulated_cycler import EXPORTS, life, plain

WINDOW = window_of(3.6, 1.1)


def save(path, table, sep=","):
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, sep=sep)
    return path


def samples(table):
    return Samples(*(table[name].to_numpy(float) for name in ("time", "current", "voltage")))


def cycles(table, window=WINDOW):
    return cycles_of("cell", "test", samples(table), window)


def read(path, **options):
    done = convert([path], path.with_suffix(".parquet"), jobs=1, progress=False, **options)
    return pd.read_parquet(done.path), done


def test_capacity_is_the_charge_that_was_set_and_the_last_cycle_is_not_used():
    simulated = life(6)
    found = cycles(simulated.table).table
    assert found["cycle"].tolist() == [1, 2, 3, 4, 5]
    assert found["capacity_ah"].to_numpy() == pytest.approx(simulated.capacity[:5], rel=1e-3)


def test_features_are_those_of_the_charge_by_itself():
    table = life(3).table
    second = table[(table["cycle"] == 2) & table["state"].str.endswith(" Chg")]
    alone = charge_features(second["time"], second["voltage"], second["current"], WINDOW)
    assert cycles(table).table.loc[1, list(FEATURES)].to_dict() == pytest.approx(alone, rel=1e-9)


def test_charge_first_and_discharge_first_give_the_same_cycles():
    first, second = (cycles(life(5, discharge_first=order).table).table for order in (False, True))
    assert abs(len(first) - len(second)) <= 1
    np.testing.assert_allclose(second["capacity_ah"], first["capacity_ah"], rtol=1e-9)


@pytest.fixture(scope="module")
def noisy():
    return life(5, noise_a=1e-3).table


def test_a_file_cut_off_anywhere_keeps_its_complete_cycles_bit_for_bit(noisy):
    whole = cycles(noisy).table
    ends = [noisy.index[(noisy["cycle"] == n + 1) & (noisy["state"] == "CC Chg")][0] for n in whole["cycle"]]
    for rows in np.random.default_rng(0).integers(1, len(noisy), 200):
        found = cycles(noisy.iloc[:rows]).table
        pd.testing.assert_frame_equal(found, whole.iloc[: len(found)], check_exact=True)
        complete = sum(rows > end + 30 for end in ends)  # a charge counts from 2 % of a whole one: eight samples
        assert complete <= len(found) <= sum(rows > end for end in ends)


@settings(deadline=None, max_examples=30)
@given(noise=st.floats(0, 1.5e-3), seed=st.integers(0, 99), step=st.sampled_from([2.0, 5.0, 10.0, 30.0]))
def test_noise_around_zero_and_sampling_make_no_cycles(noise, seed, step):
    simulated = life(4, noise_a=noise, seed=seed, step_s=step)
    found = cycles(simulated.table).table
    assert found["capacity_ah"].to_numpy() == pytest.approx(simulated.capacity[:3], rel=3e-3)


def test_noise_before_the_first_charge_is_no_cycle():
    table = life(3).table
    rest = pd.DataFrame({"time": np.arange(-6000.0, 0, 10), "current": 0.0, "voltage": 3.2})
    rest["current"] = 1e-3 * np.repeat(np.resize([1, -1], 60), 10)
    found = cycles(pd.concat([rest, table], ignore_index=True)).table
    np.testing.assert_allclose(found["capacity_ah"], cycles(table).table["capacity_ah"], rtol=1e-9)


def test_what_is_rest_depends_on_earlier_current_alone():
    table = life(4).table
    formation = table["cycle"] == 1
    table.loc[formation, "current"] *= 1e-3  # below what counts as rest at the current of the later cycles
    found = cycles(table).table
    assert found["capacity_ah"].to_numpy() == pytest.approx(life(4).capacity[:3] * [1e-3, 1, 1], rel=1e-3)


def test_a_pulse_within_a_discharge_does_not_split_it():
    table = life(4).table
    at = table.index[(table["cycle"] == 2) & (table["state"] == "CC DChg")]
    table.loc[at[50:54], "current"] = 0.5
    assert len(cycles(table).table) == len(cycles(life(4).table).table)


def test_a_rest_that_is_logged_every_few_minutes_adds_no_charge():
    table = life(4).table
    rests = (table["state"] == "R") & (table["step_time"] != 0)
    found = cycles(table[~rests].reset_index(drop=True)).table
    assert found["capacity_ah"].to_numpy() == pytest.approx(life(4).capacity[:3], rel=2e-3)


def bad_time(table, at):
    table.loc[at, "time"] = table.loc[at - 1, "time"]


def back_in_time(table, at):
    table.loc[at, "time"] -= 500


def far_ahead(table, at):
    table.loc[at, "time"] = 1e12


def no_voltage(table, at):
    table.loc[at, "voltage"] = np.nan


def no_current(table, at):
    table.loc[at, "current"] = np.nan


def no_time(table, at):
    table.loc[at, "time"] = np.nan


FAULTS = [bad_time, back_in_time, far_ahead, no_voltage, no_current, no_time]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_sample_costs_its_charge_alone_with_a_line(fault):
    table = life(5).table
    clean = cycles(table).table
    fault(table, int(table.index[(table["cycle"] == 3) & (table["state"] == "CC Chg")][100]))
    found = cycles(table)
    assert found.table.loc[2, list(FEATURES)].isna().all()
    pd.testing.assert_frame_equal(found.table.drop(2), clean.drop(2), check_exact=True)
    assert found.table.loc[2, "capacity_ah"] == clean.loc[2, "capacity_ah"]
    assert [(f.kind, f.rows, f.text[:8]) for f in found.findings] == [(Kind.SAMPLES, ((3, 3),), "Cycle 3:")]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_sample_in_a_discharge_costs_its_cycle_alone_with_a_line(fault):
    table = life(5).table
    clean = cycles(table).table
    fault(table, int(table.index[(table["cycle"] == 3) & (table["state"] == "CC DChg")][100]))
    found = cycles(table)
    pd.testing.assert_frame_equal(found.table, clean.drop(2).reset_index(drop=True), check_exact=True)
    assert [f.kind for f in found.findings] == [Kind.SAMPLES]
    assert "Cycle 3: " in found.findings[0].text


def test_two_first_samples_at_time_zero_cost_the_first_charge_alone():
    table = life(4).table
    table = table[table["step"] > 1].reset_index(drop=True)  # begins with the charge
    table["time"] -= table.loc[0, "time"]
    clean = cycles(table).table
    found = cycles(pd.concat([table.iloc[:1], table], ignore_index=True))
    assert found.table.loc[0, list(FEATURES)].isna().all()
    assert "two samples at 0 s" in found.findings[0].text
    pd.testing.assert_frame_equal(found.table.drop(0), clean.drop(0), check_exact=True)


def test_a_pause_of_the_log_while_current_flows_costs_that_discharge():
    table = life(4).table
    at = table.index[(table["cycle"] == 2) & (table["state"] == "CC DChg")]
    found = cycles(table.drop(at[50:150]).reset_index(drop=True))
    assert found.table["cycle"].tolist() == [1, 3]
    assert "no sample for 1010 s" in found.findings[0].text


def test_a_partial_charge_has_no_features_and_its_cycle_stays():
    table = life(4).table
    part = table[~((table["cycle"] == 2) & (table["state"] == "CV Chg"))].reset_index(drop=True)
    found = cycles(part)
    assert found.table[list(FEATURES)].isna().all(axis=1).tolist() == [False, True, False]
    assert [(f.kind, f.rows) for f in found.findings] == [(Kind.MISSING, ((2, 2),))]


@pytest.mark.parametrize("vendor", EXPORTS)
def test_a_life_has_the_same_capacities_whichever_cycler_exported_it(tmp_path, vendor):
    simulated = life(5)
    path = save(tmp_path / "cell.csv", EXPORTS[vendor](simulated.table), "\t" if vendor == "BioLogic" else ",")
    assert recognise(path).name == vendor
    table, done = read(path)
    assert table["capacity_ah"].to_numpy() == pytest.approx(simulated.capacity[:4], rel=1e-3)
    assert table[list(FEATURES)].notna().all(axis=None)
    assert done.findings == ()
    assert (done.window.cutoff_v, done.window.current_from_a) == (3.6, pytest.approx(0.495))


def test_the_sign_of_the_current_is_found(tmp_path):
    table = plain(life(4).table)
    right, _ = read(save(tmp_path / "a.csv", table))
    turned, done = read(save(tmp_path / "b.csv", table.assign(current_a=-table["current_a"])))
    np.testing.assert_array_equal(turned["capacity_ah"], right["capacity_ah"])
    assert "its sign was turned" in done.findings[0].text


def test_a_current_without_a_sign_needs_the_state_of_a_row(tmp_path):
    table = plain(life(4).table)
    path = save(tmp_path / "a.csv", table.assign(current_a=table["current_a"].abs()))
    with pytest.raises(DataError, match="the current has no sign"):
        read(path)


def test_two_samples_at_one_time_where_a_step_ends_are_no_fault(tmp_path):
    table = life(4).table
    table["time"] -= table["step"]  # no second between two steps: the end of one is the beginning of the next
    found, done = read(save(tmp_path / "a.csv", EXPORTS["Arbin"](table)))
    assert found[list(FEATURES)].notna().all(axis=None)
    assert done.findings == ()


def two_steps(table):
    """Each discharge in two steps, as a cycler does that changes its rate."""
    half = (table["state"] == "CC DChg") & (table["step_time"] > 1500)
    return table.assign(step=table["step"] * 2 + half)


def test_a_capacity_that_is_counted_for_each_step_is_named(tmp_path):
    table = two_steps(life(4).table)
    found, done = read(save(tmp_path / "a.csv", EXPORTS["Neware"](table)))
    assert found["capacity_ah"].to_numpy() == pytest.approx(life(4).capacity[:3], rel=1e-3)
    assert [(f.kind, f.rows) for f in done.findings] == [(Kind.CAPACITY, ((1, 3),))]
    assert "begins again within a discharge" in done.findings[0].text


def test_a_capacity_that_begins_again_in_the_middle_of_a_cycle_is_named(tmp_path):
    table = life(4).table
    export = EXPORTS["Arbin"](table)
    at = table.index[(table["cycle"] == 2) & (table["state"] == "CC DChg")]
    counted = export["Discharge_Capacity(Ah)"].to_numpy(copy=True)
    counted[at[100] :] -= np.where(np.arange(at[100], len(counted)) <= at[-1], counted[at[99]], 0)
    _, done = read(save(tmp_path / "a.csv", export.assign(**{"Discharge_Capacity(Ah)": counted})))
    assert [(f.kind, f.rows) for f in done.findings] == [(Kind.CAPACITY, ((2, 2),))]


def test_a_capacity_in_another_unit_than_its_header_says_is_named(tmp_path):
    export = EXPORTS["Arbin"](life(4).table)
    export["Discharge_Capacity(Ah)"] *= 1000
    _, done = read(save(tmp_path / "a.csv", export))
    assert "check its unit" in done.findings[0].text


def test_numbers_of_cycles_that_restart_are_named_and_not_used(tmp_path):
    export = EXPORTS["Arbin"](life(8).table)
    export["Cycle_Index"] = 1
    table, done = read(save(tmp_path / "a.csv", export))
    assert table["cycle"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert "counts 1 cycles, and the current has 7" in done.findings[0].text


PARTS = r"(?P<asset>.+)_part\d+"


def test_files_of_one_cell_are_joined(tmp_path):
    table = life(6).table
    whole, _ = read(save(tmp_path / "whole.csv", plain(table)))
    half = len(table) // 2
    later = plain(table.iloc[half:])
    later["time_s"] -= later["time_s"].iloc[0]  # its clock begins anew
    files = [
        save(tmp_path / "a_part10.csv", later),
        save(tmp_path / "a_part9.csv", plain(table.iloc[:half])),
    ]
    done = convert(files, tmp_path / "out.parquet", jobs=1, parts=PARTS, progress=False)
    joined = pd.read_parquet(done.path)
    assert joined["cell"].unique().tolist() == ["a"]
    assert len(joined) == len(whole)
    assert joined["capacity_ah"].to_numpy() == pytest.approx(whole["capacity_ah"].to_numpy(), rel=1e-2)
    assert "2 files joined: a_part9.csv, a_part10.csv" in done.findings[0].text


def test_a_longer_export_of_the_same_test_gives_only_what_is_new(tmp_path):
    table = plain(life(6).table)
    whole, _ = read(save(tmp_path / "whole.csv", table))
    files = [save(tmp_path / "a_part1.csv", table.iloc[:900]), save(tmp_path / "a_part2.csv", table)]
    done = convert(files, tmp_path / "out.parquet", jobs=1, parts=PARTS, progress=False)
    joined = pd.read_parquet(done.path)
    pd.testing.assert_frame_equal(joined.drop(columns="cell"), whole.drop(columns="cell"), check_exact=True)
    assert [f.kind for f in done.findings] == [Kind.FILES, Kind.CUT]
    assert "900 samples" in done.findings[1].text


def test_channels_of_one_file_are_cells(tmp_path):
    one, two = (EXPORTS["Arbin"](life(3, seed=n).table).assign(Channel_ID=n) for n in (1, 2))
    mixed = pd.concat([one, two]).sort_values("Test_Time(s)", kind="stable")
    table, _ = read(save(tmp_path / "rig.csv", mixed))
    assert table["cell"].unique().tolist() == ["rig-1", "rig-2"]
    assert table.groupby("cell").size().tolist() == [2, 2]


def test_files_are_read_in_processes_and_one_that_is_unreadable_is_a_line(tmp_path):
    for n in range(3):
        save(tmp_path / f"cell-{n}.csv", EXPORTS["Arbin"](life(3, seed=n).table))
    (tmp_path / "cell-10.csv").write_text("time_s,current_a\n1,2\n")
    one, two = (
        convert(tmp_path.glob("*.csv"), tmp_path / f"{jobs}.parquet", jobs=jobs, progress=False) for jobs in (1, 2)
    )
    assert one.path.read_bytes() == two.path.read_bytes()
    assert [name for name, _, _ in two.cells] == ["cell-0", "cell-1", "cell-2"]
    assert [(f.asset, f.kind) for f in two.findings] == [("cell-10", Kind.FILE)]
    stored = json.loads(pyarrow.parquet.read_schema(two.path).metadata[KEY])
    assert stored["findings"][0]["asset"] == "cell-10"


def test_no_complete_cycle_is_an_error_that_says_why(tmp_path):
    path = save(tmp_path / "a.csv", plain(life(1).table))
    with pytest.raises(DataError, match=r"no complete cycle in 1 cells \(No complete cycle"):
        read(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_ours_is_not_replaced(tmp_path):
    path = save(tmp_path / "a.csv", plain(life(3).table))
    other = tmp_path / "a.parquet"
    other.write_bytes(b"mine")
    with pytest.raises(OutputError, match="not a table that this command wrote"):
        read(path)
    assert other.read_bytes() == b"mine"
    other.unlink()
    assert read(path)[1].path == read(path)[1].path  # its own is


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("(", "no regular expression"),
        ("a.*", "has no group"),
        (r"(?P<asset>(a+)+)b", "forever"),
        (r"(?P<asset>b\d)", "does not match parts"),
    ],
)
def test_a_wrong_pattern_of_parts_is_named(tmp_path, parts, message):
    with pytest.raises(DataError, match=message):
        convert([tmp_path / "a1.csv"], tmp_path / "out.parquet", parts=parts)


def test_a_text_in_a_column_of_numbers_is_named_by_line(tmp_path):
    table = plain(life(3).table).astype({"voltage_v": object})
    table.loc[5, "voltage_v"] = "n/a?"
    with pytest.raises(DataError, match=r"line 7, column 'voltage_v': 'n/a\?' is not a number"):
        read(save(tmp_path / "a.csv", table))


def test_an_unknown_unit_is_named(tmp_path):
    table = EXPORTS["Arbin"](life(3).table).rename(columns={"Current(A)": "Current(furlong)"})
    with pytest.raises(DataError, match="unknown unit 'furlong'"):
        recognise(save(tmp_path / "a.csv", table))


def test_a_table_of_cycles_is_no_time_series(tmp_path):
    assert recognise(save(tmp_path / "a.csv", pd.DataFrame({"cycle": [1, 2], "capacity_ah": [1.1, 1.0]}))) is None


def test_cycles_need_both_phases():
    assert find_cycles(samples(life(3).table.iloc[:0])) == []
    rest = pd.DataFrame({"time": np.arange(100.0), "current": 0.0, "voltage": 3.2})
    assert find_cycles(samples(rest)) == []
