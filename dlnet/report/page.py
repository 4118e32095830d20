"""reports/report.md: text, tables and figures of all measurements."""

from __future__ import annotations

from collections.abc import Sequence

from dlnet.config.presets import MARKS
from dlnet.config.quantities import Quantities, Target
from dlnet.gate.choice import Choice
from dlnet.gate.competitor import title
from dlnet.plots.axes import in_bytes
from dlnet.report.candidate import candidate_section, table
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

SPLIT_NAMES = {"train": "training", "validation": "validation", "test": "test"}


def page(summary: SummaryReport, content: EvaluationReport, choice: Choice) -> str:
    """The whole report as Markdown; ``choice`` is that of the model for the device."""
    data = summary.data
    words, target = data.quantities, data.quantities.target
    pictures = {name: f"![{title}](figures/{name})" for title, name in PICTURES}
    parts = [
        f"# {data.label}, track `{data.track}`",
        *([_simulated(words)] if data.simulated else []),
        *(f"> {mark}" for mark in MARKS[data.preset]),
        f"**{choice.sentence}**",
        _opening(summary),
        pictures["size.png"],
        *candidate_section(choice, words),
        "## Models",
        f"Errors of {target.label} over the next {words.time.count(data.horizon)}, **test {words.asset.many}**. MAE "
        "and RMSE are means over windows. Size: float weights as 4 bytes each; int8: integer spec with its tables."
        + star_of(summary),
        _models(summary),
        *usage_line(summary.elites),
        *bits_line(summary.edges),
        pictures["trajectories.png"],
        pictures["horizon.png"],
        "## The integer model",
        f"MAE on test {words.asset.many}: of the float student; of the integer reference (the truth for firmware) over "
        "it; of the .tflite files in LiteRT (plain and optimised kernels) and TensorFlow Lite Micro over the "
        "reference's. Most apart: the largest difference of any single forecast from the reference, in the same unit.",
        _engines(summary.edges, target),
        *_incomplete(summary),
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
        f"Float students, test {words.asset.many}, mean ± standard deviation over seeds. "
        "One split was measured here; `make results` measures several.",
        _spread(summary.spread.students, words),
        f"## Each of the {words.asset.many}",
        pictures["assets.png"],
        _assets(summary, content),
        "## Read with care",
        "\n".join(f"- {note}" for note in _notes(data)),
    ]
    return "\n\n".join(parts) + "\n"


def _simulated(words: Quantities) -> str:
    return (
        f"> **Simulated.** These {words.asset.many} come out of a model, not out of a laboratory: no figure here is of "
        f"a real {words.asset.one}."
    )


def _opening(summary: SummaryReport) -> str:
    data, edge, ratios = summary.data, summary.edge, summary.ratios
    words, target = data.quantities, data.quantities.target
    splits = ", ".join(
        f"{part.assets if part.assets_used is None else part.assets_used} {label} {words.asset.many} "
        f"({part.windows:,} windows)"
        for label, part in ((label, data.splits[name]) for name, label in SPLIT_NAMES.items())
    )
    rivals = [name for name in ("boosting", "ridge", "line", "persistence") if f"edge over {name}" in ratios]
    comparison = ", ".join(f"{ratios[f'edge over {name}']:.2f} × {name}" for name in rivals)
    return (
        f"Task `{words.name}`. {splits}. A model sees {words.time.count(data.window)} and forecasts the next "
        f"{data.horizon}.\n\n"
        f"The int8 student has {edge.parameters:,} parameters and takes {in_bytes(edge.spec_bytes)} on the "
        f"device. Its MAE on test {words.asset.many} is **{target.shown_error(edge.mae_int8)}** {target.error_label}: "
        f"{comparison}; "
        f"{ratios['int8 over float']:.3f} × its own float form. Worst {words.asset.one}: "
        f"{edge.worst_asset.asset}, {target.shown_error(edge.worst_asset.mae)}."
    )


