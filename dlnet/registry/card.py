"""Model cards: what stands in the description of a registered version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlnet.registry.gate import Verdict

INPUT = "Input: `z` (N, steps, channels), encoded cycles, and `anchor` (N, 1), SoH. Output: SoH of the next cycles."


def float_card(name: str, task: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    """Card of the teacher or of a float student; errors are MAE of SoH."""
    lines = [_head(name, task), "| | |", "|---|---|"]
    lines += [f"| {key} | {value:.6g} |" for key, value in sorted(metrics.items())]
    return "\n".join([*lines, "", INPUT])


def edge_card(
    name: str, task: Mapping[str, Any], summary: Mapping[str, Any], size: Mapping[str, float], judged: Verdict
) -> str:
    """Card of the int8 model: test errors beside the baselines', sizes, and the gate's word on validation."""
    edge = summary["edge"]
    rows = [("int8", edge["mae_int8"]), ("the same student in float", edge["mae_float"])]
    rows += [(other, entry["mae"]) for other, entry in summary["baselines"].items()]
    lines = [_head(name, task), "| MAE of SoH, test cells | |", "|---|---|"]
    lines += [f"| {label} | {_figure(value)} |" for label, value in rows]
    worst = edge["worst_cell"]
    lines += [
        "",
        f"Worst cell: {worst['cell']}, MAE {_figure(worst['mae'])}. Parameters: {edge['parameters']}. "
        f"Integer spec {size['spec_bytes']:.0f} B, .tflite files {size['tflite_bytes']:.0f} B.",
        "",
        f"**Gate (validation cells): {'passed' if judged.passed else 'not passed'}**",
        "",
        *(f"- {text}" for text in (*judged.reasons, *judged.held)),
    ]
    return "\n".join([*lines, "", INPUT])


def _head(name: str, task: Mapping[str, Any]) -> str:
    return f"**{name}**. Data: {task['label']}. Track: {task['inputs']}.\n"


def _figure(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['mean']:.5f} ± {value['std']:.5f}"
    return f"{value:.5f}"
