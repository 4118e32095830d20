"""Model cards: what stands in the description of a registered version."""

from __future__ import annotations

from collections.abc import Mapping

from dlnet.data.documents import TaskRecord
from dlnet.gate.verdict import Verdict
from dlnet.report.documents import EdgeSummary, SummaryReport

INPUT = "Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), SoH. Output: SoH of the next cycles."


def float_card(name: str, task: TaskRecord, metrics: Mapping[str, float]) -> str:
    """Card of the teacher or of a float student; errors are MAE of SoH."""
    lines = [_head(name, task.inputs, task.label), "| | |", "|---|---|"]
    lines += [f"| {key} | {value:.6g} |" for key, value in sorted(metrics.items())]
    return "\n".join([*lines, "", INPUT])


def edge_card(summary: SummaryReport, judged: Verdict, budget: Verdict) -> str:
    """Card of the int8 model: test errors beside the baselines', sizes, and the gate's words."""
    edge, data = summary.edge, summary.data
    rows = [("int8", edge.mae_int8), ("the same student in float", edge.mae_float)]
    rows += [(name, entry.mae) for name, entry in summary.baselines.items()]
    worst = edge.worst_cell
    lines = [
        _head(edge.name, data.inputs, data.label),
        "| MAE of SoH, test cells | |",
        "|---|---|",
        *(f"| {label} | {value:.5f} |" for label, value in rows),
        "",
        f"Worst cell: {worst.cell}, MAE {worst.mae:.5f}. Parameters: {edge.parameters}. "
        f"Integer spec {edge.spec_bytes:,} B, .tflite files {edge.tflite_bytes:,} B.",
        *_branches(edge),
        *_four_bits(edge),
        "",
        *_section("Gate (validation cells)", judged),
        *_section("Budget (on the device, a forecast)", budget),
        INPUT,
    ]
    return "\n".join(lines)


def _branches(edge: EdgeSummary) -> list[str]:
    """A line on a model of several branches; nothing on one without."""
    used = edge.branch_usage
    if not used:
        return []
    parts = " / ".join(f"{100 * part:.0f}" for part in used)
    return ["", f"A gate picks one of {len(used)} branches a window. Validation windows by branch: {parts} %."]


def _four_bits(edge: EdgeSummary) -> list[str]:
    """A line on weights of 4 bits; nothing on a model that has none."""
    names = edge.four_bits
    return ["", f"Weights of 4 bits in place of 8: {' and '.join(names)}."] if names else []


def _section(title: str, judged: Verdict) -> list[str]:
    word = "passed" if judged.passed else "not passed"
    failed = [f"- not: {text}" for text in judged.reasons]
    return [f"**{title}: {word}**", "", *failed, *(f"- {text}" for text in judged.held), ""]


def _head(name: str, track: str, label: str) -> str:
    return f"{name}, track {track}, {label}\n"
