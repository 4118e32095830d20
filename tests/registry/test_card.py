"""Model cards, word for word."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from made_pipeline import make

from dlnet.config.quantities import load_quantities
from dlnet.data.documents import TaskRecord
from dlnet.gate.verdict import Verdict
from dlnet.registry.card import edge_card, float_card
from dlnet.report.documents import SummaryReport

ROOT = Path(__file__).parents[2]
HEAD = """liquid-4-labels-s0, task battery, track with_target, made {{ cells }}

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
**Gate (validation windows): not passed**

- not: int8 over ridge
- int8 < line

**Budget (on the device, a forecast): passed**

- flash 3,000 B of 6,144 B

Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), health. Output: SoH in the next cycles."""
JUDGED, BUDGET = Verdict(("int8 over ridge",), ("int8 < line",)), Verdict((), ("flash 3,000 B of 6,144 B",))
LABEL = {"label": "made {{ cells }}"}  # a label is text, and no template


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def summary(made):
    whole = SummaryReport.read(made / "reports/summary.json")
    return whole.model_copy(update={"data": whole.data.model_copy(update=LABEL)})


@pytest.fixture(scope="module")
def task(made):
    return TaskRecord.read(made / "data/windows/task.json").model_copy(update=LABEL)


def test_the_card_of_the_int8_model(summary):
    assert edge_card(summary, JUDGED, BUDGET) == HEAD + TAIL


def test_branches_and_weights_of_4_bits_have_a_line_each(summary):
    edge = summary.edge.model_copy(update={"branch_usage": (0.617, 0.383), "four_bits": ("step", "head")})
    assert edge_card(summary.model_copy(update={"edge": edge}), JUDGED, BUDGET) == HEAD + MORE + TAIL


def test_the_card_of_a_float_model(task):
    assert float_card("big", task, {"mae": 0.00123456789, "MAE": 1.0, "bytes": 12_345_678.0}) == (
        "big, task battery, track with_target, made {{ cells }}\n\n"
        "| | |\n|---|---|\n| MAE | 1 |\n| bytes | 1.23457e+07 |\n"
        "| mae | 0.00123457 |\n\n"
        "Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), health. Output: SoH in the next cycles."
    )


def test_the_cards_of_a_pump_speak_of_pumps(tmp_path):
    root = make(tmp_path, quantities=load_quantities("pump", ROOT / "tasks"))
    edge = edge_card(SummaryReport.read(root / "reports/summary.json"), JUDGED, BUDGET)
    student = float_card("big", TaskRecord.read(root / "data/windows/task.json"), {})
    assert "| MAE of relative head, test pumps | |" in edge
    said = "Output: relative head in the next days."
    assert all("task pump" in card and card.endswith(said) for card in (edge, student))
    spoken = (edge.replace("Worst pump: cell-3", ""), student)  # the name of an asset is not a word of the task
    assert not [word for word in ("cell", "cycle", "SoH") for card in spoken if word in card]


def test_a_value_that_is_missing_is_an_error(task):
    with pytest.raises(UndefinedError, match="label"):
        float_card("big", SimpleNamespace(quantities=task.quantities, track="with_target", preset="default"), {})
