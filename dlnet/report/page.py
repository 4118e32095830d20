"""reports/report.md: text, tables and figures of all measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dlnet.plots.axes import in_bytes
from dlnet.report.documents import (
    DataSummary,
    EdgeSummary,
    EliteSummary,
    EvaluationReport,
    Figures,
    FrontSummary,
    ScoresBySplit,
    SeedSpread,
    SpreadGroup,
    SummaryReport,
)
from dlnet.report.options import bits_line, usage_line
from dlnet.report.plots import PICTURES, labels_of, star_of

COLUMNS = ["model", "size", "MAE", "/ boosting", "RMSE", "cell mean", "worst cell", "before knee", "after knee"]

SPLIT_NAMES = {"train": "training", "validation": "validation", "test": "test"}


def page(summary: SummaryReport, content: EvaluationReport) -> str:
    """The whole report as Markdown."""
    data, edge = summary.data, summary.edge
    pictures = {name: f"![{title}](figures/{name})" for title, name in PICTURES}
    parts = [
        f"# {data.label}, track `{data.inputs}`",
        *([SIMULATED] if data.simulated else []),
        _opening(summary),
        pictures["size.png"],
        "## Models",
        f"Errors of SoH (fraction of nominal capacity) over the next {data.horizon} cycles, **test cells**. MAE and "
        "RMSE are means over windows. Size: float weights as 4 bytes each; int8: integer spec with its tables."
        + star_of(summary),
        _models(summary),
        f"For the device: **{edge.name}**, {edge.rule}. No choice was made on test cells.",
        *usage_line(summary.elites),
        *bits_line(summary.edges),
        pictures["trajectories.png"],
        pictures["horizon.png"],
        "## The integer model",
        "MAE on test cells: of the float student; of the integer reference (the truth for firmware) over it; of "
        "the .tflite files in LiteRT (plain and optimised kernels) and TensorFlow Lite Micro over the reference's. "
        "Most apart: the largest difference of any single forecast from the reference, SoH.",
        _engines(summary.edges),
        "## Does the teacher teach?",
        f"{summary.teacher.verdict} Gains, with their spread:",
        pictures["distillation.png"],
        pictures["learning.png"],
        "## Fronts",
        *(_front(front) for front in summary.fronts),
        pictures["front1.png"],
        pictures["front2.png"],
        _costs(summary.elites),
        "## Spread over seeds",
        "Float students, test cells, mean ± standard deviation over seeds. "
        "One split was measured here; `make results` measures several.",
        _spread(summary.spread.students),
        "## Cells",
        pictures["cells.png"],
        _cells(summary, content),
        "## Read with care",
        "\n".join(f"- {note}" for note in _notes(data)),
    ]
    return "\n\n".join(parts) + "\n"


SIMULATED = (
    "> **Simulated.** These cells come out of a model, not out of a laboratory: no figure here is of a real cell."
)


def _opening(summary: SummaryReport) -> str:
    data, edge, ratios = summary.data, summary.edge, summary.ratios
    splits = ", ".join(
        f"{part.cells if part.cells_used is None else part.cells_used} {label} cells ({part.windows:,} windows)"
        for label, part in ((label, data.splits[name]) for name, label in SPLIT_NAMES.items())
    )
    rivals = [name for name in ("boosting", "ridge", "line", "persistence") if f"edge over {name}" in ratios]
    comparison = ", ".join(f"{ratios[f'edge over {name}']:.2f} × {name}" for name in rivals)
    return (
        f"{splits}. A model sees {data.window} cycles and forecasts the next {data.horizon}.\n\n"
        f"The int8 student has {edge.parameters:,} parameters and takes {in_bytes(edge.spec_bytes)} on the "
        f"device. Its MAE on test cells is **{edge.mae_int8:.5f}** SoH: {comparison}; "
        f"{ratios['int8 over float']:.3f} × its own float form. Worst cell: {edge.worst_cell.cell}, "
        f"{edge.worst_cell.mae:.5f}."
    )


def _models(summary: SummaryReport) -> str:
    labels, boosting = labels_of(summary), summary.mae_of("boosting")
    baselines = sorted(summary.baselines.items(), key=lambda item: -item[1].mae)
    rows = [_row(labels[name], entry.bytes, entry, boosting) for name, entry in baselines]
    teacher = summary.teacher
    name = f"{labels['liquid teacher']} ({teacher.parameters:,} parameters)"
    rows.append(_row(name, teacher.bytes, teacher, boosting))
    rows += [
        _row(f"{elite.name} ({elite.parameters:,} parameters)", elite.bytes, elite, boosting)
        for elite in summary.elites
    ]
    for edge in summary.edges:
        chosen = edge.name == summary.edge.name
        row = _row(f"int8 {edge.name}", edge.spec_bytes, edge.int8, boosting)
        rows.append([f"**{cell}**" if chosen and cell else cell for cell in row])
    return table(COLUMNS, rows)


def _row(name: str, size: int, entry: Figures, boosting: float | None) -> list[str]:
    ratio = "" if boosting is None else f"{entry.mae / boosting:.2f}"
    worst = entry.worst_cell
    return [
        name,
        in_bytes(size),
        _figure(entry.mae),
        ratio,
        _figure(entry.rmse),
        _figure(entry.cell_mae),
        f"{_figure(worst.mae)} ({worst.cell})",
        _figure(entry.before_knee),
        _figure(entry.after_knee),
    ]


def _engines(edges: Sequence[EdgeSummary]) -> str:
    rows = [
        [
            edge.name,
            _figure(edge.mae_float),
            f"{edge.mae_int8 / edge.mae_float:.4f}",
            *(f"{mae / edge.mae_int8:.4f}" for mae in (edge.mae_litert, edge.mae_litert_optimised, edge.mae_tflm)),
            f"{edge.most_from_int8:.1e}",
        ]
        for edge in edges
    ]
    head = ["student", "float MAE", "int8 / float", "LiteRT / int8", "LiteRT, optimised / int8", "TFLM / int8"]
    return table([*head, "most apart"], rows)


def _front(front: FrontSummary) -> str:
    titles = {"front1": "First front: the sweep.", "front2": "Second front: the sweep and its pruned elites."}
    elites = ", ".join(f"`{name}`" for name in front.elites)
    return (
        f"{titles[front.name]} {len(front.front)} of {front.models} models are on it "
        f"({', '.join(front.objectives)}); elites: {elites}. {' '.join(front.notes)}".rstrip()
    )


def _costs(elites: Sequence[EliteSummary]) -> str:
    rows = [
        [
            elite.name,
            f"{elite.parameters:,}",
            f"{elite.nonzero_parameters:,}",
            f"{elite.flash_bytes:,}",
            f"{elite.ram_bytes:,}",
            f"{elite.instructions:,}",
            f"{elite.ms_modelled:.2f}",
            f"{elite.energy_uj:.2f}",
            f"{elite.co2_ug:.2g}",
        ]
        for elite in elites
    ]
    head = ["elite", "parameters", "not zero", "flash, B", "RAM, B", "instructions", "ms", "energy, µJ", "CO₂e, µg"]
    return (
        "Cost of one forecast on a Cortex-M4. Flash, RAM, instructions and ms are **modelled**; energy and CO₂ are "
        "**estimated** from them (docs/selection.md).\n\n" + table(head, rows)
    )


def _spread(groups: Sequence[SpreadGroup]) -> str:
    rows = [
        [
            group.cell,
            str(group.hidden),
            group.loss,
            str(group.seeds),
            _mean_std(group.mae),
            _mean_std(group.cell_mae),
        ]
        for group in groups
    ]
    return table(["cell", "neurons", "loss", "seeds", "MAE", "cell mean"], rows)


def _cells(summary: SummaryReport, content: EvaluationReport) -> str:
    models: dict[str, ScoresBySplit] = {
        "int8 student": content.edge[summary.edge.name].int8,
        "liquid teacher": content.teacher,
        **{name: content.baselines[name] for name in ("boosting", "line") if name in content.baselines},
    }
    each = {name: scores.test.cells for name, scores in models.items()}
    order = sorted(each["int8 student"].items(), key=lambda item: (-item[1], item[0]))
    knees = content.knee_rows["test"]
    rows = [
        [
            cell,
            "none" if knees[cell] is None else str(knees[cell]),
            *(_figure(errors[cell]) for errors in each.values()),
        ]
        for cell, _ in order
    ]
    return table(["test cell", "knee at row", *each], rows)


def _notes(data: DataSummary) -> list[str]:
    return [
        *data.notes,
        "One cell split was measured. On another split each figure moves by more than it does over seeds.",
        "A window counts as after the knee where its last target lies beyond the point of the cell's life that is "
        "farthest above the straight line from its first SoH to its last.",
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are right-aligned."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.5f}"


def _mean_std(value: SeedSpread) -> str:
    spread = "" if value.std is None else f" ± {value.std:.5f}"
    return f"{value.mean:.5f}{spread}"
