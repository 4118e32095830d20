"""Figures of reports/report.md: errors of all models, forecasts and truth, errors by asset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnet.cost.device import UNITS
from dlnet.data.gaps import bridged
from dlnet.data.windows import WindowDataset
from dlnet.plots.axes import EDGE, TEACHER, colour_of, error_axis, name_points, names_at_right, size_axis
from dlnet.plots.style import FAINT, INK, MUTED, PALETTE, caption, figure_style, save_figure
from dlnet.report.documents import EvaluationReport, SummaryReport
from dlnet.report.evaluation import Cases, Evaluation, Forecast
from dlnet.report.fronts import plot_front
from dlnet.report.pipeline import FRONTS, Pipeline
from dlnet.report.training_plots import distillation, learning

PICTURES = (
    ("Error against size", "size.png"),
    ("Forecasts of six test lives", "trajectories.png"),
    ("Error by time ahead", "horizon.png"),
    ("Error of each test life", "assets.png"),
    ("First Pareto front", "front1.png"),
    ("Second Pareto front", "front2.png"),
    ("What distilling gains", "distillation.png"),
    ("Learning curves", "learning.png"),
)
"""Title and file name of each picture, in the order in which the report shows them."""

COST = "flash_bytes"  # axis of a front without another cost among its objectives
NO_WEIGHTS = 64  # bytes below which a baseline is drawn as a line: it has no weights
SHOWN = 6  # test assets whose forecasts are drawn
APART = 1.5  # horizons from one drawn forecast to the next, at least


def draw(
    evaluation: Evaluation, pipeline: Pipeline, dataset: WindowDataset, summary: SummaryReport, folder: Path
) -> None:
    """Draw all of ``PICTURES`` into ``folder``."""
    edge, label = summary.edge.name, summary.data.label
    names = [name for _, name in PICTURES]
    with figure_style():
        figures = [
            size(summary),
            trajectories(dataset, evaluation.cases["test"], evaluation.int8[edge], label),
            horizon(evaluation.content, summary),
            assets(evaluation.content, summary),
            distillation(pipeline, label),
            learning(pipeline, summary),
        ]
        for figure, name in zip(figures, [*names[:4], *names[6:]], strict=True):
            save_figure(figure, folder / name)
    for front in FRONTS:
        _front(pipeline, front, summary, folder / f"{front}.png")


def size(summary: SummaryReport) -> Figure:
    """Test MAE of every model over its bytes, both logarithmic; models without weights are lines."""
    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axes = figure.subplots()
    edge, teacher, words = summary.edge, summary.teacher, summary.data.quantities
    models = {name: (entry.bytes, entry.mae) for name, entry in summary.baselines.items()}
    models |= {TEACHER: (teacher.bytes, teacher.mae), EDGE: (edge.spec_bytes, edge.mae_int8)}
    points = {name: point for name, point in models.items() if point[0] >= NO_WEIGHTS}
    flat = {name: error for name, (stored, error) in models.items() if name not in points}
    others = [(model.spec_bytes, model.mae_int8) for model in summary.edges if model.name != edge.name]
    others += [(form.bytes, form.mae) for form in summary.forms]
    for stored, error in others:
        axes.scatter([stored], [error], s=34, color=PALETTE[1], alpha=0.45, linewidths=0, zorder=3)
    for name, (stored, error) in points.items():
        axes.scatter([stored], [error], s=110 if name == EDGE else 60, color=colour_of(name), zorder=4)
    for error in flat.values():
        axes.axhline(error, color=MUTED, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
    axes.set(ylabel=f"MAE over the horizon, {words.target.error_label}", xlabel="model as stored")
    size_axis(axes, [stored for stored, _ in [*points.values(), *others]])
    error_axis(axes, [error for _, error in [*models.values(), *others]])
    labels = labels_of(summary)
    name_points(axes, points, labels)
    names_at_right(axes, flat, labels)
    figure.suptitle(f"Error against size: {summary.data.label}", x=0.01, ha="left")
    caption(
        figure,
        f"Test {words.asset.many}, mean absolute error over the next {words.time.count(summary.data.horizon)}. "
        f"Small dots: other models "
        f"that can ship.\nSize: float weights, or the integer spec with its tables. Dashed: rules without "
        f"weights.{star_of(summary)}",
    )
    return figure


def labels_of(summary: SummaryReport) -> dict[str, str]:
    """Model -> its label; on track ``sensors_only`` a star marks models that see the target, which the nets do not."""
    labels = {name: name.replace("_", " ").replace("gru", "GRU") for name in (EDGE, TEACHER, *summary.baselines)}
    if summary.data.track == "sensors_only":
        seeing = [name for name, entry in summary.baselines.items() if entry.uses_target]
        seeing += [TEACHER] if summary.teacher.uses_target else []
        labels |= {name: f"{labels[name]}*" for name in seeing}
    return labels


def star_of(summary: SummaryReport) -> str:
    """Explanation of the star of ``labels_of``; empty where there is none."""
    symbol = summary.data.quantities.target.symbol
    return f" *: sees {symbol}, which the nets do not." if summary.data.track == "sensors_only" else ""


def horizon(content: EvaluationReport, summary: SummaryReport) -> Figure:
    """Test MAE by row ahead; the logarithmic axis keeps persistence and the good models in one picture."""
    figure = Figure(figsize=(8.6, 5.2), layout="constrained")
    axes = figure.subplots()
    curves = {name: scores.test.by_horizon for name, scores in content.baselines.items()}
    curves[TEACHER] = content.teacher.test.by_horizon
    curves[EDGE] = content.edge[summary.edge.name].int8.test.by_horizon
    ahead, words = np.arange(1, summary.data.horizon + 1), summary.data.quantities
    for name, errors in curves.items():
        strong = name in (EDGE, TEACHER)
        axes.plot(ahead, errors, color=colour_of(name), linewidth=2.6 if strong else 1.4, zorder=3 if strong else 2)
    axes.set_ylabel(f"mean absolute error, {words.target.error_label}")
    axes.set(xlabel=f"{words.time.many} ahead", xlim=(1, max(2, ahead[-1])))
    error_axis(axes, [error for errors in curves.values() for error in errors])
    names_at_right(axes, {name: errors[-1] for name, errors in curves.items()}, labels_of(summary))
    figure.suptitle(f"Error by {words.time.one} ahead: {summary.data.label}", x=0.01, ha="left")
    caption(figure, f"Test {words.asset.many}, mean over windows; logarithmic axis.{star_of(summary)}")
    return figure


def assets(content: EvaluationReport, summary: SummaryReport) -> Figure:
    """Test MAE of each asset, the int8 student beside boosting (or the best baseline there is), sorted."""
    edge, words = summary.edge.name, summary.data.quantities
    own = content.edge[edge].int8.test.assets
    rival = "boosting" if "boosting" in content.baselines else min(
        content.baselines, key=lambda name: content.baselines[name].validation.mae
    )  # fmt: skip
    theirs = content.baselines[rival].test.assets
    order = sorted(own, key=lambda name: own[name])
    figure = Figure(figsize=(8.6, 1.9 + 0.23 * len(order)), layout="constrained")
    axes = figure.subplots()
    rows = np.arange(len(order))
    pairs = [[own[name], theirs[name]] for name in order]
    axes.hlines(rows, [min(pair) for pair in pairs], [max(pair) for pair in pairs], color=FAINT, linewidth=2.5)
    for name, errors in ((rival, theirs), (EDGE, own)):
        axes.scatter(
            [errors[asset] for asset in order],
            rows,
            s=38,
            color=colour_of(name),
            label=name.replace("_", " "),
            zorder=3,
        )
    axes.set_yticks(rows, order, color=INK, fontsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"mean absolute error, {words.target.error_label}", xlim=(0, None), ylim=(-0.8, len(order) - 0.2))
    axes.legend(loc="lower right", frameon=True, facecolor="white", edgecolor="none", framealpha=0.9)
    better = sum(own[name] < theirs[name] for name in order)
    figure.suptitle(f"Error of each test {words.asset.one}: {summary.data.label}", x=0.01, ha="left")
    caption(figure, f"The int8 student is better than {rival} on {better} of {words.asset.count(len(order))}.")
    return figure


def trajectories(dataset: WindowDataset, cases: Cases, forecast: Forecast, label: str) -> Figure:
    """True target of ``SHOWN`` test assets, and forecasts from several rows of their lives."""
    ranked, words = ranked_assets(cases, forecast), dataset.task.quantities
    ranks = shown_ranks(len(ranked))
    rows = -(-len(ranks) // 3)
    figure = Figure(figsize=(12, 0.9 + 2.95 * rows), layout="constrained")
    panels = figure.subplots(rows, 3, sharey=True, squeeze=False).ravel()
    for axes, rank in zip(panels, ranks, strict=False):
        name, error = ranked[rank]
        _life(axes, dataset, cases, forecast, name)
        title = {0: "best", len(ranked) - 1: "worst"}.get(rank, f"rank {rank + 1}")
        axes.set_title(f"{name}\n{title} of {len(ranked)}, MAE {words.target.shown(error)}", fontsize=10)
    for axes in panels[len(ranks) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(ranks) - 3) : len(ranks)]:
        axes.set_xlabel(f"{words.time.one} (row of the data)")
    figure.suptitle(f"Forecasts of the int8 student: {label}", x=0.01, ha="left")
    figure.supylabel(words.target.label, fontsize=10)
    caption(
        figure,
        f"Grey: true {words.target.symbol}. Orange: forecasts of {words.time.count(dataset.horizon)}, each made at its "
        "dot. Dotted: knee.\n"
        f"Shown: evenly spaced ranks of the test error, from the best {words.asset.one} to the worst.",
    )
    return figure


def ranked_assets(cases: Cases, forecast: Forecast) -> list[tuple[str, float]]:
    """Assets with their MAE, best first."""
    each = cases.score(forecast).assets
    return sorted(each.items(), key=lambda item: (item[1], item[0]))


def shown_ranks(count: int) -> list[int]:
    """Evenly spaced ranks from the best of ``count`` assets to the worst."""
    return sorted({round(rank) for rank in np.linspace(0, count - 1, min(SHOWN, count))})


def origins(cases: Cases, asset: str, apart: float) -> list[int]:
    """Windows of ``asset`` whose forecasts are drawn: at least ``apart`` rows from each other, evenly spaced."""
    windows = np.flatnonzero(cases.asset == cases.names.index(asset))
    life = cases.ends[windows[-1]] - cases.ends[windows[0]]
    count = max(2, 1 + int(life / apart))
    return [int(windows[round(i)]) for i in np.linspace(0, len(windows) - 1, min(count, len(windows)))]


def _life(axes: Axes, dataset: WindowDataset, cases: Cases, forecast: Forecast, asset: str) -> None:
    index, own = cases.names.index(asset), dataset.task.quantities.target
    start = int(np.searchsorted(dataset.asset_index, index))
    truth = own.from_health(bridged(dataset.target[dataset.asset_index == index]))
    axes.plot(np.arange(len(truth)), truth, color="#9aa5b1", linewidth=3.2, zorder=1)
    ahead = np.arange(1, dataset.horizon + 1)
    for window in origins(cases, asset, APART * dataset.horizon):
        row = int(cases.ends[window]) - start - 1
        # Not joined to the dot: on track sensors_only the forecast has a level of its own, and its error must be seen.
        axes.plot(row + ahead, own.from_health(forecast[window]), color=PALETTE[1], linewidth=1.7, zorder=3)
        axes.plot(row, truth[row], "o", markersize=4.5, color=PALETTE[1], markeredgecolor="white", zorder=4)
    knee = cases.knees[asset]
    if knee is not None:
        axes.axvline(knee, color=MUTED, linewidth=1, linestyle=":", zorder=0)
    axes.set_xlim(0, len(truth))


def _front(pipeline: Pipeline, front: str, summary: SummaryReport, path: Path) -> None:
    table, objectives = pipeline.tables[front], pipeline.fronts[front].objectives
    cost = next((name for name in objectives if name in UNITS), COST)
    first = front == FRONTS[0]
    if not first:
        form = table["method"].where(table["kind"] == "pruned", "not pruned")
        table = table.assign(form=form.fillna("not pruned"))
    plot_front(
        table,
        cost,
        "mae_validation",
        path,
        f"{'First' if first else 'Second'} Pareto front: {summary.data.label}",
        {name: entry.validation.mae for name, entry in pipeline.baselines.items()},
        "loss" if first else "form",
        f"MAE, {summary.data.quantities.target.error_label} (validation windows)",
    )
