"""Every model that can ship as firmware: header, proof of the compiled code, costs on an emulated Cortex-M4."""

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
from dlnet.firmware.documents import DifferingModel
from dlnet.firmware.report import NOT_MEASURED, Tools, report, row
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
    dataset, raw, rows = WindowDataset.load(Path("data/windows")), read_table(Path("data/raw/assets.parquet")), []
    with atomic_dir(OUT) as folder:
        for edge in tqdm(sorted(EDGE.iterdir()), desc="firmware", unit="model"):
            model = load_as(edge, SavedEdge).device
            write_bundle(model, folder / model.name)
            rows.append(row(model, edge, dataset, raw, tools, config.cost.clock_mhz))
    for differing in (one for one in rows if isinstance(one, DifferingModel)):
        print(f"{differing.model} cannot ship: {differing.differs}")
    report(rows, tools).write(REPORT)


if __name__ == "__main__":
    run(main)
