"""The network of a model that has none: of one neuron, all zeros. It keeps every shape defined, and is never run."""

from __future__ import annotations

import numpy as np

from dlnet.export import fixed
from dlnet.export.bounds import inverse_gap
from dlnet.export.form import Form
from dlnet.export.layout import Affine, Spec

UNITY = (1 << 30, 33)  # multiplier and shift that every row may have


def form_alone(form: Form, steps: int, channels: int, knots: tuple[int, ...]) -> Spec:
    """The spec of a form without a network.

    Args:
        steps, channels: of the encoder that the rows of the device are coded by.
    """
    gaps = [int(gap) for gap in np.diff((0, *knots))]
    return Spec(
        cell="liquid",
        steps=steps,
        substeps=1,
        inner=None,
        step=_zeros(2, channels + 1),
        gate=None,
        head=_zeros(len(knots), 1),
        rate=np.zeros(1, np.int16),
        reversal=None,
        update=fixed.multiplier_of(2.0 ** (1 - fixed.STATE_BITS)),
        skip=(),
        knots=knots,
        inv_gap_q30=tuple(inverse_gap(gap) for gap in gaps),
        delta=UNITY,
        offset=None,
        tables=fixed.make_tables(),
        form=form,
        weight=0,
    )


def _zeros(rows: int, inputs: int) -> Affine:
    multiplier, shift = UNITY
    return Affine(
        weights=np.zeros((rows, inputs), np.int8),
        bias=np.zeros(rows, np.int32),
        multiplier=np.full(rows, multiplier, np.int32),
        shift=np.full(rows, shift, np.uint8),
    )
