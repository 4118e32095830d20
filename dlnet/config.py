"""params.yaml as typed objects: a stage loads the sections it needs, and a wrong key is named before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from dlnet.errors import ConfigError

PARAMS = Path("params.yaml")

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Source = Literal["embedded", "mit", "hust", "xjtu", "tju", "csv"]
Track = Literal["capacity", "charge"]
FeatureSets = Annotated[list[Literal["own", "all"] | list[str]], Field(min_length=1)]
BoostingTarget = Literal["change", "absolute", "ridge"]


class Section(BaseModel):
    """Base of a section of params.yaml: unknown keys are errors, values do not change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvParams(Section):
    """How the columns of a user's own files are to be read."""

    capacity: str
    unit: Literal["Ah", "mAh"]
    nominal_ah: Positive
    features: dict[str, str]


class DataParams(Section):
    """Where the cells come from."""

    source: Source
    path: Path
    mirror: Path | None
    csv: CsvParams


class CleanParams(Section):
    """Hampel filters on capacity (SoH) and on charge features."""

    window: Annotated[int, Field(ge=3)]
    sigmas: Positive
    floor_soh: Positive
    feature_sigmas: Positive
    min_rows: Count

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window must be odd, so that it has a middle, not {self.window}")
        return self


class SplitParams(Section):
    """Fractions of the cells dealt to training, validation and test."""

    seed: Annotated[int, Field(ge=0)]
    train: Positive
    validation: Positive
    test: Positive
    train_share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test must be 1, not {total:g}")
        return self


class ChannelParams(Section):
    """What the net sees of each cycle on one track."""

    features: list[str]
    relative: list[str]
    quantiles: Annotated[int, Field(ge=0, le=65)]
    noise: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(set(self.relative) - set(self.features))
        if unknown:
            raise ValueError(f"relative names {unknown}, which is not in features")
        return self


class TaskParams(Section):
    """Windows in, forecast out."""

    inputs: Track
    window: Count
    block: Count
    horizon: Count
    knots: list[Count]
    stride_train: Count
    stride_eval: Count
    capacity: ChannelParams
    charge: ChannelParams

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.window % self.block:
            raise ValueError(f"window ({self.window}) must be a multiple of block ({self.block})")
        if self.knots != sorted(set(self.knots)) or not self.knots or self.knots[-1] != self.horizon:
            raise ValueError(f"knots must rise and end at horizon ({self.horizon}), not {self.knots}")
        return self

    @property
    def channels(self) -> ChannelParams:
        """The channels of the chosen track."""
        return self.capacity if self.inputs == "capacity" else self.charge

    @property
    def steps(self) -> int:
        """Steps the net takes over a window."""
        return self.window // self.block


CellName = Literal["liquid", "ltc", "ltc2"]
StudentCell = Literal["liquid", "ltc"]  # those with an integer form
Loss = Literal[
    "labels", "l1", "mse", "cosine", "gaussian", "binned", "hint", "attention", "distance", "angle", "contrast"
]  # knowledge of a teacher, by its name in dlnet.distill.knowledge
FORECAST_LOSSES = ("labels", "l1", "mse", "cosine")  # those that need no more than its forecast


class TrainingParams(Section):
    """Gradient steps, shared by teacher and students unless they say otherwise."""

    steps: Count
    batch: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    check: Count
    patience: Count


class TeacherParams(Section):
    """A large liquid network, or several averaged, in continuous time."""

    cell: CellName
    solver: Literal["fused", "euler", "rk4"]
    substeps: Count
    hidden: Count
    members: Count
    seed: Annotated[int, Field(ge=0)]
    training: TrainingParams


class ShiftedParams(Section):
    """Training windows with shifted features, labelled by the teacher alone."""

    copies: Annotated[int, Field(ge=0)]
    spread: Annotated[float, Field(ge=0)]


