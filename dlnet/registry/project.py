"""What the pipeline left in models/, reports/ and data/windows/, as the runs to publish read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.data.documents import TaskRecord
from dlnet.data.encode import Encoder
from dlnet.data.windows import WindowDataset
from dlnet.errors import RegistryError
from dlnet.export.edge import DeviceModel
from dlnet.export.fixed import INPUT_BITS
from dlnet.gate.choice import CHOICE, Choice
from dlnet.registry.names import BATTERY, Role, registered_name
from dlnet.report.documents import EvaluationReport, Student, SummaryReport

Summary = TypeVar("Summary", bound=Student)

ABOUT: Mapping[Role, str] = {
    "teacher": "Liquid teacher (float). Input: encoded window z and anchor; output: {forecast}.",
    "student": "Float student that the int8 model was made from. Same input and output as the teacher.",
    "edge": "Model for the device. `candidate` is set by the pipeline's gate, `champion` by a person.",
}


@dataclass(frozen=True)
class Project:
    """The pipeline below ``root``: its reports and windows, and the choice for the device."""

    root: Path
    summary: SummaryReport
    evaluation: EvaluationReport
    baselines: dict[str, BaselineRecord]
    choice: Choice
    dataset: WindowDataset

    @classmethod
    def load(cls, root: Path) -> Project:
        """Read the outputs of the pipeline below ``root``.

        Raises:
            DLNetError, FileNotFoundError: an output of an earlier stage is missing or broken.
        """
        return cls(
            root,
            SummaryReport.read(root / "reports/summary.json"),
            EvaluationReport.read(root / "reports/evaluation.json"),
            BaselineTable.read(root / "models/baselines/baselines.json").root,
            Choice.read(root / CHOICE),
            WindowDataset.load(root / "data/windows"),
        )

    @property
    def data_name(self) -> str:
        """Name of the data: its source, after the task where that is not the battery's."""
        task, source = self.task.quantities.name, self.task.source
        return source if task == BATTERY else f"{task}-{source}"

    @property
    def task(self) -> TaskRecord:
        """The task of the models: track, window, horizon, and the data."""
        return self.dataset.task

    def registered(self, role: Role) -> str:
        """The registered model of a role.

        Raises:
            RegistryError: the task's name cannot be part of a name.
        """
        return registered_name(self.task.quantities.name, role)

    def about(self, role: Role) -> str:
        """Description of the registered model of a role."""
        words = self.task.quantities
        return ABOUT[role].format(forecast=f"{words.target.symbol} of the next {words.time.many}")

    def folder(self, kind: str) -> Path:
        """``models/KIND``."""
        return self.root / "models" / kind

    def example(self, encoder: Encoder) -> dict[str, Any]:
        """Inputs of one validation window: ``z`` (1, T, C) and ``anchor`` (1, 1)."""
        ends = self.dataset.windows("validation", 1)[:1]
        return {"z": encoder.encode(self.dataset, ends), "anchor": encoder.anchor(self.dataset, ends)}

    def edge_example(self, device: DeviceModel) -> dict[str, Any]:
        """The same of a model for the device: with a form its inputs ``x`` (1, P), without a network no ``z``."""
        example = self.example(device.encoder)
        if device.form_inputs is None:
            return example
        ends = self.dataset.windows("validation", 1)[:1]
        codes = device.form_inputs.of(self.dataset.histories(ends, device.encoder.features), device.encoder)
        example["x"] = (codes * 2.0**-INPUT_BITS).astype(np.float32)
        return {name: value for name, value in example.items() if name != "z" or device.spec.has_network}


def summary_of(entries: Sequence[Summary], name: str) -> Summary:
    """The entry of a model in reports/summary.json.

    Raises:
        RegistryError: there is none.
    """
    entry = next((entry for entry in entries if entry.name == name), None)
    if entry is None:
        raise RegistryError(f"reports/summary.json: has no model {name}; run dvc repro")
    return entry


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested params as pairs of a dotted name and its text."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", param_text(value)


def param_text(value: Any) -> str:
    """A value as the text of an MLflow param: a string as it is, else JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=lambda scalar: scalar.item())
