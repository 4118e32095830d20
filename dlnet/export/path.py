"""The device's whole path from raw rows to a forecast, beside the float path that ``dlnet forecast`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dlnet.data.clean import clean_inputs
from dlnet.data.life import Life
from dlnet.data.windows import Floats, Histories
from dlnet.errors import ParityError
from dlnet.export.edge import DeviceModel
from dlnet.export.form import Trees
from dlnet.export.form_inputs import form_codes
from dlnet.export.frontend import acceptable, clean_codes, code_levels, encode_codes, flagged, to_codes
from dlnet.export.layout import Spec
from dlnet.export.reference import Int16s, Int32s, from_fixed, predict_reference, run

BOUND = 2.0**-8
"""Of health: the most that two forecasts may differ where the device flags nothing and cleaned the same values."""

CHECK_UP = 0.2
"""Of health: how far the check-ups of a made-up life leave its level."""

SAME_INPUTS = 1 << 10
"""Units of 2^-12 that inputs of a form may differ by from rounding: a forest jumps where a threshold lies between."""

SAME_CODES = 2
"""Codes that the two filters' values may differ by from rounding; where they differ by more, one took out a value."""


@dataclass(frozen=True)
class DevicePath:
    """What a device makes of N windows.

    Attributes:
        inputs: (N, T, C). anchor: (N,). flagged: (N,) which it gives as saturated. clean: (N, window, inputs).
        off: (N,) rows since the level of the target was left; 0: the last row is sound. missing: (N,) inputs that the
            last row lacks. Where either is above 0, it gives the forecast as held.
        form: (N, P) inputs of the form, of a model that has one.
    """

    inputs: Int16s
    anchor: Int32s
    flagged: npt.NDArray[np.bool_]
    clean: Int16s
    off: npt.NDArray[np.int64]
    missing: npt.NDArray[np.int64]
    form: Int16s | None = None

    def forecast(self, model: DeviceModel) -> Int32s:
        """(N, horizon) in units of 2^-24 of health."""
        return run(model.spec, self.inputs, self.anchor, self.form).forecast


def device_path(model: DeviceModel, values: npt.NDArray[np.floating], ends: npt.NDArray[np.int64]) -> DevicePath:
    """Windows that end before the rows ``ends`` (N,) of one asset's (n, inputs) acceptable rows, from its first on."""
    codec, form = model.codec, model.form_codec
    codes = to_codes(codec, values)
    life = clean_codes(codec, codes)
    clean = life[_span(codec.window, ends)]
    off, missing = code_levels(codec, codes).off[ends - 1], np.isnan(np.asarray(values)[ends - 1]).sum(axis=1)
    own = None if form is None else form_codes(codec, form, life, ends)
    return DevicePath(*encode_codes(codec, clean), flagged(clean), clean, off, missing, own)


@dataclass(frozen=True)
class Apart:
    """How far device and ``dlnet forecast`` are apart, in health, over windows of whole lives.

    Attributes:
        windows: compared. flagged: given as ``saturated``. recleaned: not flagged, but rounding decided whether a
            value is an outlier, or on which side of a threshold of a tree it is. largest: difference in all others;
            largest_recleaned, largest_flagged: in those.
    """

    windows: int
    flagged: int
    recleaned: int
    largest: float
    largest_recleaned: float
    largest_flagged: float

    @classmethod
    def of(cls, difference: Floats, flags: npt.NDArray[np.bool_], recleaned: npt.NDArray[np.bool_]) -> Apart:
        """From (N,) largest differences of each window, and what is known of it."""
        only = recleaned & ~flags
        most = [float(difference[kind].max(initial=0.0)) for kind in (~flags & ~only, only, flags)]
        return cls(len(difference), int(flags.sum()), int(only.sum()), *most)

    def check(self, name: str) -> None:
        """Raise ``ParityError`` where forecasts differ by more than ``BOUND`` and nothing says why."""
        if self.largest > BOUND:
            raise ParityError(
                f"{name}: the device's forecast is {self.largest:.4f} of health from that of dlnet forecast in a "
                f"window that it does not flag (at most {BOUND:.4f} is rounding): do not ship this model"
            )

    def __str__(self) -> str:
        flags = f"; {self.flagged} flagged as saturated, up to {self.largest_flagged:.6f}" if self.flagged else ""
        decided = f"{self.recleaned} where rounding decided about an outlier or a tree's branch"
        again = f"; {decided}, up to {self.largest_recleaned:.6f}"
        return (
            f"{self.windows} windows: at most {self.largest:.6f} of health from dlnet forecast"
            f"{again if self.recleaned else ''}{flags or '; none flagged as saturated'}"
        )


