"""Section ``baselines``: the models that the networks are compared with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Positive, Section
from dlnet.config.quantities import Track
from dlnet.config.training import TrainingParams

FeatureSets = Annotated[list[Literal["own", "all"] | list[str]], Field(min_length=1)]


BoostingTarget = Literal["change", "absolute", "ridge"]


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
        if "change" in self.targets.get("sensors_only", []):
            raise ValueError(
                "targets.sensors_only must not contain 'change': the last health is no input of that track"
            )
        return self


class GruParams(Section):
    """A GRU with the inputs of the liquid networks: the widest one with at most ``parameters`` parameters."""

    parameters: Annotated[int, Field(ge=200)]
    training: TrainingParams


class BaselinesParams(Section):
    """The baselines, each tuned on validation windows."""

    stride: Count
    seed: Annotated[int, Field(ge=0)]
    features: dict[Track, FeatureSets]
    ridge: RidgeParams
    boosting: BoostingParams
    gru: dict[Annotated[str, Field(pattern="^gru_[a-z0-9]+$")], GruParams]

    @model_validator(mode="after")
    def _sees(self) -> Self:
        if [] in self.features.get("sensors_only", []):
            raise ValueError(
                "features.sensors_only must not contain []: without the target a baseline would see nothing"
            )
        return self
