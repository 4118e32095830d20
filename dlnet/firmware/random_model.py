"""Models of any shape with random numbers: what the cost model is fitted on, and what proofs run on."""

from __future__ import annotations

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import (
    HEALTH_RANGE,
    Floors,
    Knee,
    Noun,
    Quantities,
    Target,
    Time,
    TrackInputs,
    Tracks,
)
from dlnet.data.encode import Encoder
from dlnet.export.edge import DeviceModel, make_model
from dlnet.export.spec import make_spec
from dlnet.export.weights import Cell, Skip, StudentWeights, skip_pairs
from dlnet.firmware.random_form import RandomForm, with_form
from dlnet.models.precision import Precision

CLEAN = CleanParams(window=7, sigmas=3.0, feature_sigmas=6.0, min_rows=200)
QUANTITIES = Quantities(
    name="random",
    asset=Noun(one="asset", many="assets"),
    time=Time(one="step", many="steps", unit="step", step=1.0, largest_gap=1.0),
    target=Target(
        name="health",
        symbol="health",
        quantity="health",
        unit="1",
        other_units={},
        over_nominal=False,
        direction="falling",
        range=HEALTH_RANGE,
        noise_floor=0.001,
        end_of_life=None,
        known="when measured",
    ),
    features={},
    tracks=Tracks(**dict.fromkeys(("with_target", "sensors_only"), TrackInputs(features="all", relative="all"))),
    knee=Knee(height=0.01),
    cleaning=Floors(target=0.006, features={}),
)
KNOTS = (5, 15, 30, 50, 75, 100)
MOST = 27.0  # largest weight that every precision holds


def random_model(  # noqa: PLR0913 - each is one size of the shape
    cell: Cell = "liquid",
    hidden: int = 13,
    *,
    features: int = 8,
    relative: int = 6,
    with_target: bool = True,
    quantiles: int = 17,
    skip: Skip | None = None,
    steps: int = 10,
    block: int = 5,
    substeps: int = 1,
    knots: tuple[int, ...] = KNOTS,
    clean: CleanParams = CLEAN,
    quantities: Quantities = QUANTITIES,
    seed: int = 0,
    gain: float = 1.0,
    branches: int = 1,
    rank: int = 0,
    precision: Precision = Precision(),  # noqa: B008 - frozen
    form: RandomForm | None = None,
) -> DeviceModel:
    """A model of a shape; ``skip`` defaults to the track's own. ``gain`` scales its weights, ``rank`` 0 is full."""
    rng = np.random.default_rng(seed)
    channels = features + relative + (2 if with_target else 0)
    kind: Skip = skip or ("slopes" if with_target else "last")
    rows, outputs = hidden * (2 if cell == "liquid" else 1), branches * (len(knots) + (not with_target))
    width, spread = rank or rows, channels**0.5 if rank else 1.0  # keeps values between the factors small

    def draw(*shape: int) -> np.ndarray:
        return gain * rng.normal(size=shape) / np.sqrt(shape[0])

    student = StudentWeights(
        cell=cell,
        substeps=substeps,
        steps=steps,
        wx=draw(channels, width) / spread,
        wh=draw(hidden, width) / spread,
        b=draw(rows),
        rate=rng.uniform(0, 1, hidden),
        reversal=rng.uniform(-1, 1, hidden) if cell == "ltc" else None,
        wo=draw(hidden + len(skip_pairs(kind, channels, steps)), outputs),
        bo=draw(outputs),
        skip=kind,
        knots=knots,
        horizon=knots[-1],
        delta_scale=0.02,
        offset_scale=0.02,
        offset=not with_target,
        v=(draw(rank, rows) * spread).clip(-MOST, MOST) if rank else None,
        wg=draw(channels + hidden, branches) if branches > 1 else None,
        bg=draw(branches) if branches > 1 else None,
    )
    encoder = _encoder(rng, features, relative, with_target, quantiles, steps, block, knots)
    name = f"random-{cell}-{hidden}-{'with_target' if with_target else 'sensors_only'}-s{seed}"
    model = make_model(name, make_spec(student, precision=precision), encoder, clean, quantities)
    return model if form is None else with_form(model, form, seed)


def _encoder(
    rng: np.random.Generator,
    features: int,
    relative: int,
    with_target: bool,
    quantiles: int,
    steps: int,
    block: int,
    knots: tuple[int, ...],
) -> Encoder:
    names = tuple(f"feature {i}" for i in range(features))
    center = rng.normal(size=features) * 10.0 ** rng.integers(-3, 4, features)
    scale = np.abs(center) * rng.uniform(0.01, 0.5, features) + 1e-4
    levels = np.sort(rng.normal(size=(features, quantiles)), axis=1) * scale[:, None] + center[:, None]
    return Encoder(
        track="with_target" if with_target else "sensors_only",
        window=steps * block,
        block=block,
        horizon=knots[-1],
        knots=knots,
        features=names,
        relative=names[:relative],
        center=tuple(center),
        scale=tuple(scale),
        quantiles=tuple(tuple(row) for row in levels) if quantiles else (),
        low=tuple(center - 4 * scale),
        high=tuple(center + 4 * scale),
        relative_scale=tuple(scale[:relative] * rng.uniform(0.03, 0.5, relative)),
        level_mean=0.95,
        level_scale=0.03,
        delta_scale=0.02,
        drop_limit=0.13,
    )
