"""reports/firmware.json: what each model takes on the device, and the proofs it passed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.data.prepare import from_first_target
from dlnet.data.windows import Ends, WindowDataset
from dlnet.errors import ParityError, ToolError
from dlnet.export.edge import DeviceModel
from dlnet.export.frontend import acceptable
from dlnet.export.path import Apart, compare, device_path
from dlnet.export.reference import Int16s, Int32s, from_fixed, quantise_anchor, quantise_inputs, run
from dlnet.files import read_tensors
from dlnet.firmware.cost_error import model_cost_error
from dlnet.firmware.documents import (
    DifferingModel,
    FirmwareReport,
    FrontEnd,
    MeasuredModel,
    ProvenModel,
)
from dlnet.firmware.measure import measure
from dlnet.firmware.prove import prove_arm, prove_host
from dlnet.firmware.toolchain import ARM_PACKAGES, CORTEX_M4, HOST_COMPILERS, call

Inputs = tuple[Int16s, Int32s, Int16s | None]
"""Windows (N, T, C), anchors (N,) and inputs (N, P) of a form, if the model has one."""

NOT_MEASURED = f"no Arm compiler here: nothing was compiled or counted ({ARM_PACKAGES}; dvc repro -f -s firmware)"


@dataclass(frozen=True)
class Tools:
    """Compilers that were found: for this machine, and for the board (None: not installed)."""

    host: str | None
    arm: str | None

    @classmethod
    def find(cls) -> Tools:
        """Look for them."""
        host = next((name for name in HOST_COMPILERS if shutil.which(name)), None)
        return cls(host, _version() if CORTEX_M4.has_compiler() else None)


def _version() -> str:
    said = call([CORTEX_M4.tool("gcc"), "--version"]).decode(errors="replace").splitlines()[0]
    found = re.search(r"\d+\.\d+\.\d+", said)
    if found is None:
        raise ToolError(f"{CORTEX_M4.tool('gcc')} --version says {said!r}; a version was expected")
    return f"{CORTEX_M4.tool('gcc')} {found.group()}"


def row(
    model: DeviceModel, folder: Path, dataset: WindowDataset, raw: pd.DataFrame, tools: Tools, clock_mhz: float
) -> ProvenModel | DifferingModel:
    """The row of one model: costs, proofs, and what 16-bit codes do to its error; or what differs.

    A model whose compiled code differs is refused by the gate; the others can still ship.

    Args:
        folder: models/edge/NAME. raw: rows as they were given (data/raw), to be cleaned by the device's front end.
    """
    try:
        return _proven(model, folder, dataset, raw, tools, clock_mhz)
    except ParityError as error:
        return DifferingModel(model=model.name, sha256=model.sha256, differs=str(error))


def _proven(
    model: DeviceModel, folder: Path, dataset: WindowDataset, raw: pd.DataFrame, tools: Tools, clock_mhz: float
) -> ProvenModel:
    """The row of a model that is equal to its reference.

    Raises:
        ParityError: compiled code differs from the reference.
    """
    stored = read_tensors(folder / "golden.safetensors")
    z, anchor, x = stored["input"], stored["anchor"], stored.get("form")
    proofs = ["numpy"]
    if tools.host is not None:
        prove_host(model, z, anchor, tools.host, x)
        proofs.append("host")
    figures = None
    if tools.arm is not None:
        figures = measure(model, prove_arm(model, z, anchor, x))
        proofs += ["arm portable", "arm dsp"]
    proven = ProvenModel(
        model=model.name,
        sha256=model.sha256,
        front_end=front_end(model, dataset, raw),
        golden_windows=len(z),
        equal=tuple(proofs),
    )
    if figures is None:
        return proven
    costs = {**dict(proven), **dict(figures.costs(clock_mhz))}
    return MeasuredModel(**costs, cost_model_error=model_cost_error(model, figures))


def front_end(model: DeviceModel, dataset: WindowDataset, raw: pd.DataFrame) -> FrontEnd:
    """MAE on validation windows with the host's float front end and with the device's, and how far inputs differ."""
    ends, raw = dataset.windows("validation", dataset.stride_eval), from_first_target(raw)
    seen = device_windows(model, dataset, raw, ends)
    host_windows = host_inputs(model, dataset, ends)
    device, host = (from_fixed(run(model.spec, *inputs).forecast) for inputs in (seen, host_windows))
    at = 0 if model.spec.has_network else 2  # the codes that are compared: the network's, or those of a form alone
    away = np.abs(np.asarray(seen[at], np.int64) - np.asarray(host_windows[at], np.int64))
    apart = whole_lives(model, dataset, raw)
    return FrontEnd(
        mae_device_validation=dataset.errors(device, ends).mae,
        mae_host_validation=dataset.errors(host, ends).mae,
        input_lsb_mean=float(away.mean()),
        input_lsb_p999=float(np.quantile(away, 0.999)),
        input_lsb_max=int(away.max()),
        forecast_mean=float(np.abs(device - host).mean()) * dataset.unit_size,
        windows=sum(part.windows for part in apart),
        flagged=sum(part.flagged for part in apart),
        recleaned=sum(part.recleaned for part in apart),
        forecast_max=max(part.largest for part in apart) * dataset.unit_size,
        forecast_max_recleaned=max(part.largest_recleaned for part in apart) * dataset.unit_size,
        forecast_max_flagged=max(part.largest_flagged for part in apart) * dataset.unit_size,
    )


def host_inputs(model: DeviceModel, dataset: WindowDataset, ends: Ends) -> Inputs:
    """Windows of a dataset, anchors, and inputs of a form by the float front end."""
    encoder, inputs = model.encoder, model.form_inputs
    form = None if inputs is None else inputs.of(dataset.histories(ends, encoder.features), encoder)
    return quantise_inputs(encoder.encode(dataset, ends)), quantise_anchor(encoder.anchor(dataset, ends)), form


def whole_lives(model: DeviceModel, dataset: WindowDataset, raw: pd.DataFrame) -> list[Apart]:
    """Device and float path on every window of each validation asset, labelled or not.

    Raises:
        ParityError: they differ without a flag.
    """
    names = [name for name in dataset.assets if dataset.split[name] == "validation"]
    return [compare(model, inputs_of(model, raw[raw["asset"] == name])) for name in names]


def device_windows(model: DeviceModel, dataset: WindowDataset, raw: pd.DataFrame, ends: Ends) -> Inputs:
    """Windows of a dataset as the device would see them, from raw rows: (N, T, C), anchors (N,), inputs of a form.

    Raises:
        ToolError: the device would refuse a row of them.
    """
    codec = model.codec
    starts = np.searchsorted(dataset.asset_index, np.arange(len(dataset.assets) + 1))
    windows = np.empty((len(ends), model.spec.steps, model.spec.channels), np.int16)
    anchors = np.empty(len(ends), np.int32)
    form = None if model.spec.form is None else np.empty((len(ends), model.spec.form.inputs), np.int16)
    assets = dataset.asset_of(ends)
    for index in np.unique(assets):
        values = inputs_of(model, raw[raw["asset"] == dataset.assets[index]])
        if not acceptable(codec, values).all():
            raise ToolError(
                f"{dataset.assets[index]}: the device would refuse a row of it; "
                f"train on {model.quantities.asset.many} like it"
            )
        here = assets == index
        path = device_path(model, values, ends[here] - starts[index])
        windows[here], anchors[here] = path.inputs, path.anchor
        if form is not None and path.form is not None:
            form[here] = path.form
    return windows, anchors, form


def inputs_of(model: DeviceModel, rows: pd.DataFrame) -> np.ndarray:
    """(n, inputs) what a device is pushed, from rows of ``assets.parquet``."""
    columns = [rows[name].to_numpy(np.float64) for name in model.encoder.features]
    if model.codec.target is not None:
        columns.insert(0, (rows["quantity"] / rows["nominal"]).to_numpy(np.float64))
    return np.stack(columns, axis=1)


def report(rows: Sequence[ProvenModel | DifferingModel], tools: Tools) -> FirmwareReport:
    """The whole document."""
    return FirmwareReport(compiler=tools.arm, not_measured=None if tools.arm else NOT_MEASURED, models=tuple(rows))
