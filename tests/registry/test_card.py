"""Model cards, word for word."""

import pytest
from jinja2 import UndefinedError
from made_pipeline import make

from dlnet.gate.verdict import Verdict
from dlnet.registry.card import edge_card, float_card
from dlnet.report.documents import SummaryReport

HEAD = """liquid-4-labels-s0, track capacity, made {{ cells }}

| MAE of SoH, test cells | |
|---|---|
| int8 | 0.00132 |
| the same student in float | 0.00131 |
| boosting | 0.00143 |
| line | 0.00264 |
| parabola | 0.00242 |
| persistence | 0.00748 |
| ridge | 0.00154 |

Worst cell: cell-3, MAE 0.00396. Parameters: 200. Integer spec 2,000 B, .tflite files 9,000 B.
"""
MORE = """
A gate picks one of 2 branches a window. Validation windows by branch: 62 / 38 %.

Weights of 4 bits instead of 8: step and head.
"""
TAIL = """
**Gate (validation cells): not passed**

- not: int8 over ridge
- int8 < line

**Budget (on the device, a forecast): passed**

- flash 3,000 B of 6,144 B

Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), SoH. Output: SoH of the next cycles."""
JUDGED, BUDGET = Verdict(("int8 over ridge",), ("int8 < line",)), Verdict((), ("flash 3,000 B of 6,144 B",))
TASK = {"inputs": "capacity", "label": "made {{ cells }}"}  # a label is text, and no template


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    whole = SummaryReport.read(make(tmp_path_factory.mktemp("made")) / "reports/summary.json")
    return whole.model_copy(update={"data": whole.data.model_copy(update=TASK)})


def test_the_card_of_the_int8_model(summary):
    assert edge_card(summary, JUDGED, BUDGET) == HEAD + TAIL


def test_branches_and_weights_of_4_bits_have_a_line_each(summary):
    edge = summary.edge.model_copy(update={"branch_usage": (0.617, 0.383), "four_bits": ("step", "head")})
    assert edge_card(summary.model_copy(update={"edge": edge}), JUDGED, BUDGET) == HEAD + MORE + TAIL


def test_the_card_of_a_float_model():
    assert float_card("big", TASK, {"mae": 0.00123456789, "MAE": 1.0, "bytes": 12_345_678.0}) == (
        "big, track capacity, made {{ cells }}\n\n| | |\n|---|---|\n| MAE | 1 |\n| bytes | 1.23457e+07 |\n"
        "| mae | 0.00123457 |\n\n"
        "Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), SoH. Output: SoH of the next cycles."
    )


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="label"):
        float_card("big", {"inputs": "capacity"}, {})
