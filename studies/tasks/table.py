"""The table of docs/tasks.md from the reports of each task's run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dlnet.documents import Document
from dlnet.errors import DLNetError
from dlnet.metrics import Ratio, paired_ratio
from dlnet.plots.axes import in_bytes
from dlnet.report.candidate import table
from dlnet.report.documents import EvaluationReport, SummaryReport

BEGIN, END = "<!-- results -->", "<!-- /results -->"
SHOWN = ("persistence", "line", "ridge", "boosting")


class Entry(Document):
    """Figures of one task, of test assets, in the unit of its target.

    Attributes:
        mae: model -> mean over windows; ``int8`` is the student. student_over: baseline -> ratio of means over assets.
    """

    task: str
    track: str
    label: str
    unit: str
    assets: int
    student: str
    spec_bytes: int
    mae: dict[str, float]
    shown: dict[str, str]
    student_over: dict[str, Ratio]


def entry_of(folder: Path) -> Entry:
    """Read the reports of a run."""
    summary = SummaryReport.read(folder / "reports/summary.json")
    scores = EvaluationReport.read(folder / "reports/evaluation.json")
    own, target = scores.edge[summary.edge.name].int8.test.assets, summary.data.quantities.target
    mae = {name: summary.baselines[name].mae for name in SHOWN} | {"int8": summary.edge.mae_int8}
    return Entry(
        task=summary.data.quantities.name,
        track=summary.data.track,
        label=summary.data.label,
        unit=target.error_label,
        assets=len(own),
        student=summary.edge.name,
        spec_bytes=summary.edge.spec_bytes,
        mae=mae,
        shown={name: target.shown_error(value) for name, value in mae.items()},
        student_over={name: paired_ratio(own, scores.baselines[name].test.assets) for name in SHOWN},
    )


def with_table(page: str, entries: Sequence[Entry]) -> str:
    """The page with a new table between its marks.

    Raises:
        DLNetError: a mark is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DLNetError(f"docs/tasks.md: expected the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{_text(entries)}\n{END}{after}"


def _text(entries: Sequence[Entry]) -> str:
    rows = [
        [
            f"`{entry.task}`, {entry.label}, `{entry.track}`",
            entry.unit,
            *(entry.shown[name] for name in SHOWN),
            f"{entry.shown['int8']} ({in_bytes(entry.spec_bytes)})",
            *(_ratio(entry.student_over[name]) for name in ("line", "ridge", "boosting")),
        ]
        for entry in entries
    ]
    over = [f"student / {name}" for name in ("line", "ridge", "boosting")]
    return "\n".join(
        [
            table(["task, data, track", "MAE of", *SHOWN, "int8 student", *over], rows),
            "",
            "`make tasks`: one split and the default settings for each, test assets. MAE: mean over windows of all "
            "rows ahead. Ratios: of means over assets, with the 95 % interval of paired resamples of the assets; above "
            "1 the baseline is better. On `sensors_only` persistence and line see the target, the student does not.",
        ]
    )


def _ratio(value: Ratio) -> str:
    return f"{value.ratio:.2f} [{value.low:.2f}, {value.high:.2f}]"
