"""The GRU rows of docs/results.json made anew: their own figures and ratio, nothing else."""

import copy

import pandas as pd
import pytest

from studies.results.grus import _replace


def test_a_rows_figures_and_its_ratio_are_replaced_and_all_else_stays():
    table = pd.DataFrame({"split": [200, 201], "bytes": 3228, "uses_target": True, "mae_validation": [0.001, 0.003]})
    for name, values in {"mae": [0.001, 0.002], "rmse": [0.1, 0.1], "asset_mae": [0.2, 0.2]}.items():
        table[f"{name}_test"] = values
    table["worst_asset_mae_test"] = [0.004, 0.006]
    track = {
        "baselines": {"gru_small": {"mae": {"mean": 9.0}}, "ridge": {"mae": {"mean": 1.0}}},
        "edge": {"mae_int8": {"mean": 0.003}},
        "ratios": {"int8 over gru_small": {"mean": 9.0, "least": 8.0, "most": 10.0}, "int8 over ridge": {"mean": 1.0}},
    }
    before = copy.deepcopy(track)
    _replace(track, "gru_small", table)
    assert track["baselines"]["gru_small"]["mae"] == {"mean": 0.0015, "std_splits": 0.0005, "std_seeds": 0.0}
    assert track["baselines"]["gru_small"]["worst_asset_mae"]["mean"] == pytest.approx(0.005)
    assert track["ratios"]["int8 over gru_small"] == {"mean": pytest.approx(2.0), "least": None, "most": None}
    assert track["baselines"]["ridge"] == before["baselines"]["ridge"]
    assert track["ratios"]["int8 over ridge"] == before["ratios"]["int8 over ridge"]