def compare(model: DeviceModel, values: npt.NDArray[np.floating]) -> Apart:
    """Both paths on every window of one asset, labelled or not; rows (n, inputs) that the device refuses are left out.

    Raises:
        ParityError: they differ without a flag, see ``Apart.check``.
    """
    encoder, codec = model.encoder, model.codec
    rows = np.asarray(values, np.float64)[acceptable(codec, values)]
    ends = np.arange(encoder.window, len(rows) + 1)
    if not len(ends):
        return Apart(0, 0, 0, 0.0, 0.0, 0.0)
    device, span = device_path(model, rows, ends), _span(encoder.window, ends)
    health, features = _float_clean(model, rows)
    own = _float_form(model, health, features, ends)
    floats = predict_reference(
        model.spec,
        encoder.encode_history(health[span], features[span]),
        encoder.anchor_history(health[span]),
        own,
    )
    columns = [features] if codec.target is None else [model.quantities.target.from_health(health)[:, None], features]
    away = to_codes(codec, np.concatenate(columns, axis=1))[span].astype(np.int64) - device.clean
    recleaned = (np.abs(away) > SAME_CODES).any(axis=(1, 2)) | _jumped(model.spec, device.form, own)
    difference = np.abs(from_fixed(device.forecast(model)) - floats).max(axis=1)
    apart = Apart.of(difference, device.flagged, recleaned)
    apart.check(model.name)
    return apart


def _jumped(spec: Spec, device: Int16s | None, floats: Int16s | None) -> npt.NDArray[np.bool_] | Literal[False]:
    """(N,) whether inputs that differ by rounding only, (N, P), end in other leaves of a forest."""
    if device is None or floats is None or not isinstance(spec.form, Trees):
        return False
    near = (np.abs(device.astype(np.int64) - floats) <= SAME_INPUTS).all(axis=1)
    return np.asarray(near & (spec.form.changes(device) != spec.form.changes(floats)).any(axis=1))


def _float_form(model: DeviceModel, health: Floats, features: Floats, ends: npt.NDArray[np.int64]) -> Int16s | None:
    if model.form_inputs is None:
        return None
    encoder, span = model.encoder, _span(model.encoder.window, ends)
    life = Life(health, features, encoder.features, np.zeros(len(ends), np.int64), ends)
    return model.form_inputs.of(Histories(health[span], features[span], encoder.features, life), encoder)


def _float_clean(model: DeviceModel, rows: Floats) -> tuple[Floats, Floats]:
    first = int(model.codec.target is not None)
    health = model.quantities.target.to_health(rows[:, 0]) if first else np.zeros(len(rows))
    encoder = model.encoder
    return clean_inputs(
        health,
        rows[:, first:],
        encoder.features,
        model.clean,
        model.quantities,
        track=encoder.track,
        typical=encoder.first,
    )


def _span(window: int, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return ends[:, None] + np.arange(-window, 0)


def whole_life(model: DeviceModel) -> npt.NDArray[np.float32]:
    """Rows (n, inputs) of a life that is made up: each feature goes through the range of training, then out of it.

    In the middle of each window's length stands a check-up, longer from one to the next.
    """
    encoder, codec = model.encoder, model.codec
    low, high = np.array(encoder.low), np.array(encoder.high)
    share = np.concatenate([np.linspace(0, 1, 4 * codec.window), np.linspace(1, 3, 4 * codec.window)])
    values = low + share[:, None] * np.maximum(high - low, codec.unit[-len(low) :])
    if codec.target is not None:
        health = np.linspace(1.0, 0.5, len(share))
        for length, start in enumerate(range(codec.window // 2, len(share), codec.window), 1):
            health[start : start + length] -= CHECK_UP
        values = np.insert(values, 0, model.quantities.target.from_health(health), axis=1)
    return values.astype(np.float32)
