"""Models for the board: students with random weights behind encoders fitted on real columns."""

import pandas as pd
from export.export_truth import make_student
from host_compiler import PROJECT

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities
from dlnet.config.task import TaskParams, Windows
from dlnet.data.documents import TableLabel, TaskRecord
from dlnet.data.encode import fit_encoder
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.export.edge import DeviceModel, make_model
from dlnet.export.reference import quantise_anchor, quantise_inputs
from dlnet.export.spec import make_spec
from dlnet.models.precision import Precision
from tasks import BATTERY

FEATURES = ["voltage slope", "voltage mean", "voltage kurtosis", "CV Q", "CC Q", "CC charge time", "CV charge time"]
RELATIVE = ["CV Q", "CC Q", "voltage mean"]
CHANNELS = {"features": FEATURES, "relative": RELATIVE, "noise": 0.1}
ALL_INT8 = Precision()
CLEAN = CleanParams(window=7, sigmas=3.0, feature_sigmas=6.0, min_rows=200)


def task(track: str) -> TaskParams:
    content = {
        "name": "battery",
        "track": track,
        "window": 50,
        "block": 5,
        "horizon": 100,
        "knots": [5, 15, 30, 50, 75, 100],
    }
    content |= {"stride_train": 1, "stride_eval": 5}
    content |= {"with_target": CHANNELS | {"quantiles": 17}, "sensors_only": CHANNELS | {"quantiles": 0}}
    return TaskParams(**content)


def fleet_dataset(params: TaskParams) -> WindowDataset:
    """Four cells of the embedded fleet, all for training."""
    table = pd.read_parquet(PROJECT / "data/embedded.parquet")
    cells = sorted(table["asset"].unique())[:4]
    table = table[table["asset"].isin(cells)].reset_index(drop=True)
    soh = table["quantity"] / table.groupby("asset")["quantity"].transform("first")
    rows = table.assign(health=soh, target=soh, group="all", row=table.groupby("asset").cumcount())
    about = pd.DataFrame({"asset": cells, "group": "all", "split": "train", "used_in_training": True})
    about["rows"] = [int((table["asset"] == cell).sum()) for cell in cells]
    label = TableLabel(task="battery", label="embedded", simulated=True, notes=())
    record = TaskRecord(
        **dict(embedded(table, label, BATTERY)),
        **{name: getattr(params, name) for name in Windows.model_fields},
        quantities=BATTERY,
        clean=CLEAN,
        features=tuple(FEATURES),
        channels=params.channels(BATTERY, FEATURES),
        counts={},
    )
    return WindowDataset.from_tables(
        rows[["asset", "group", "row", "health", "target", *FEATURES]], about, record, allow_test=False
    )


def device_model(
    track: str,
    cell: str,
    name: str,
    precision: Precision = ALL_INT8,
    quantities: Quantities = BATTERY,
    **shape: int,
) -> DeviceModel:
    """A student with random weights behind an encoder fitted on real columns; ``shape``: ``rank``, ``branches``."""
    params = task(track)
    dataset = fleet_dataset(params)
    encoder = fit_encoder(dataset, params)
    ends = dataset.windows("train", 40)
    z, anchor = quantise_inputs(encoder.encode(dataset, ends)), quantise_anchor(encoder.anchor(dataset, ends))
    sizes = {"channels": len(encoder.channels), "steps": encoder.steps, "offset": track == "sensors_only", **shape}
    student = make_student(cell=cell, hidden=6, **sizes)
    return make_model(
        name, make_spec(student, precision=precision), encoder, CLEAN, quantities, "7", (z[:2], anchor[:2])
    )
