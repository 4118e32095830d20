"""From rows of assets to their forecasts: each asset prepared by itself, the model asked once for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlnet.config.presets import MARKS
from dlnet.config.quantities import Track
from dlnet.data.check_ups import held_note
from dlnet.data.clean import clean_inputs, health_levels
from dlnet.data.findings import Kind
from dlnet.data.life import Life
from dlnet.data.oddities import oddities
from dlnet.data.windows import Histories
from dlnet.errors import DataError, ModelError
from dlnet.export.frontend import Codec, acceptable, clean_codes, flagged, saturated, to_codes
from dlnet.export.saved import SavedEdge
from dlnet.forecast.assets import Asset, Floats
from dlnet.forecast.outside import outside, seen_by
from dlnet.forecast.result import Forecast
from dlnet.models.document import ModelDocument, Seen
from dlnet.saved import LoadedModel

BATCH = 4096  # windows that the model is given at once


@dataclass(frozen=True)
class Needs:
    """What preparing an asset needs of a model; small, so that it can be sent to other processes.

    Attributes:
        codec: of an edge model. seen: ranges of its training rows, if known.
        remembers: whether it reads rows before its window.
    """

    document: ModelDocument
    window: int
    features: tuple[str, ...]
    uses_target: bool
    codec: Codec | None
    seen: Seen | None
    remembers: bool = False

    @property
    def track(self) -> Track:
        """Whose cleaning the model was trained on."""
        return "with_target" if self.uses_target else "sensors_only"

    @classmethod
    def of(cls, model: LoadedModel) -> Needs:
        """Of a saved model."""
        codec = model.device.codec if isinstance(model, SavedEdge) else None
        document = model.document
        facts = (document, model.window, model.features, model.uses_target)
        return cls(*facts, codec, seen_by(document), model.remembers)


@dataclass(frozen=True)
class Prepared:
    """An asset that is ready for the model.

    Attributes:
        history: (rows,) cleaned health; NaN where the file has none.
        features: the last cleaned rows, (window, F); all of them for a model that remembers.
    """

    name: str
    path: Path
    nominal: float
    history: Floats
    features: Floats
    notes: tuple[str, ...]
    outside: tuple[str, ...]


def prepare(path: Path, asset: Asset, needs: Needs) -> Prepared:
    """Clean the rows of an asset, and compare them with those of training.

    Raises:
        DataError: there are fewer rows than the model needs, or a feature begins without a value and an older model
            knows none to hold there.
    """
    document, quantities = needs.document, needs.document.quantities
    if len(asset.rows) < needs.window:
        many = quantities.time.many
        raise DataError(f"{path}: {len(asset.rows)} {many}, but the model looks at {needs.window}; add older {many}")
    measured = quantities.target.to_health(asset.target)
    values = asset.rows[list(needs.features)].to_numpy(np.float64)
    _check_known(path, needs, values)
    health, features = clean_inputs(
        measured,
        values,
        needs.features,
        document.clean,
        quantities,
        track=needs.track,
        typical=document.data.typical,
    )
    odd = [*asset.findings, *oddities(asset.name, measured, health, values, quantities)]
    unlike = tuple(finding.text for finding in odd if finding.kind is Kind.ORDER)
    notes = [
        *MARKS[document.data.preset],
        *asset.notes,
        *(finding.text for finding in asset.findings if finding.kind is not Kind.ORDER),
    ]
    if needs.seen is None:
        notes.append("The model does not hold what it was trained on, so nothing says whether these rows are like it.")
    else:
        unlike += outside(needs.seen, health, features, needs.features, needs.window, quantities.target)
    notes += [
        *_gap_notes(needs, measured, values),
        *_held_notes(needs, measured, health),
        *_device_notes(needs, measured, values),
    ]
    last = slice(None) if needs.remembers else slice(-needs.window, None)
    return Prepared(asset.name, path, asset.nominal, health, features[last], tuple(notes), unlike)


def predict(prepared: Sequence[Prepared], model: LoadedModel) -> list[Forecast]:
    """Forecasts of assets, in their order.

    Raises:
        ModelError: a forecast is not finite.
    """
    out: list[Forecast] = []
    for start in range(0, len(prepared), BATCH):
        part = prepared[start : start + BATCH]
        health = np.stack([one.history[-model.window :] for one in part]).astype(np.float64)
        features = np.stack([one.features[-model.window :] for one in part]).astype(np.float64)
        life = _life(part, model.features) if model.remembers else None
        with np.errstate(over="ignore", invalid="ignore"):  # whether the result is finite is checked
            ahead = model.predict(Histories(health, features, model.features, life))
        out += [_forecast(one, row, model) for one, row in zip(part, np.asarray(ahead), strict=True)]
    return out


def _life(assets: Sequence[Prepared], names: Sequence[str]) -> Life:
    """All that the files hold of assets: the first row of a file counts as the first one of its asset."""
    health = [one.history.astype(np.float64) for one in assets]
    return Life.of_assets(health, [one.features.astype(np.float64) for one in assets], names)


def _forecast(one: Prepared, ahead: Floats, model: LoadedModel) -> Forecast:
    document, target = model.document, model.document.quantities.target
    if not np.isfinite(ahead).all():
        raise ModelError(
            f"{document.name}: its forecast of {one.path} is not finite; train the model again, on such data"
        )
    error = np.asarray(document.validation.by_horizon)
    return Forecast(
        asset=one.name,
        path=one.path,
        model=name_of(model),
        label=document.data.label,
        quantities=document.quantities,
        nominal=one.nominal,
        history=target.from_health(one.history),
        ahead=target.from_health(ahead),
        error=np.full_like(error, np.nan) if one.outside else error,
        notes=one.notes,
        outside=one.outside,
    )


def _check_known(path: Path, needs: Needs, features: Floats) -> None:
    """Raise for a feature that begins without a value, in a model that knows none to hold there."""
    for name, column in zip(needs.features, features.T, strict=True):
        if np.isnan(column[0]) and name not in needs.document.data.typical:
            raise DataError(
                f"{path}: {name!r} has no value in its first row, and this model of an older release knows no typical "
                "one; delete the rows before its first value"
            )


def _gap_notes(needs: Needs, health: Floats, features: Floats) -> list[str]:
    """What was not measured and is held."""
    quantities, notes = needs.document.quantities, []
    if needs.uses_target and np.isnan(health[-1]):
        ago = len(health) - 1 - int(np.flatnonzero(np.isfinite(health))[-1])
        since = f"{quantities.target.symbol} was last measured {quantities.time.count(ago)} before the end"
        notes.append(f"{since}; that value holds since.")
    if np.isnan(features).any():
        notes.append(f"{np.isnan(features).mean():.1%} of the features' values are missing; the last ones hold.")
    return notes


def _held_notes(needs: Needs, measured: Floats, health: Floats) -> list[str]:
    """What a forecast rests on where the file ends in rows that may be a check-up; ``health``: cleaned."""
    if needs.track == "sensors_only" or np.isnan(measured[-1]) or measured[-1] == health[-1]:
        return []  # a sound row keeps its value, and one without a value ends what may be a check-up
    off = int(health_levels(measured, needs.document.clean, needs.document.quantities).off[-1])
    return [held_note(off, needs.document.quantities)] if off else []


def _device_notes(needs: Needs, health: Floats, features: Floats) -> list[str]:
    """What a board would say of this forecast: a row that it refuses, a feature beyond the range of its codes."""
    codec, target = needs.codec, needs.document.quantities.target
    if codec is None:
        return []
    own = [] if codec.target is None else [target.from_health(health)[:, None]]
    rows = np.concatenate([*own, features], axis=1)
    taken = acceptable(codec, rows)
    notes = [] if taken.all() else [f"A board refuses {(~taken).sum()} of these rows as impossible."]
    codes = to_codes(codec, rows[taken])
    if not saturated(codes).any():  # nor does a median of codes reach an end that none of them stands at
        return notes
    clean = clean_codes(codec, codes)[-codec.window :]
    beyond = [name for i, name in enumerate(codec.names) if flagged(clean[None, :, i : i + 1])[0]]
    if beyond:
        notes.append(
            f"A board gives this forecast as saturated: {', '.join(beyond)} is beyond what its codes hold, which is "
            "what the training assets went through and half as much more."
        )
    return notes


def name_of(model: LoadedModel) -> str:
    """Name of a model as tables show it."""
    document = model.document
    return f"{document.name} (int8)" if document.kind == "edge" else document.name
