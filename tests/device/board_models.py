"""Models for the board: students with random weights behind encoders fitted on real columns."""

import pandas as pd
from export.export_truth import make_student
from host_compiler import PROJECT

from dlnet.config.clean import CleanParams
from dlnet.config.task import TaskParams
from dlnet.data.documents import TaskRecord
from dlnet.data.encode import fit_encoder
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.export.edge import DeviceModel, make_model
from dlnet.export.reference import quantise_anchor, quantise_inputs
from dlnet.export.spec import make_spec
from dlnet.models.precision import Precision

FEATURES = ["voltage slope", "voltage mean", "voltage kurtosis", "CV Q", "CC Q", "CC charge time", "CV charge time"]
RELATIVE = ["CV Q", "CC Q", "voltage mean"]
CHANNELS = {"features": FEATURES, "relative": RELATIVE, "noise": 0.1}
ALL_INT8 = Precision()
CLEAN = CleanParams(window=7, sigmas=3.0, floor_soh=0.006, feature_sigmas=6.0, min_rows=200)


def task(track: str) -> TaskParams:
    content = {"inputs": track, "window": 50, "block": 5, "horizon": 100, "knots": [5, 15, 30, 50, 75, 100]}
    content |= {"stride_train": 1, "stride_eval": 5}
    content |= {"capacity": CHANNELS | {"quantiles": 17}, "charge": CHANNELS | {"quantiles": 0}}
    return TaskParams(**content)


def fleet_dataset(params: TaskParams) -> WindowDataset:
    """Four cells of the embedded fleet, all for training."""
    table = pd.read_parquet(PROJECT / "data/embedded.parquet")
    cells = sorted(table["cell"].unique())[:4]
    table = table[table["cell"].isin(cells)].reset_index(drop=True)
    soh = table["quantity"] / table.groupby("cell")["quantity"].transform("first")
    rows = table.assign(soh=soh, target=soh, group="all", row=table.groupby("cell").cumcount())
    about = pd.DataFrame({"cell": cells, "group": "all", "split": "train", "used_in_training": True})
    about["rows"] = [int((table["cell"] == cell).sum()) for cell in cells]
    record = TaskRecord(**dict(embedded(table)), **dict(params), clean=CLEAN, features=tuple(FEATURES), counts={})
    return WindowDataset.from_tables(
        rows[["cell", "group", "row", "health", "target", *FEATURES]], about, record, allow_test=False
    )


def device_model(
    track: str,
    cell: str,
    name: str,
    precision: Precision = ALL_INT8,
    **shape: int,
) -> DeviceModel:
    """A student with random weights behind an encoder fitted on real columns; ``shape``: ``rank``, ``branches``."""
    params = task(track)
    dataset = fleet_dataset(params)
    encoder = fit_encoder(dataset, params)
    ends = dataset.windows("train", 40)
    z, anchor = quantise_inputs(encoder.encode(dataset, ends)), quantise_anchor(encoder.anchor(dataset, ends))
    sizes = {"channels": len(encoder.channels), "steps": encoder.steps, "offset": track == "charge", **shape}
    student = make_student(cell=cell, hidden=6, **sizes)
    return make_model(name, make_spec(student, precision=precision), encoder, CLEAN, "7", (z[:2], anchor[:2]))
