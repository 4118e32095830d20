"""Section ``baselines``: the models that the networks are compared with."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dlnet.config.base import Count, Positive, Section
from dlnet.config.quantities import Track
from dlnet.config.training import TrainingParams

FeatureSets = Annotated[list[Literal["own", "all"] | list[str]], Field(min_length=1)]


FormKind = Literal["linear", "quadratic"]
BoostingTarget = Literal["change", "absolute", "ridge"]


class RidgeParams(Section):
    """Forms fitted to absolute error; alphas are tried with each feature set."""

    alphas: Annotated[list[Positive], Field(min_length=1)]


class TreesParams(Section):
    """Forests of regression trees; ``leaves`` x ``learning_rates`` are tried once features are chosen."""

    learning_rates: Annotated[list[Positive], Field(min_length=1)]
    leaves: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    iterations: Count
    min_leaf: Count
    feature_share: Annotated[float, Field(gt=0, le=1)]


class BoostingParams(TreesParams):
    """Gradient boosting: ``targets`` by track. ``memory``: whether ``boosting_age`` knows the asset's past, tried."""

    targets: dict[Track, Annotated[list[BoostingTarget], Field(min_length=1)]]
    memory: Annotated[list[bool], Field(min_length=1)]

    @model_validator(mode="after")
    def _blind(self) -> Self:
        if "change" in self.targets.get("sensors_only", []):
            raise ValueError(
                "targets.sensors_only must not contain 'change': the last health is no input of that track"
            )
        return self


class LinearDeviceParams(Section):
    """A form that a microcontroller has room for: ``forms`` x ``features``, the number of them, are tried."""

    forms: Annotated[list[FormKind], Field(min_length=1)]
    features: Annotated[list[Annotated[int, Field(ge=1, le=16)]], Field(min_length=1)]


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
    linear_device: LinearDeviceParams
    forest_device: TreesParams
    gru: dict[Annotated[str, Field(pattern="^gru_[a-z0-9]+$")], GruParams]

    @model_validator(mode="after")
    def _sees(self) -> Self:
        if [] in self.features.get("sensors_only", []):
            raise ValueError(
                "features.sensors_only must not contain []: without the target a baseline would see nothing"
            )
        return self
