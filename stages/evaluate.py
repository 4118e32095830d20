"""Errors of every model on validation and test windows; the only stage that reads the targets of test cells."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.task import TaskParams
from dlnet.data.windows import WindowDataset
from dlnet.files import atomic_dir, write_text
from dlnet.gate.choice import choose_edge
from dlnet.report.evaluation import by_completeness, evaluate
from dlnet.report.page import page
from dlnet.report.pipeline import Pipeline
from dlnet.report.plots import draw
from dlnet.report.series import as_csv, series
from dlnet.report.summary import headline, summarise
from stages import run

WINDOWS = Path("data/windows")
MODELS = Path("models")
OUT = Path("reports")


class EvaluateConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams


def main() -> None:
    """Run the stage."""
    config = EvaluateConfig.load()
    dataset = WindowDataset.load(WINDOWS, allow_test=True)
    pipeline = Pipeline.load(MODELS)
    evaluation = evaluate(pipeline, dataset, config.task.stride_eval)
    edges = evaluation.content.edge
    choice = choose_edge({name: scores.int8.validation.mae for name, scores in edges.items()})
    gaps = by_completeness(pipeline.edges[choice.name], dataset, evaluation.cases)
    summary = summarise(evaluation.content, pipeline, dataset.task, choice.name, choice.rule, gaps)
    with atomic_dir(OUT / "figures") as folder:
        draw(evaluation, pipeline, dataset, summary, folder)
    with atomic_dir(OUT / "plots") as folder:
        for name, table in series(evaluation, pipeline, dataset, summary).items():
            write_text(folder / name, as_csv(table))
    evaluation.content.write(OUT / "evaluation.json")
    headline(summary).write(OUT / "metrics.json")
    write_text(OUT / "report.md", page(summary, evaluation.content))
    summary.write(OUT / "summary.json")


if __name__ == "__main__":
    run(main)
