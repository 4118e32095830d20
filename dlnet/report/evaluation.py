"""Errors of every model on validation and test windows; the only code that reads test targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dlnet.data.encode import Encoder
from dlnet.data.gaps import bridged, thinned
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset
from dlnet.errors import DataError
from dlnet.export.compare import REFERENCE, run_engines
from dlnet.export.reference import from_fixed, predict_reference
from dlnet.metrics import by_horizon, by_knee, errors, knee_row, per_asset
from dlnet.models.trained import TrainedModel
from dlnet.report.documents import (
    EngineScores,
    EvaluationReport,
    Figures,
    FiguresBySplit,
    Incomplete,
    Scores,
    ScoresBySplit,
)
from dlnet.report.pipeline import Edge, Form, Pipeline

Forecast = npt.NDArray[np.floating[Any]]
Part = Literal["validation", "test"]
PARTS: tuple[Part, ...] = ("validation", "test")
BATCH = 2048
COMPLETE = (1.0, 0.75, 0.5, 0.25)  # shares of rows that keep their features

ENGINES = {"int8": REFERENCE, "litert": "litert", "litert_optimised": "litert_optimised", "tflm": "tflm"}
"""Engine of a quantised model, and its name in dlnet.export.compare; "int8" is the integer reference."""


@dataclass(frozen=True)
class Cases:
    """Labelled windows of validation or test assets, stacked.

    Attributes:
        ends: (N,) window ends. target: (N, horizon) health, NaN where not measured. asset: (N,) index into ``names``.
        knees: asset -> row of its knee, None where it has none. after: (N,) whether the last target lies beyond it.
        unit: size of a unit of health in the unit of the target.
    """

    ends: Ends
    target: Singles
    asset: npt.NDArray[np.int64]
    names: tuple[str, ...]
    knees: dict[str, int | None]
    after: npt.NDArray[np.bool_]
    unit: float

    def figures(self, forecast: Forecast) -> Figures:
        """Summary errors of (N, horizon) forecasts."""
        summary = errors(forecast, self.target, self.asset, self.names, self.unit)
        return summary.to(Figures, **by_knee(forecast, self.target, self.after, self.unit))

    def score(self, forecast: Forecast, most_from_int8: float | None = None) -> Scores:
        """``figures``, and the errors by row ahead and by asset."""
        return self.figures(forecast).to(
            Scores,
            by_horizon=by_horizon(forecast, self.target, self.unit).tolist(),
            assets=per_asset(forecast, self.target, self.asset, self.names, self.unit),
            most_from_int8=most_from_int8,
        )


@dataclass(frozen=True)
class Evaluation:
    """Errors of all models.

    Attributes:
        content: of reports/evaluation.json. cases: the windows of each split.
        int8: name of a model that can ship -> its forecasts of the test windows (N, horizon), health.
    """

    content: EvaluationReport
    cases: dict[Part, Cases]
    int8: dict[str, Floats] = field(default_factory=dict)


def evaluate(pipeline: Pipeline, dataset: WindowDataset, stride: int) -> Evaluation:
    """Measure every model of ``pipeline``.

    Args:
        dataset: loaded with the targets of test assets.
        stride: rows from one window to the next, that of the baselines' predictions.

    Raises:
        DataError: a split has no window. ModelError: predictions and windows do not fit.
    """
    cases = {part: cases_of(dataset, part, stride) for part in PARTS}
    encoded, elites, int8 = Encoded(dataset, cases), set(pipeline.elites), {}
    baselines = {name: _baseline(pipeline, name, cases) for name in sorted(pipeline.baselines)}
    students, edges = {}, {}
    for name, student in tqdm(pipeline.students.items(), desc="evaluate students", unit="model"):
        students[name] = _scores(student, encoded) if name in elites else _figures(student, encoded)
    for name, edge in tqdm(pipeline.edges.items(), desc="evaluate int8 models", unit="model"):
        edges[name], int8[name] = _edge(edge, encoded)
    forms = {}
    for name, form in pipeline.forms.items():
        forms[name], int8[name] = _form(form, dataset, cases)
    content = EvaluationReport(
        windows={part: len(cases[part].ends) for part in PARTS},
        knee_rows={part: cases[part].knees for part in PARTS},
        baselines=baselines,
        teacher=_scores(pipeline.teacher, encoded),
        students=students,
        edge=edges,
        forms=forms,
    )
    return Evaluation(content, cases, int8)


def by_completeness(edge: Edge, dataset: WindowDataset, cases: Mapping[Part, Cases]) -> tuple[Incomplete, ...]:
    """Errors of an int8 model at each share of ``COMPLETE``: rows lose their features at random, the last ones hold.

    Args:
        dataset: loaded with the targets of test assets. cases: its windows of each split.
    """
    encoder, rows = edge.student.encoder, []
    for share in COMPLETE:
        thin, mae = thinned(dataset, share), {}
        for part in PARTS:
            ends = cases[part].ends
            forecast = predict_reference(edge.spec, encoder.encode(thin, ends), encoder.anchor(thin, ends))
            mae[part] = cases[part].figures(forecast).mae
        rows.append(Incomplete(complete=share, mae_validation=mae["validation"], mae_test=mae["test"]))
    return tuple(rows)


def cases_of(dataset: WindowDataset, part: Part, stride: int) -> Cases:
    """The labelled windows of a split.

    Raises:
        DataError: there is none.
    """
    ends = dataset.windows(part, stride)
    if not len(ends):
        raise DataError(f"no {part} asset is as long as a window and its horizon; change split or task in params.yaml")
    asset = dataset.asset_of(ends)
    # The knee is that of the whole life; it decides for each window on which side its targets lie.
    height = dataset.task.quantities.knee.height / dataset.unit_size
    knees = {int(i): knee_row(bridged(dataset.target[dataset.asset_index == i]), height) for i in np.unique(asset)}
    last = ends + dataset.horizon - 1 - np.searchsorted(dataset.asset_index, asset)
    beyond = [knees[i] is not None and row > knees[i] for i, row in zip(asset.tolist(), last.tolist(), strict=True)]
    named = {dataset.assets[i]: knee for i, knee in knees.items()}
    return Cases(ends, dataset.targets(ends), asset, dataset.assets, named, np.array(beyond), dataset.unit_size)


class Encoded:
    """Encoded windows of both splits, kept for the next model with the same encoder."""

    def __init__(self, dataset: WindowDataset, cases: dict[Part, Cases]) -> None:
        self.dataset, self.cases = dataset, cases
        self._of: tuple[Encoder, dict[Part, tuple[Singles, Singles]]] | None = None

    def __call__(self, encoder: Encoder, part: Part) -> tuple[Singles, Singles]:
        """Inputs (N, T, C) and anchors (N, 1) of a split's windows."""
        if self._of is None or self._of[0] != encoder:
            ends = {part: self.cases[part].ends for part in PARTS}
            inputs = {p: (encoder.encode(self.dataset, ends[p]), encoder.anchor(self.dataset, ends[p])) for p in PARTS}
            self._of = encoder, inputs
        return self._of[1][part]


