"""Models that can ship, in integers: elites of the second front, forms and forests, and blends of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from dlnet.baselines.boosting import Boosting
from dlnet.baselines.forms import Form
from dlnet.baselines.saved import SavedBaseline
from dlnet.config.base import StageConfig
from dlnet.config.baselines import BaselinesParams
from dlnet.config.quantise import QuantiseParams
from dlnet.config.task import TaskParams
from dlnet.cost.device import flash_bytes
from dlnet.cost.shape import model_shape
from dlnet.data.windows import Ends, WindowDataset
from dlnet.errors import ModelError
from dlnet.export.compare import REFERENCE, check_agreement, largest_difference, run_engines
from dlnet.export.convert import weights_of
from dlnet.export.costs import spec_costs
from dlnet.export.documents import EdgeMetrics
from dlnet.export.edge_form import EdgeForm, Fitted, alone, beside_networks, best_beside, blended, shipped
from dlnet.export.form import ONE
from dlnet.export.litert import EdgeFiles, convert
from dlnet.export.reference import Int16s, Trace, from_fixed, predict_reference, quantise_inputs
from dlnet.export.saved import save_edge
from dlnet.export.sensitivity import choose_precision
from dlnet.export.size import spec_bytes, stored_bytes
from dlnet.export.spec import Spec, make_spec
from dlnet.files import atomic_dir
from dlnet.models.document import Facts, ForecastErrors
from dlnet.models.precision import Part, Precision
from dlnet.models.trained import SavedNetwork, TrainedModel
from dlnet.saved import load_all, load_as
from dlnet.select.record import FrontRecord
from stages import run

BASELINES = Path("models/baselines")
SOURCES = (Path("models/students"), Path("models/pruned"))
FRONT = Path("models/front2/front.json")
OUT = Path("models/edge")
GOLDEN_WINDOWS = 8


class QuantiseConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    baselines: BaselinesParams
    quantise: QuantiseParams


def main() -> None:
    """Run the stage."""
    config = QuantiseConfig.load()
    task = config.task
    dataset = WindowDataset.load(Path("data/windows"))
    elites = [_load(name) for name in FrontRecord.read(FRONT).elites]
    blend = config.quantise.blend
    fitted_models = {name: saved.model for name, saved in load_all(BASELINES, SavedBaseline).items()}
    beside = [] if blend.form == "none" else beside_networks(fitted_models, dataset, task, config.baselines, blend.form)
    with atomic_dir(OUT) as folder:
        for name, fitted in shipped(fitted_models, task.knots).items():
            edge, mae_float = alone(fitted, dataset, task), _mae(dataset, task, fitted.model)
            _save_form(edge, mae_float, None, dataset, task, folder / name)
        for student in tqdm(elites, desc="quantise", unit="model"):
            metrics, spec, files = _quantise(student, dataset, task, config.quantise, folder / student.name)
            check_agreement(student.name, metrics.mae_engines_validation, config.quantise.engine_bound)
            _blend(student, spec, files, beside, dataset, config, folder)


def _blend(
    student: TrainedModel,
    spec: Spec,
    files: EdgeFiles,
    beside: list[Fitted],
    dataset: WindowDataset,
    config: QuantiseConfig,
    folder: Path,
) -> None:
    """A network and the best form that fits it as one model, where both have a share."""
    task, blend, name = config.task, config.quantise.blend, f"{student.name}-blend"
    if blend.form == "none":
        return
    ends = dataset.windows("validation", task.stride_eval)
    fitted = best_beside(beside, student.encoder, dataset, ends)
    if fitted is None:
        print(f"{name}: left out: no {blend.form} form reads the window and the features of {student.name} only")
        return
    share = None if blend.weight == "auto" else blend.weight
    edge = blended(spec, student.encoder, fitted, dataset, task, share)
    if edge is None:
        print(f"{name}: left out: one of {student.name} and {fitted.name} alone does as well on validation windows")
        return
    weight = edge.spec.weight / ONE
    floats = weight * student.forecast(dataset, ends) + (1 - weight) * fitted.model.forecast(dataset, ends)
    _save_form(edge, dataset.errors(floats, ends).mae, files, dataset, task, folder / name)


def _load(name: str) -> TrainedModel:
    for source in SOURCES:
        if (source / name).is_dir():
            return load_as(source / name, SavedNetwork).network
    raise ModelError(f"{FRONT}: elite {name} is in neither {SOURCES[0]} nor {SOURCES[1]}; run dvc repro")


def _quantise(
    student: TrainedModel, dataset: WindowDataset, task: TaskParams, params: QuantiseParams, folder: Path
) -> tuple[EdgeMetrics, Spec, EdgeFiles]:
    train = quantise_inputs(student.encoder.encode(dataset, dataset.windows("train", task.stride_train)))
    spec, sensitivity = _spec(student, dataset, task, params, train)
    files = convert(spec, train)
    ends = dataset.windows("validation", task.stride_eval)
    chosen = _golden(ends)
    z, anchor = student.encoder.encode(dataset, chosen), student.encoder.anchor(dataset, chosen)
    traces = run_engines(files, spec, student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends))
    validation = ForecastErrors.of(from_fixed(traces[REFERENCE].forecast), dataset, ends)
    save_edge(folder, student.name, Facts.of(dataset), validation, student.encoder, spec, files, (z, anchor))
    metrics = _metrics(student, spec, files, traces, dataset, ends, sensitivity)
    metrics.write(folder / "metrics.json")
    return metrics, spec, files


def _golden(ends: Ends) -> Ends:
    """Windows of which golden vectors are made, all over those that there are."""
    return ends[np.unique(np.linspace(0, len(ends) - 1, GOLDEN_WINDOWS).astype(int))]


def _save_form(
    edge: EdgeForm, mae_float: float, files: EdgeFiles | None, dataset: WindowDataset, task: TaskParams, folder: Path
) -> None:
    """Write the folder of a model with a form; ``files``: of its network, if it has one."""
    ends = dataset.windows("validation", task.stride_eval)
    validation = ForecastErrors.of(edge.predict(dataset, ends), dataset, ends)
    golden = _golden(ends)
    form = edge.inputs, edge.codes(dataset, golden)
    windows = edge.windows(dataset, golden)
    save_edge(folder, folder.name, Facts.of(dataset), validation, edge.encoder, edge.spec, files, windows, form)
    tflite_bytes = 0 if files is None else len(files.step) + len(files.head)
    _form_metrics(folder.name, edge, mae_float, validation.mae, tflite_bytes).write(folder / "metrics.json")


def _mae(dataset: WindowDataset, task: TaskParams, model: Form | Boosting) -> float:
    """Error of a float baseline on validation windows."""
    ends = dataset.windows("validation", task.stride_eval)
    return dataset.errors(model.forecast(dataset, ends), ends).mae


def _form_metrics(name: str, edge: EdgeForm, mae_float: float, mae: float, tflite_bytes: int) -> EdgeMetrics:
    """``mae``: of the integer reference; no other engine runs a form."""
    spec = edge.spec
    return EdgeMetrics(
        name=name,
        kind=spec.kind,
        modelled=spec_costs(spec, edge.encoder, edge.inputs),
        parameters=spec.parameters,
        mae_float_validation=mae_float,
        mae_int8_validation=mae,
        mae_engines_validation={REFERENCE: mae},
        largest_difference={},
        bits={part: rows.bits for part, rows in spec.parts.items()} if spec.has_network else {},
        stored_bytes=stored_bytes(spec),
        spec_bytes=spec_bytes(spec),
        tflite_bytes=tflite_bytes,
    )


def _spec(
    student: TrainedModel, dataset: WindowDataset, task: TaskParams, params: QuantiseParams, train: Int16s
) -> tuple[Spec, dict[Part, float] | None]:
    """The integer spec, and the sensitivities by which its precision was chosen."""
    weights, bits = weights_of(student), student.liquid.bits
    if bits:  # trained with this rounding: each weight to nearest, as in training
        return make_spec(weights, precision=Precision.of(bits)), None
    if params.bits != "auto":
        return make_spec(weights, train, Precision.of(params.bits)), None
    ends = dataset.windows("validation", task.stride_eval)
    z, anchor = student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends)

    def score(spec: Spec) -> float:
        return dataset.errors(predict_reference(spec, z, anchor), ends).mae

    def flash(precision: Precision) -> float:
        return flash_bytes(model_shape(student, precision))

    choice = choose_precision(weights, train, score, flash, params.bits_slack)
    return make_spec(weights, train, choice.precision), choice.sensitivity


def _metrics(
    student: TrainedModel,
    spec: Spec,
    files: EdgeFiles,
    traces: dict[str, Trace],
    dataset: WindowDataset,
    ends: Ends,
    sensitivity: dict[Part, float] | None,
) -> EdgeMetrics:
    """Errors on validation windows: float, then each engine; ``int8`` is the .tflite under LiteRT."""

    def mae(forecast: np.ndarray) -> float:
        return dataset.errors(forecast, ends).mae

    engines = {name: mae(from_fixed(trace.forecast)) for name, trace in traces.items()}
    return EdgeMetrics(
        name=student.name,
        parameters=spec.parameters,
        mae_float_validation=mae(student.forecast(dataset, ends)),
        mae_int8_validation=engines["litert"],
        mae_engines_validation=engines,
        largest_difference={
            name: largest_difference(trace, traces[REFERENCE]) for name, trace in traces.items() if name != REFERENCE
        },
        bits={name: part.bits for name, part in spec.parts.items()},
        sensitivity=sensitivity,
        stored_bytes=stored_bytes(spec),
        spec_bytes=spec_bytes(spec),
        tflite_bytes=len(files.step) + len(files.head),
    )


if __name__ == "__main__":
    run(main)
