"""What names of columns mean: words, unit, role."""

from __future__ import annotations

import pytest

from dlnet.data import aliases
from tasks import BATTERY


@pytest.mark.parametrize(
    ("column", "stem", "unit"),
    [
        ("Discharge Capacity (mAh)", "dischargecapacity", "mAh"),
        ("Discharge_Capacity(Ah)", "dischargecapacity", "Ah"),
        ("QDischarge_mA_h", "qdischarge", "mAh"),
        ("Q discharge/mA.h", "qdischarge", "mAh"),
        ("capacity_ah", "capacity", "Ah"),
        ("Entladekapazität [Ah]", "entladekapazitaet", "Ah"),
        ("Entladekapazitaet", "entladekapazitaet", None),
        ("dischargeCapacityAh", "dischargecapacity", "Ah"),
        ("放电容量(mAh)", "放电容量", "mAh"),
        ("Qd", "qd", None),
        ("v_mean", "vmean", None),
        ("dp_pa", "dp", "Pa"),
        ("Temperature (°C)", "temperature", "degC"),
        ("flow [m³/h]", "flow", "m3/h"),
        ("note (new)", "note", None),
        ("Ah", "ah", None),
    ],
)
def test_a_name_is_taken_apart(column, stem, unit):
    name = aliases.taken_apart(column)
    assert (name.stem, name.unit) == (stem, unit)


@pytest.mark.parametrize(
    "column",
    [
        "Discharge Capacity (mAh)",
        "Qd",
        "QDischarge_mA_h",
        "capacity_ah",
        "Entladekapazitaet",
        "Capacité de décharge",
        "容量",
    ],
)
def test_names_of_a_discharge_capacity_are_known(column):
    assert aliases.matching(["Cycle", column], aliases.target_names(BATTERY), BATTERY.target.units) == [column]


@pytest.mark.parametrize("column", ["Charge Capacity (Ah)", "Qc", "capacity retention (%)", "Energy (Wh)"])
def test_other_columns_are_no_discharge_capacity(column):
    assert aliases.matching([column], aliases.target_names(BATTERY), BATTERY.target.units) == []


def test_a_sure_name_is_taken_before_a_vague_one():
    names = ["capacity", "Discharge Capacity (Ah)"]
    assert aliases.matching(names, aliases.target_names(BATTERY), BATTERY.target.units) == names[1:]


def test_every_feature_of_the_table_is_one_of_the_task():
    assert set(aliases.FEATURES) == set(BATTERY.features)


def test_no_name_means_two_things():
    groups = {"cycle": aliases.CYCLES, "date": aliases.DATES, "asset": aliases.ASSETS, "time": aliases.TIMES}
    groups |= {"target": aliases.target_names(BATTERY), "nominal": aliases.nominal_names(BATTERY)}
    groups |= {name: aliases.feature_names(name) for name in BATTERY.features}
    owners: dict[str, str] = {}
    for owner, ranks in groups.items():
        for name in {name for names in ranks for name in names}:
            assert owners.setdefault(name, owner) == owner, name


def test_names_of_the_table_are_squashed():
    tables = [aliases.CYCLES, aliases.DATES, aliases.ASSETS, aliases.TIMES, *aliases.TARGETS.values()]
    tables += [*[(names,) for names in aliases.FEATURES.values()], *[(names,) for names in aliases.NOMINALS.values()]]
    names = [name for ranks in tables for group in ranks for name in group]
    assert [name for name in names if aliases.squash(name) != name] == []
