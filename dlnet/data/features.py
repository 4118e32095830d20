"""The 16 statistics of a charge curve that stand for one cycle."""

from __future__ import annotations

FEATURES: tuple[str, ...] = (
    "voltage mean",
    "voltage std",
    "voltage kurtosis",
    "voltage skewness",
    "CC Q",
    "CC charge time",
    "voltage slope",
    "voltage entropy",
    "current mean",
    "current std",
    "current kurtosis",
    "current skewness",
    "CV Q",
    "CV charge time",
    "current slope",
    "current entropy",
)
"""Names and order of the features: those of the per-cycle files published with PINN4SOH."""
