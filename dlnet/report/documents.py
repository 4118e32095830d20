"""Content of reports/evaluation.json, reports/summary.json and reports/metrics.json (docs/reading-the-report.md).

Errors are of the task's target, in its unit. In the summary they are of test windows; those of validation windows, on
which all choices were made, are under ``validation``.
"""

from __future__ import annotations

from dlnet.config.presets import Preset
from dlnet.config.quantities import Quantities, Track
from dlnet.data.documents import SplitCounts
from dlnet.documents import Document
from dlnet.errors import DocumentError
from dlnet.export.documents import Kind
from dlnet.metrics import Errors, WorstAsset
from dlnet.select.record import FrontRecord


class Figures(Errors):
    """Summary errors; None where no window lies on that side of the knee."""

    before_knee: float | None
    after_knee: float | None


class Scores(Figures):
    """``Figures``, the MAE by row ahead and by asset; of an engine also the largest difference from int8."""

    by_horizon: tuple[float, ...]
    assets: dict[str, float]
    most_from_int8: float | None = None


class FiguresBySplit(Document):
    """Errors of a student that is not an elite."""

    validation: Figures
    test: Figures


class ScoresBySplit(Document):
    """Errors of any other model."""

    validation: Scores
    test: Scores


class EngineScores(Document):
    """Errors of a quantised model by engine; ``int8`` is the integer reference."""

    int8: ScoresBySplit
    litert: ScoresBySplit
    litert_optimised: ScoresBySplit
    tflm: ScoresBySplit


class EvaluationReport(Document):
    """reports/evaluation.json.

    Attributes:
        windows: split -> count. knee_rows: split -> asset -> row of its knee, None where it has none.
        baselines, students, edge, forms: by name; edge are the quantised students, forms the others that can ship.
    """

    windows: dict[str, int]
    knee_rows: dict[str, dict[str, int | None]]
    baselines: dict[str, ScoresBySplit]
    teacher: ScoresBySplit
    students: dict[str, ScoresBySplit | FiguresBySplit]
    edge: dict[str, EngineScores]
    forms: dict[str, ScoresBySplit] = {}

    def shipped(self, name: str) -> ScoresBySplit:
        """Scores of a model that can ship, by the integer reference.

        Raises:
            DocumentError: there is no such model.
        """
        if name in self.edge:
            return self.edge[name].int8
        if name in self.forms:
            return self.forms[name]
        raise DocumentError(f"reports/evaluation.json: no model {name[:100]!r} that can ship; run dvc repro")

    def elite(self, name: str) -> ScoresBySplit:
        """Scores of an elite in float.

        Raises:
            DocumentError: it has no errors by row ahead.
        """
        scores = self.students[name]
        if not isinstance(scores, ScoresBySplit):
            raise DocumentError(f"reports/evaluation.json: students.{name}: no errors by row ahead; run dvc repro")
        return scores


class DataSummary(Document):
    """The data, and notes on all figures; assets and windows are totals over the splits."""

    source: str
    label: str
    simulated: bool
    track: Track
    window: int
    horizon: int
    assets: int
    windows: int
    splits: dict[str, SplitCounts]
    quantities: Quantities
    notes: tuple[str, ...]
    preset: Preset = "default"


class ModelSummary(Figures):
    """A float model: its errors and its size in bytes."""

    validation: Figures
    bytes: int


class BaselineSummary(ModelSummary):
    """A baseline; ``bytes_in_library``: size of a forest as its library stores it."""

    bytes_in_library: int | None = None
    parameters: int
    uses_target: bool


class TeacherSummary(ModelSummary):
    """The teacher, and whether it is better than the students (``teaches``)."""

    parameters: int
    members: int
    cell: str
    solver: str
    hidden: int
    uses_target: bool
    sees_more_than_students: bool
    teaches: bool
    verdict: str


class Student(Document):
    """A student's identity and its costs on the device: a row of the second front's table.

    Attributes:
        branch_usage: part of the validation windows that each of several branches handles.
    """

    name: str
    kind: str
    cell: str
    hidden: int
    loss: str
    seed: int
    method: str | None = None
    sparsity: float | None = None
    parent: str | None = None
    stage2: str | None = None
    branch_usage: tuple[float, ...] | None = None
    parameters: int
    nonzero_parameters: int
    flash_bytes: int
    ram_bytes: int
    instructions: int
    ms_modelled: float
    energy_uj: float
    co2_ug: float


class StudentSummary(ModelSummary, Student):
    """A student in float."""