class StudentParams(Section):
    """The sweep of Euler students: every cell and hidden size x loss x seed."""

    hidden: dict[StudentCell, list[Count]]
    losses: list[Loss]
    seeds: list[Annotated[int, Field(ge=0)]]
    substeps: Count
    alpha: Fraction
    hint_width: Count
    branches: Annotated[int, Field(ge=1, le=4)]
    temperature: Annotated[float, Field(gt=0)]
    shifted: ShiftedParams
    simulated_stride: Annotated[int, Field(ge=0)]
    training: TrainingParams

    @property
    def makes_windows(self) -> bool:
        """Whether the teacher is also asked about windows that nobody measured."""
        return bool(self.shifted.copies or self.simulated_stride)

    @model_validator(mode="after")
    def _baseline(self) -> Self:
        lists: dict[str, Sequence[object]] = {
            "losses": self.losses,
            "seeds": self.seeds,
            **{f"hidden.{cell}": n for cell, n in self.hidden.items()},
        }
        _each_once(lists)
        if not self.hidden:
            raise ValueError("hidden must name at least one cell with its sizes")
        if "labels" not in self.losses:
            raise ValueError(
                "losses must hold 'labels': the students without a teacher are what the others are held to"
            )
        if self.makes_windows and set(self.losses) - set(FORECAST_LOSSES):
            known = ", ".join(FORECAST_LOSSES)
            raise ValueError(f"with shifted.copies or simulated_stride, losses may be {known} alone")
        return self


Method = Literal[
    "magnitude",
    "structured",
    "neurons_taylor",
    "neurons_activation",
    "features_l1",
    "features_taylor",
    "features_activation",
    "steps",
    "knots",
    "lowrank",
    "branches",
    "rare_branches",
    "twin",
    "same",
]  # those of dlnet.compress.methods


class PruneParams(Section):
    """Second stage: prune the elites and distil them again."""

    methods: list[Method]
    rounds: Count
    sparsities: list[Annotated[float, Field(gt=0, lt=1)]]
    teacher_share: Fraction
    alpha: Fraction
    seeds: list[Annotated[int, Field(ge=0)]]
    bits: Literal[0, 4, 8]
    training: TrainingParams

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        _each_once({"methods": self.methods, "sparsities": self.sparsities, "seeds": self.seeds})
        return self


def _each_once(lists: Mapping[str, Sequence[object]]) -> None:
    """Raise ``ValueError`` where one of the named lists is empty or holds a value twice."""
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} must list at least one value, each once")


class StageConfig(Section):
    """Base of a stage's configuration: each field is a section of params.yaml, and only those are read."""

    @classmethod
    def load(cls, path: Path = PARAMS) -> Self:
        """Read this stage's sections.

        Raises:
            ConfigError: the file is missing, is not YAML, or a key or value is wrong; names file, line and key.
        """
        try:
            document = YAML(typ="rt").load(path)
        except FileNotFoundError as error:
            raise ConfigError(f"{path}: no such file; run from the project's root") from error
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise ConfigError(f"{path}:{line}: not YAML ({error.problem})") from error
        if not isinstance(document, dict):
            raise ConfigError(f"{path}: expected sections such as 'data:' and 'task:'")
        try:
            return cls.model_validate({key: document[key] for key in cls.model_fields if key in document})
        except ValidationError as error:
            raise ConfigError("\n".join(_describe(path, document, item) for item in error.errors())) from error


def _describe(path: Path, document: object, item: Mapping[str, Any]) -> str:
    """One line for one pydantic error: file, line, key, what is wrong, and the value if it is a plain one."""
    line, node = 1, document
    for key in item["loc"]:
        if not isinstance(node, (CommentedMap, CommentedSeq)) or key not in (
            node if isinstance(node, dict) else range(len(node))
        ):
            break
        line = node.lc.key(key)[0] + 1 if isinstance(node, dict) else node.lc.item(key)[0] + 1
        node = node[key]
    where = ".".join(str(key) for key in item["loc"])
    value = "" if isinstance(item["input"], (dict, list, BaseModel)) else f" (got {item['input']!r})"
    return f"{path}:{line}: {where}: {item['msg'].removeprefix('Value error, ')}{value}"


class LimitParams(Section):
    """What a stage's container may use; None: all of the machine."""

    cpus: Positive | None
    memory_gb: Positive | None


class RunnerConfig(StageConfig):
    """Where stages run, and what each may use there. No result depends on it, so no stage lists it."""

    runner: Literal["auto", "docker", "local"]
    limits: dict[str, LimitParams]

    @model_validator(mode="after")
    def _default(self) -> Self:
        if "default" not in self.limits:
            raise ValueError("limits must hold 'default', for the stages it does not name")
        return self


