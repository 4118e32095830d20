"""Model cards: the descriptions of registered versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from dlnet.config.presets import MARKS
from dlnet.data.documents import TaskRecord
from dlnet.gate.verdict import Verdict
from dlnet.report.documents import SummaryReport

TEMPLATES = Path(__file__).parent / "templates"


def float_card(name: str, task: TaskRecord, metrics: Mapping[str, float]) -> str:
    """Card of the teacher or of a float student; errors are MAE of the target."""
    return render(TEMPLATES / "float_card.md.j2", name=name, task=task, marks=MARKS[task.preset], metrics=metrics)


def edge_card(summary: SummaryReport, gate: Verdict, budget: Verdict) -> str:
    """Card of the int8 model: test errors beside the baselines', sizes, and the results of gate and budget."""
    verdicts = {"Gate (validation windows)": gate, "Budget (on the device, a forecast)": budget}
    return render(TEMPLATES / "edge_card.md.j2", summary=summary, marks=MARKS[summary.data.preset], verdicts=verdicts)


def render(template: Path, **values: Any) -> str:
    """A template's text with ``values``, without a line end; a variable without a value is an error."""
    source = template.read_text(encoding="utf-8")
    return Template(source, undefined=StrictUndefined, trim_blocks=True).render(values)
