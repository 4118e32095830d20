"""Checkpoints: a killed run resumes from its last validation and ends with the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dlnet.errors import ModelError
from dlnet.files import write_tensors
from dlnet.models.head import Parameters
from dlnet.train.state import State

PLAIN = ("live", "best_error", "best_step", "stale", "step", "curve")
STACKS = ("parameters", "mean", "square", "best")


def save(path: Path, state: State) -> None:
    """Write ``state`` atomically."""
    arrays: dict[str, np.ndarray] = {}
    for group in STACKS:
        arrays |= {f"{group}.{name}": value.detach().numpy() for name, value in getattr(state, group).items()}
    arrays |= {f"stream.{m}": stream.get_state().numpy() for m, stream in enumerate(state.streams)}
    plain = {key: getattr(state, key) for key in PLAIN}
    write_tensors(path, arrays, {"state": json.dumps(plain)})


def restore(path: Path, state: State) -> None:
    """Set a new ``state`` to the saved one.

    Raises:
        ModelError: the file is damaged or of another shape.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            # Cloned to torch's alignment: MKL promises the same bits only for arrays aligned alike.
            arrays = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118 - not a dict
            plain = json.loads((stored.metadata() or {})["state"])
        restored = {key: plain[key] for key in PLAIN}
        counts = {group: len(restored["live"]) for group in STACKS} | {"best": len(state.streams)}
        stacks = {group: _stack(arrays, group, getattr(state, group), counts[group]) for group in STACKS}
        streams = [arrays[f"stream.{m}"] for m in range(len(state.streams))]
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: damaged checkpoint ({error}); delete it to train from the start") from error
    for key, value in restored.items():
        setattr(state, key, value)
    state.curve = [tuple(point) for point in restored["curve"]]
    for group, stack in stacks.items():
        setattr(state, group, stack)
    for value in state.parameters.values():
        value.requires_grad_(True)
    for stream, position in zip(state.streams, streams, strict=True):
        stream.set_state(position)


def _stack(arrays: dict[str, Tensor], group: str, fresh: Parameters, count: int) -> Parameters:
    """The stored tensors of a group: ``count`` networks, each of the shape of those in ``fresh``."""
    stored = {name: arrays[f"{group}.{name}"] for name in fresh}
    for name, value in fresh.items():
        if stored[name].shape != (count, *value.shape[1:]):
            raise ValueError(f"{group}.{name} is of another network")
    return stored
