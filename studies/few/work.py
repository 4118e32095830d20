"""One unit: a number of own cells, a seed, with or without public cells; its models and their errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlnet.baselines.boosting import fit_boosting
from dlnet.baselines.ridge import fit_ridge
from dlnet.data.windows import Ends
from dlnet.distill.fine_tune import fine_tune
from dlnet.distill.students import as_student, sweep
from dlnet.distill.synthetic import synthetic_windows
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.teacher import train_teacher
from dlnet.export.convert import weights_of
from dlnet.export.reference import predict_reference, quantise_inputs
from dlnet.export.spec import make_spec
from dlnet.models.trained import TrainedModel
from dlnet.train.plan import plan_of
from dlnet.train.pool import run_stacks
from studies.cell_split import CellSplit, Forecast
from studies.few.cells import Case, make_case_split
from studies.few.config import FewConfig
from studies.stored import Rows


def run(config: FewConfig, case: Case, own: int, seed: int, public: bool) -> Rows:
    """Rows of ``student`` (int8), ``ridge`` and ``boosting``, with the error of each test cell."""
    split, rows = make_case_split(config, case, own, seed, public), []
    for name, fit in (("ridge", fit_ridge), ("boosting", fit_boosting)):
        model = fit(split.dataset, split.task, config.baselines)
        forecasts = [model.forecast(split.dataset, ends) for ends in (split.windows.validation, split.test)]
        rows.append(_row(name, split, forecasts))
    student = _student(config, split, seed)
    more = {key: value for key, value in student.lineage.items() if key in ("loss", "fine_tuned")}
    rows.append({**_row("student", split, _int8(student, split)), **more, "parameters": student.count})
    return rows


def _row(name: str, split: CellSplit, forecasts: Sequence[Forecast]) -> dict[str, Any]:
    scores = split.score(*forecasts)
    kept = {key: scores[key] for key in ("mae_validation", "mae_test", "asset_mae_test")}
    return {"model": name, **kept, "cells": {cell: mae for cell, (mae, _) in split.cells_of_test(forecasts[1]).items()}}


def _student(config: FewConfig, split: CellSplit, seed: int) -> TrainedModel:
    """The student of ``few.hidden`` neurons, on labels or taught, with the least validation error."""
    noise, dataset, encoder = split.dataset.task.channels.noise, split.dataset, split.encoder
    teacher, _ = train_teacher(encoder, config.teacher, split.training_data, noise)
    sizes = {"hidden": {"liquid": [config.few.hidden]}, "losses": ["labels", "l1"], "seeds": [seed], "branches": [1]}
    params = config.students.model_copy(update=sizes)
    data = add_teacher_targets(
        split.training_data,
        [(teacher, 1.0)],
        dataset,
        encoder,
        split.windows,
        params.losses,
        params.hint_width,
        synthetic_windows(params, split.training_data, encoder),
    )
    plan = plan_of(params.training, noise, params.temperature)
    trained = fine_tune(run_stacks(sweep(encoder, params), [data], plan, "students"), data, plan, params.fine_tune)
    best = min(trained, key=lambda part: part.result.mae_validation)
    return as_student(best.result, encoder, data, **best.lineage)


def _int8(model: TrainedModel, split: CellSplit) -> list[Forecast]:
    """Forecasts of validation and test windows by the integer reference."""
    data, encoder = split.training_data, model.encoder
    spec = make_spec(weights_of(model), quantise_inputs(data.z[: data.labelled].numpy()))

    def forecast(ends: Ends) -> Forecast:
        return predict_reference(spec, encoder.encode(split.dataset, ends), encoder.anchor(split.dataset, ends))

    return [forecast(split.windows.validation), forecast(split.test)]
