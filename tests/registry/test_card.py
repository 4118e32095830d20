"""Model cards, word for word."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from made_pipeline import EDGE, LIMITS, RIVALS, choice, competing, figures, make

from dlnet.config.quantities import load_quantities
from dlnet.data.documents import TaskRecord
from dlnet.gate.choice import CHOICE, Choice, choose
from dlnet.registry.card import edge_card, float_card
from dlnet.report.documents import FormSummary, SummaryReport
from tasks import BATTERY

ROOT = Path(__file__).parents[2]
HEAD = """liquid-4-labels-s0, int8 student, task battery, track with_target, made {{ cells }}

int8 student liquid-4-labels-s0 is the candidate: the best of 2 models that pass, MAE 0.00120 SoH on 20 validation \
windows of 1 cell; 1.000 × int8 student liquid-4-labels-s0-structured-50-taught-s0; 0.923 × boosting; 0.500 × line; \
not yet proven on compiled code.

| MAE of SoH | test cells | this model / it, validation cells |
|---|---|---|
| this model | 0.00132 | |
| the same student in float | 0.00131 | |
| boosting | 0.00143 | 0.923 |
| line | 0.00264 | 0.500 |
| parabola | 0.00242 | 0.545 |
| persistence | 0.00748 | 0.176 |
| ridge | 0.00154 | 0.857 |
| teacher | 0.00121 | 1.091 |

Worst cell: cell-3, MAE 0.00396. Parameters: 200. Integer spec 2,000 B, .tflite files 9,000 B.
"""
MORE = """
A gate picks one of 2 branches a window. Validation windows by branch: 62 / 38 %.

Weights of 4 bits instead of 8: step and head.
"""
ROW = "int8 student | 0.00120 | 1.0084 | 3,000 | 1,100 | 6,000 | 0.40 | no | passed |"
TAIL = f"""
Models that can ship:

| model | kind | MAE, validation | / its float model | flash, B | RAM, B | instructions | ms | compiled | \
gate and budget |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| **liquid-4-labels-s0** | **{ROW.removesuffix(" |").replace(" | ", "** | **")}** |
| liquid-4-labels-s0-structured-50-taught-s0 | {ROW}

**Gate (validation windows): passed**

- mean MAE 0.176 x persistence (no interval: below 5 validation assets)
- mean MAE 0.500 x line (no interval: below 5 validation assets)
- 1.0084 x its float model, at most 1.03 x
- not yet proven on compiled code

**Budget (on the device, a forecast): passed**

- flash 3,000 B of 6,144 B (cost model)
- RAM 1,100 B of 1,536 B (cost model)
- instructions 6,000 of 15,000 (cost model)
- modelled time 0.4 ms of 1 ms (cost model)

Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), health. Output: SoH in the next cycles."""
LABEL = {"label": "made {{ cells }}"}  # a label is text, and no template


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def summary(made):
    whole = SummaryReport.read(made / "reports/summary.json")
    return whole.model_copy(update={"data": whole.data.model_copy(update=LABEL)})


@pytest.fixture(scope="module")
def chosen(made):
    return Choice.read(made / CHOICE)


@pytest.fixture(scope="module")
def task(made):
    return TaskRecord.read(made / "data/windows/task.json").model_copy(update=LABEL)


def test_the_card_of_an_int8_student(summary, chosen):
    assert edge_card(summary, chosen) == HEAD + TAIL


def test_the_card_of_a_model_that_is_refused_says_why(summary):
    refused = edge_card(summary, choice((EDGE,), 0.0015))
    assert "\nNo model is the candidate. The nearest is int8 student liquid-4-labels-s0: " in refused
    assert "**Gate (validation windows): not passed**\n\n- not: 1.2605 x its float model, above 1.03 x\n" in refused


def test_the_card_of_a_form_that_is_no_student(summary):
    name = "linear"
    form = FormSummary(
        **dict(figures(0.00111)), validation=figures(0.00101), name=name, kind="linear", bytes=1900, parameters=816,
        mae_float_validation=0.001,
    )  # fmt: skip
    both = [competing(EDGE, 0.0012), competing(name, 0.00101, kind="linear")]
    made = choose(both, RIVALS, LIMITS, BATTERY, 20)
    text = edge_card(summary.model_copy(update={"forms": (form,)}), made)
    assert text.startswith("linear, linear form, task battery, track with_target, ")
    assert "| this model | 0.00111 | |\n| boosting |" in text
    assert "Worst cell: cell-3, MAE 0.00333. Parameters: 816. Integer spec 1,900 B.\n" in text
    assert "tflite" not in text


def test_branches_and_weights_of_4_bits_have_a_line_each(summary, chosen):
    edge = summary.edge.model_copy(update={"branch_usage": (0.617, 0.383), "four_bits": ("step", "head")})
    edges = tuple(edge if one.name == edge.name else one for one in summary.edges)
    assert edge_card(summary.model_copy(update={"edges": edges}), chosen) == HEAD + MORE + TAIL


def test_the_card_of_a_float_model(task):
    assert float_card("big", task, {"mae": 0.00123456789, "MAE": 1.0, "bytes": 12_345_678.0}) == (
        "big, task battery, track with_target, made {{ cells }}\n\n"
        "| | |\n|---|---|\n| MAE | 1 |\n| bytes | 1.23457e+07 |\n"
        "| mae | 0.00123457 |\n\n"
        "Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), health. Output: SoH in the next cycles."
    )


def test_the_cards_of_a_pump_speak_of_pumps(tmp_path):
    root = make(tmp_path, quantities=load_quantities("pump", ROOT / "tasks"))
    edge = edge_card(SummaryReport.read(root / "reports/summary.json"), Choice.read(root / CHOICE))
    student = float_card("big", TaskRecord.read(root / "data/windows/task.json"), {})
    assert "| MAE of relative head | test pumps | this model / it, validation pumps |" in edge
    said = "Output: relative head in the next days."
    assert all("task pump" in card and card.endswith(said) for card in (edge, student))
    spoken = (edge.replace("Worst pump: cell-3", ""), student)  # the name of an asset is not a word of the task
    assert not [word for word in ("cell", "cycle", "SoH") for card in spoken if word in card]


def test_a_value_that_is_missing_is_an_error(task):
    with pytest.raises(UndefinedError, match="label"):
        float_card("big", SimpleNamespace(quantities=task.quantities, track="with_target", preset="default"), {})
