"""The past steps that the head uses beside the hidden state."""

from __future__ import annotations

LAGS = (2, 5)


def slope_lags(steps: int) -> tuple[int, ...]:
    """Steps back from the last of ``steps`` whose differences the head sees, the first step last.

    In a window shorter than a lag, the lag ends at the first step.
    """
    span = steps - 1
    return tuple(min(lag, span) for lag in (*LAGS, span))