class BudgetParams(Section):
    """What one model may take on the device: bytes of flash and RAM, instructions and modelled ms a forecast."""

    flash_bytes: Count
    ram_bytes: Count
    instructions: Count
    ms_modelled: Positive


class PublishParams(Section):
    """What a model must hold on validation windows, and may take on the device, to become a candidate."""

    int8_bound: Annotated[float, Field(ge=1)]
    boosting_slack: Annotated[float, Field(ge=1)]
    boosting_bytes_ratio: Annotated[float, Field(gt=0, le=1)]
    budget: BudgetParams


class FetchConfig(StageConfig):
    """What the fetch stage reads."""

    data: DataParams


class PrepareConfig(StageConfig):
    """What the prepare stage reads."""

    clean: CleanParams
    split: SplitParams
    task: TaskParams


class SelectParams(Section):
    """Which columns of the table of students count, and how many of the front go further."""

    objectives: Annotated[list[str], Field(min_length=1)]
    elites: Count


class CostParams(Section):
    """Where the electricity comes from, and the clock of the microcontroller."""

    country: str
    clock_mhz: Positive


class TeachConfig(StageConfig):
    """What the teach stage reads."""

    task: TaskParams
    teacher: TeacherParams
    cost: CostParams


class DistillConfig(StageConfig):
    """What the distill stage reads."""

    clean: CleanParams
    split: SplitParams
    task: TaskParams
    students: StudentParams
    cost: CostParams


class CompressConfig(StageConfig):
    """What the compress stage reads."""

    task: TaskParams
    prune: PruneParams
    cost: CostParams


class SelectConfig(StageConfig):
    """What the select and reselect stages read."""

    select: SelectParams


class QuantiseParams(Section):
    """What an exported model must hold to."""

    engine_bound: Annotated[float, Field(ge=1)]
    bits: Literal[4, 8, "auto"]
    bits_slack: Annotated[float, Field(ge=1)]


class QuantiseConfig(StageConfig):
    """What the quantise stage reads."""

    task: TaskParams
    quantise: QuantiseParams


class EvaluateConfig(StageConfig):
    """What the evaluate stage reads."""

    task: TaskParams


class FirmwareConfig(StageConfig):
    """What the firmware stage reads."""

    clean: CleanParams
    cost: CostParams


class PublishConfig(StageConfig):
    """What the publish stage reads."""

    publish: PublishParams


class RidgeParams(Section):
    """Ridge on products of slopes and features; each alpha is tried with each feature set."""

    alphas: Annotated[list[Positive], Field(min_length=1)]


class BoostingParams(Section):
    """Gradient boosting: ``targets`` by track; ``leaves`` x ``learning_rates`` are tried once features are chosen."""

    targets: dict[Track, Annotated[list[BoostingTarget], Field(min_length=1)]]
    learning_rates: Annotated[list[Positive], Field(min_length=1)]
    leaves: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    iterations: Count
    min_leaf: Count
    feature_share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _blind(self) -> Self:
        if "change" in self.targets.get("charge", []):
            raise ValueError("targets.charge must not hold 'change': that track does not see the last SoH")
        return self


class GruParams(Section):
    """A GRU on the nets' own inputs: the widest with at most so many parameters."""

    parameters: Annotated[int, Field(ge=200)]
    training: TrainingParams


class BaselinesParams(Section):
    """The numbers to beat, each tuned on validation windows."""

    stride: Count
    seed: Annotated[int, Field(ge=0)]
    features: dict[Track, FeatureSets]
    ridge: RidgeParams
    boosting: BoostingParams
    gru: dict[Annotated[str, Field(pattern="^gru_[a-z0-9]+$")], GruParams]


class BaselinesConfig(StageConfig):
    """What the baselines stage reads."""

    task: TaskParams
    baselines: BaselinesParams

    @model_validator(mode="after")
    def _of_the_track(self) -> Self:
        track = self.task.inputs
        for name, by_track in (
            ("features", self.baselines.features),
            ("boosting.targets", self.baselines.boosting.targets),
        ):
            if track not in by_track:
                raise ValueError(f"baselines.{name} must name the track that task.inputs chooses, {track!r}")
        return self
