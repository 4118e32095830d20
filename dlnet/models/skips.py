"""Which past steps the head looks at, beside the hidden state."""

from __future__ import annotations

LAGS = (2, 5)


def slope_lags(steps: int) -> tuple[int, ...]:
    """Steps back from the last of ``steps`` whose differences the head sees, the first step last.

    A window shorter than a lag is looked at from its first step.
    """
    span = steps - 1
    return tuple(min(lag, span) for lag in (*LAGS, span))