def _baseline(pipeline: Pipeline, name: str, cases: dict[Part, Cases]) -> ScoresBySplit:
    count = len(cases["validation"].ends)
    horizon = cases["test"].target.shape[1]
    forecasts = pipeline.prediction(name, count + len(cases["test"].ends), horizon)
    return ScoresBySplit(
        validation=cases["validation"].score(forecasts[:count]), test=cases["test"].score(forecasts[count:])
    )


def _scores(student: TrainedModel, encoded: Encoded) -> ScoresBySplit:
    forecasts = _forecasts(student, encoded)
    return ScoresBySplit(**{part: encoded.cases[part].score(forecasts[part]) for part in PARTS})


def _figures(student: TrainedModel, encoded: Encoded) -> FiguresBySplit:
    forecasts = _forecasts(student, encoded)
    return FiguresBySplit(**{part: encoded.cases[part].figures(forecasts[part]) for part in PARTS})


def _forecasts(student: TrainedModel, encoded: Encoded) -> dict[Part, Singles]:
    return {part: _forecast(student, *encoded(student.encoder, part)) for part in PARTS}


def _forecast(student: TrainedModel, z: Singles, anchor: Singles) -> Singles:
    """(N, horizon) health, in batches that keep a large teacher's states small."""
    starts = range(0, len(z), BATCH)
    return np.concatenate([student.predict(z[i : i + BATCH], anchor[i : i + BATCH]) for i in starts])


def _edge(edge: Edge, encoded: Encoded) -> tuple[EngineScores, Floats]:
    scores: dict[str, dict[str, Scores]] = {engine: {} for engine in ENGINES}
    for part in PARTS:
        traces = run_engines(edge.files, edge.spec, *encoded(edge.student.encoder, part))
        forecasts = {engine: from_fixed(traces[name].forecast) for engine, name in ENGINES.items()}
        for engine, forecast in forecasts.items():
            largest_difference = float(np.abs(forecast - forecasts["int8"]).max()) * encoded.dataset.unit_size
            scores[engine][part] = encoded.cases[part].score(forecast, largest_difference)
    content = {engine: ScoresBySplit(**by_split) for engine, by_split in scores.items()}
    return EngineScores(**content), forecasts["int8"]


def _form(form: Form, dataset: WindowDataset, cases: Mapping[Part, Cases]) -> tuple[ScoresBySplit, Floats]:
    """Errors of the integer reference, and its forecasts of the test windows."""
    model = form.saved
    forecasts = {
        part: np.concatenate(
            [
                model.predict(dataset.histories(cases[part].ends[i : i + BATCH], model.features))
                for i in range(0, len(cases[part].ends), BATCH)
            ]
        )
        for part in PARTS
    }
    scores = {part: cases[part].score(forecasts[part]) for part in PARTS}
    return ScoresBySplit(**scores), forecasts["test"]