def _models(summary: SummaryReport) -> str:
    labels, boosting, words = labels_of(summary), summary.mae_of("boosting"), summary.data.quantities
    baselines = sorted(summary.baselines.items(), key=lambda item: -item[1].mae)
    rows = [_row(labels[name], entry.bytes, entry, boosting, words.target) for name, entry in baselines]
    teacher = summary.teacher
    name = f"{labels['liquid teacher']} ({teacher.parameters:,} parameters)"
    rows.append(_row(name, teacher.bytes, teacher, boosting, words.target))
    rows += [
        _row(f"{elite.name} ({elite.parameters:,} parameters)", elite.bytes, elite, boosting, words.target)
        for elite in summary.elites
    ]
    for edge in summary.edges:
        chosen = edge.name == summary.edge.name
        row = _row(f"int8 {edge.name}", edge.spec_bytes, edge.int8, boosting, words.target)
        rows.append([f"**{cell}**" if chosen and cell else cell for cell in row])
    rows += [_row(title(form.kind, form.name), form.bytes, form, boosting, words.target) for form in summary.forms]
    one = words.asset.one
    means = ["MAE", "/ boosting", "RMSE", f"{one} mean", f"worst {one}", "before knee", "after knee"]
    return table(["model", "size", *means], rows)


def _row(name: str, size: int, entry: Figures, boosting: float | None, target: Target) -> list[str]:
    ratio = "" if boosting is None else f"{entry.mae / boosting:.2f}"
    worst = entry.worst_asset
    return [
        name,
        in_bytes(size),
        _figure(entry.mae, target),
        ratio,
        _figure(entry.rmse, target),
        _figure(entry.asset_mae, target),
        f"{_figure(worst.mae, target)} ({worst.asset})",
        _figure(entry.before_knee, target),
        _figure(entry.after_knee, target),
    ]


def _engines(edges: Sequence[EdgeSummary], target: Target) -> str:
    rows = [
        [
            edge.name,
            _figure(edge.mae_float, target),
            f"{edge.mae_int8 / edge.mae_float:.4f}",
            *(f"{mae / edge.mae_int8:.4f}" for mae in (edge.mae_litert, edge.mae_litert_optimised, edge.mae_tflm)),
            f"{edge.most_from_int8:.1e}",
        ]
        for edge in edges
    ]
    head = ["student", "float MAE", "int8 / float", "LiteRT / int8", "LiteRT, optimised / int8", "TFLM / int8"]
    return table([*head, "most apart"], rows)


def _incomplete(summary: SummaryReport) -> list[str]:
    """A section on rows without features; none where the model sees no features."""
    words, target = summary.data.quantities, summary.data.quantities.target
    if len({row.mae_test for row in summary.gaps}) < 2:
        return []
    rows = [
        [f"{row.complete:.0%}", _figure(row.mae_validation, target), _figure(row.mae_test, target)]
        for row in summary.gaps
    ]
    return [
        "## Incomplete rows",
        f"MAE of the int8 student where only a share of the {words.time.many}, chosen at random, keeps its features; "
        "in the others the last ones hold, as on a device.",
        table(["complete", f"validation {words.asset.many}", f"test {words.asset.many}"], rows),
    ]


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


def _spread(groups: Sequence[SpreadGroup], words: Quantities) -> str:
    rows = [
        [
            group.cell,
            str(group.hidden),
            group.loss,
            str(group.seeds),
            _mean_std(group.mae, words.target),
            _mean_std(group.asset_mae, words.target),
        ]
        for group in groups
    ]
    return table(["cell", "neurons", "loss", "seeds", "MAE", f"{words.asset.one} mean"], rows)


def _assets(summary: SummaryReport, content: EvaluationReport) -> str:
    models: dict[str, ScoresBySplit] = {
        "int8 student": content.edge[summary.edge.name].int8,
        "liquid teacher": content.teacher,
        **{name: content.baselines[name] for name in ("boosting", "line") if name in content.baselines},
    }
    each = {name: scores.test.assets for name, scores in models.items()}
    order = sorted(each["int8 student"].items(), key=lambda item: (-item[1], item[0]))
    knees, words = content.knee_rows["test"], summary.data.quantities
    rows = [
        [
            asset,
            "none" if knees[asset] is None else str(knees[asset]),
            *(_figure(errors[asset], words.target) for errors in each.values()),
        ]
        for asset, _ in order
    ]
    return table([f"test {words.asset.one}", "knee at row", *each], rows)


def _notes(data: DataSummary) -> list[str]:
    return [
        *data.notes,
        "One split was measured. On another split each figure moves by more than it does over seeds.",
        "A window counts as after the knee where its last target lies beyond the point of the life that stands "
        "farthest from the straight line between its first and last value, on the healthy side.",
    ]


def _figure(value: float | None, target: Target) -> str:
    return "–" if value is None else target.shown_error(value)


def _mean_std(value: SeedSpread, target: Target) -> str:
    spread = "" if value.std is None else f" ± {target.shown_error(value.std)}"
    return f"{target.shown_error(value.mean)}{spread}"