class EliteSummary(StudentSummary):
    """An elite, the ``fronts`` that chose it, and its error as an integer model where it was quantised."""

    fronts: tuple[str, ...]
    mae_int8: float | None = None


class EdgeErrors(Document):
    """Errors of a quantised student, of its float form and in the other engines; without a suffix they are int8's."""

    mae_float: float
    rmse_float: float
    asset_mae_float: float
    mae_int8: float
    rmse_int8: float
    asset_mae_int8: float
    worst_asset: WorstAsset
    before_knee: float | None
    after_knee: float | None
    mae_litert: float
    mae_litert_optimised: float
    mae_tflm: float
    most_from_int8_litert: float
    most_from_int8_litert_optimised: float
    most_from_int8_tflm: float

    @property
    def int8(self) -> Figures:
        """Errors of the integer model alone."""
        return self.to(Figures, mae=self.mae_int8, rmse=self.rmse_int8, asset_mae=self.asset_mae_int8)

    @property
    def most_from_int8(self) -> float:
        """Largest difference of any engine's forecast from the integer model's."""
        return max(self.most_from_int8_litert, self.most_from_int8_litert_optimised, self.most_from_int8_tflm)


class EdgeSummary(EdgeErrors, Student):
    """A quantised student; ``four_bits`` names its matrices with such weights, ``rule``: of its choice."""

    four_bits: tuple[str, ...] | None = None
    tflite_bytes: int
    spec_bytes: int
    validation: EdgeErrors
    rule: str | None = None


class FormSummary(ModelSummary):
    """A model that can ship and is no student alone; ``bytes`` are those of its spec."""

    name: str
    kind: Kind
    parameters: int
    mae_float_validation: float


class FrontSummary(FrontRecord):
    """A front and how many models it was chosen from."""

    name: str
    models: int


class SeedSpread(Document):
    """Mean and standard deviation (of the population) over seeds; None where there is one seed."""

    mean: float
    std: float | None


class SpreadGroup(Document):
    """Errors of one kind of student over its seeds."""

    cell: str
    hidden: int
    loss: str
    seeds: int
    mae: SeedSpread
    rmse: SeedSpread
    asset_mae: SeedSpread
    mae_validation: SeedSpread


class Incomplete(Document):
    """MAE of the int8 model for the device where only the share ``complete`` of the rows keeps its features."""

    complete: float
    mae_validation: float
    mae_test: float


class Spread(Document):
    """Spread over seeds of each kind of student, and of the edge model's kind."""

    over: str
    splits: str
    students: tuple[SpreadGroup, ...]
    edge: SpreadGroup


class ValidationSummary(Document):
    """Ratios as ``SummaryReport.ratios``, on validation windows."""

    ratios: dict[str, float]


class SummaryReport(Document):
    """reports/summary.json; ``edge`` is the best of ``edges``, the int8 students, ``ratios`` are ratios of its MAE,
    ``gaps`` its errors with incomplete rows; ``forms`` are the other models that can ship."""

    data: DataSummary
    baselines: dict[str, BaselineSummary]
    teacher: TeacherSummary
    students: tuple[StudentSummary, ...]
    elites: tuple[EliteSummary, ...]
    edge: EdgeSummary
    edges: tuple[EdgeSummary, ...]
    forms: tuple[FormSummary, ...] = ()
    fronts: tuple[FrontSummary, ...]
    ratios: dict[str, float]
    validation: ValidationSummary
    spread: Spread
    gaps: tuple[Incomplete, ...] = ()

    def shipped(self, name: str) -> Figures:
        """Errors of a model that can ship, by its integer form, on test windows.

        Raises:
            DocumentError: there is no such model.
        """
        known = {**{edge.name: edge.int8 for edge in self.edges}, **{form.name: form for form in self.forms}}
        if name not in known:
            raise DocumentError(f"reports/summary.json: no model {name[:100]!r} that can ship; run dvc repro")
        return known[name]

    def mae_of(self, baseline: str) -> float | None:
        """MAE of a baseline on test windows; None where there is no such baseline."""
        entry = self.baselines.get(baseline)
        return entry.mae if entry else None


class Int8Headline(Document):
    """Main figures of the device model."""

    worst_asset_mae: float
    over_float: float
    parameters: int
    spec_bytes: int
    tflite_bytes: int


class Headline(Document):
    """reports/metrics.json: what ``dvc metrics show`` and ``dvc metrics diff`` print; all of test windows."""

    mae: dict[str, float]
    int8: Int8Headline
