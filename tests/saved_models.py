"""Saved models with random weights, in the folder layout of the pipeline."""

from __future__ import annotations

from pathlib import Path

from dlnet.data.csvfiles import same_names
from dlnet.data.windows import WindowDataset
from dlnet.export.convert import weights_of
from dlnet.export.edge import DeviceModel
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import predict_reference
from dlnet.export.saved import SPEC, EdgeDocument, save_edge
from dlnet.export.spec import make_spec, save_spec
from dlnet.models.document import FILE, DataFacts, Facts, ForecastErrors
from dlnet.models.trained import TrainedModel

NO_GRAPHS = EdgeFiles(b"\x1c\0\0\0TFL3 step", b"\x1c\0\0\0TFL3 head")  # the content of graphs is tested in tests/export


def save_device_model(folder: Path, model: DeviceModel, nominal: tuple[float, ...] = (1.1,)) -> Path:
    """A model without golden vectors and LiteRT files, as edge model in ``folder``."""
    target = model.quantities.target
    columns = same_names(target.quantity, target.unit, model.encoder.features)
    data = DataFacts(source="synthetic", label="synthetic", simulated=True, nominal=nominal, columns=columns)
    zeros = ForecastErrors(mae=0, rmse=0, asset_mae=0, by_horizon=(0.0,) * model.spec.horizon)
    save_spec(folder / SPEC, model.spec)
    facts = {"data": data, "clean": model.clean, "quantities": model.quantities}
    parts = {"encoder": model.encoder, "form_inputs": model.form_inputs}
    document = EdgeDocument(**facts, name=model.name, validation=zeros, **parts)
    document.write(folder / FILE)
    return folder


def save_as_edge(
    folder: Path, student: TrainedModel, dataset: WindowDataset, stride: int, files: EdgeFiles = NO_GRAPHS
) -> None:
    """A student as int8 model with golden vectors of its validation windows."""
    spec, ends = make_spec(weights_of(student)), dataset.windows("validation", stride)
    golden = student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends)
    errors = ForecastErrors.of(predict_reference(spec, *golden), dataset, ends)
    save_edge(folder, student.name, Facts.of(dataset), errors, student.encoder, spec, files, golden)
