"""Elites as firmware: headers, comparison of compiled code with the reference, and costs on a Cortex-M4."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.data.schema import read_table
from dlnet.data.windows import WindowDataset
from dlnet.export.saved import SavedEdge
from dlnet.files import atomic_dir
from dlnet.firmware.bundle import write_bundle
from dlnet.firmware.report import NOT_MEASURED, Tools, elite, report
from dlnet.report.documents import EvaluationReport, SummaryReport
from dlnet.saved import load_as
from stages import run

EDGE = Path("models/edge")
OUT = Path("models/firmware")
REPORT = Path("reports/firmware.json")


class FirmwareConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    cost: CostParams


def main() -> None:
    """Run the stage."""
    config, tools = FirmwareConfig.load(), Tools.find()
    if tools.arm is None:
        print(NOT_MEASURED)
    dataset, raw = WindowDataset.load(Path("data/windows")), read_table(Path("data/raw/assets.parquet"))
    scores, rows = EvaluationReport.read(Path("reports/evaluation.json")).edge, []
    with atomic_dir(OUT) as folder:
        for edge in tqdm(sorted(EDGE.iterdir()), desc="firmware", unit="model"):
            model = load_as(edge, SavedEdge).device
            write_bundle(model, folder / model.name)
            mae = scores[model.name].int8.test.mae
            rows.append(elite(model, edge, dataset, raw, tools, config.cost.clock_mhz, mae))
    chosen = SummaryReport.read(Path("reports/summary.json")).edge.name
    report(rows, chosen, tools).write(REPORT)


if __name__ == "__main__":
    run(main)
