"""Errors of every model and the choice for the device; the only stage that reads the targets of test assets."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.publish import PublishParams
from dlnet.config.task import TaskParams
from dlnet.data.windows import WindowDataset
from dlnet.files import atomic_dir, write_text
from dlnet.firmware.documents import FirmwareReport
from dlnet.gate.choice import CHOICE, choose
from dlnet.report.competitors import competitors, rivals
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
FIRMWARE = OUT / "firmware.json"


class EvaluateConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    publish: PublishParams


def main() -> None:
    """Run the stage."""
    config = EvaluateConfig.load()
    dataset = WindowDataset.load(WINDOWS, allow_test=True)
    pipeline = Pipeline.load(MODELS)
    evaluation = evaluate(pipeline, dataset, config.task.stride_eval)
    content = evaluation.content
    candidates = competitors(content, pipeline, FirmwareReport.read(FIRMWARE))
    words, windows = dataset.task.quantities, content.windows["validation"]
    choice = choose(candidates, rivals(content), config.publish, words, windows)
    gaps = by_completeness(pipeline.edges[choice.student], dataset, evaluation.cases)
    summary = summarise(content, pipeline, dataset.task, choice.student, choice.rule, gaps)
    with atomic_dir(OUT / "figures") as folder:
        draw(evaluation, pipeline, dataset, summary, folder)
    with atomic_dir(OUT / "plots") as folder:
        for name, table in series(evaluation, pipeline, dataset, summary).items():
            write_text(folder / name, as_csv(table))
    content.write(OUT / "evaluation.json")
    choice.write(CHOICE)
    headline(summary, choice.name).write(OUT / "metrics.json")
    write_text(OUT / "report.md", page(summary, content, choice))
    summary.write(OUT / "summary.json")
    print(choice.sentence)


if __name__ == "__main__":
    run(main)
