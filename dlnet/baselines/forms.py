"""A form: a linear or quadratic function of a window's summary. It is small enough for a microcontroller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlnet.baselines.summaries import Knots, OnSummary
from dlnet.config.baselines import FormKind
from dlnet.data.encode import FEATURE_CLIP
from dlnet.data.windows import Ends, Floats, Histories, Singles, WindowDataset


@dataclass(frozen=True)
class Form(OnSummary):
    """A fitted form.

    The summary is standardised and clipped like the nets' inputs; a quadratic form joins its squares and products.
    These terms are mapped to the knots: as changes from the last health, or (track ``sensors_only``) as health itself.

    Attributes:
        center, scale: (P,) of the summary. coefficients: (terms, knots). intercept: (knots,). All float32.
        chosen: settings chosen on validation windows.
    """

    center: Singles
    scale: Singles
    coefficients: Singles
    intercept: Singles
    kind: FormKind = "quadratic"
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return self.summary.remembers

    @property
    def parameters(self) -> int:
        """Numbers that have to be stored."""
        return sum(part.size for part in (self.center, self.scale, self.coefficients, self.intercept))

    @property
    def bytes(self) -> int:
        """Four a parameter."""
        return 4 * self.parameters

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""
        return self.summary.features

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the terms, in the order of ``coefficients``."""
        return names_of(self.kind, self.summary.terms)

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        inputs = terms_of(self.kind, standardised(self.summary.of(histories), self.center, self.scale))
        change = self.knots.curve(inputs @ self.coefficients.astype(np.float64) + self.intercept)
        return np.asarray(change + start_of(self.knots, histories), np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        return self.predict(dataset.histories(ends, self.features))


def start_of(knots: Knots, histories: Histories) -> Floats:
    """(N, 1) health that anchored knots are relative to; zero for those that predict health itself."""
    last = histories.health[:, -1:]
    return last if knots.anchored else np.zeros_like(last)


def standardised(summary: Floats, center: Singles, scale: Singles) -> Floats:
    """(N, P) in deviations from the training windows' mean, clipped as the nets' features are."""
    return np.clip((summary - center) / scale, -FEATURE_CLIP, FEATURE_CLIP)


def count_of(kind: FormKind, width: int) -> int:
    """Terms of a form of ``width`` numbers, without the constant."""
    return width + (width * (width + 1) // 2 if kind == "quadratic" else 0)


def terms_of(kind: FormKind, x: Floats) -> Floats:
    """(N, P) standardised numbers -> (N, terms): themselves and, in a quadratic form, ``products``."""
    return products(x) if kind == "quadratic" else x


def names_of(kind: FormKind, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of P numbers -> of the terms."""
    if kind == "linear":
        return names
    left, right = np.triu_indices(len(names))
    return (*names, *(f"{names[i]} x {names[j]}" for i, j in zip(left, right, strict=True)))


def products(x: Floats) -> Floats:
    """(N, P) -> (N, P + P (P + 1) / 2): the numbers themselves, then every product of two of them."""
    left, right = np.triu_indices(x.shape[1])
    return np.concatenate([x, x[:, left] * x[:, right]], axis=1)
