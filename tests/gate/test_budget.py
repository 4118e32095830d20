"""A model's costs on the device, compared with the budget."""

import pytest
from made_pipeline import BUDGET

from dlnet.gate.budget import within_budget

GOOD = {"flash_bytes": 6144.0, "ram_bytes": 1536.0, "instructions": 15000.0, "ms_modelled": 1.0}


def test_a_model_at_its_limits_passes():
    assert within_budget(GOOD, "cost model", BUDGET).reasons == ()


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"flash_bytes": 6145.0}, "flash 6,145 B over 6,144 B (cost model)"),
        ({"ram_bytes": 2000.0}, "RAM 2,000 B over 1,536 B (cost model)"),
        ({"instructions": 15001.0}, "instructions 15,001 over 15,000 (cost model)"),
        ({"ms_modelled": 1.25}, "modelled time 1.25 ms over 1 ms (cost model)"),
        ({"ms_modelled": float("nan")}, "modelled time is not known"),
    ],
)
def test_a_figure_over_its_limit_is_named(figures, words):
    assert within_budget({**GOOD, **figures}, "cost model", BUDGET).reasons == (words,)


@pytest.mark.parametrize("absent", sorted(GOOD))
def test_a_missing_figure_is_over_budget(absent):
    known = {key: value for key, value in GOOD.items() if key != absent}
    assert len(within_budget(known, "cost model", BUDGET).reasons) == 1
