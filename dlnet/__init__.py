"""DLNet: from ageing data to microcontroller firmware. ``dlnet.load(path)`` opens a saved model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlnet.forecast.forecaster import load_forecaster as load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name != "load":
        raise AttributeError(f"module 'dlnet' has no attribute {name!r}")
    from dlnet.forecast.forecaster import load_forecaster

    return load_forecaster
