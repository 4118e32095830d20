"""Model cards: the descriptions of registered versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from dlnet.config.presets import MARKS
from dlnet.data.documents import TaskRecord
from dlnet.gate.choice import Choice
from dlnet.gate.competitor import NAMES
from dlnet.report.candidate import competitors_table, ratio_over
from dlnet.report.documents import SummaryReport

TEMPLATES = Path(__file__).parent / "templates"


def float_card(name: str, task: TaskRecord, metrics: Mapping[str, float]) -> str:
    """Card of the teacher or of a float student; errors are MAE of the target."""
    return render(TEMPLATES / "float_card.md.j2", name=name, task=task, marks=MARKS[task.preset], metrics=metrics)


def edge_card(summary: SummaryReport, choice: Choice) -> str:
    """Card of the model for the device.

    The choice in a sentence, test errors beside those of the baselines and the teacher, sizes, what competed, and the
    results of gate and budget.
    """
    chosen = choice.chosen
    student = next((edge for edge in summary.edges if edge.name == choice.name), None)
    form = next((form for form in summary.forms if form.name == choice.name), None)
    verdicts = {"Gate (validation windows)": chosen.gate, "Budget (on the device, a forecast)": chosen.budget}
    tested = {**summary.baselines, "teacher": summary.teacher}
    return render(
        TEMPLATES / "edge_card.md.j2",
        summary=summary,
        choice=choice,
        kind=NAMES[choice.kind],
        errors=summary.shipped(choice.name),
        student=student,
        form=form,
        beside={name: (entry, ratio_over(choice, name)) for name, entry in tested.items() if name in choice.beside},
        competitors=competitors_table(choice, summary.data.quantities),
        marks=MARKS[summary.data.preset],
        verdicts=verdicts,
    )


def render(template: Path, **values: Any) -> str:
    """A template's text with ``values``, without a line end; a variable without a value is an error."""
    source = template.read_text(encoding="utf-8")
    return Template(source, undefined=StrictUndefined, trim_blocks=True).render(values)
