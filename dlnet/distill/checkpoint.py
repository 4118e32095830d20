"""A training state on disk, so that a killed run goes on from its last validation and ends with the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from dlnet.errors import ModelError
from dlnet.files import write_tensors

if TYPE_CHECKING:
    from dlnet.distill.loop import State

PLAIN = ("live", "best_error", "best_step", "stale", "step", "curve")
STACKS = ("parameters", "best")


def save(path: Path, state: State) -> None:
    """Write ``state`` whole or not at all."""
    arrays: dict[str, np.ndarray] = {}
    for group in STACKS:
        arrays |= {f"{group}.{name}": value.detach().numpy() for name, value in getattr(state, group).items()}
    for name, value in state.parameters.items():
        arrays |= {f"adam.{name}.{key}": moment.numpy() for key, moment in state.optimizer.state[value].items()}
    arrays |= {f"stream.{m}": stream.get_state().numpy() for m, stream in enumerate(state.streams)}
    plain = {key: getattr(state, key) for key in PLAIN}
    write_tensors(path, arrays, {"state": json.dumps(plain)})


def restore(path: Path, state: State) -> None:
    """Bring a fresh ``state`` to where the saved one stood.

    Raises:
        ModelError: the file is damaged or of another shape.
    """
    try:
        with safe_open(str(path), framework="pt") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
            plain = json.loads(stored.metadata()["state"])
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: damaged checkpoint ({error}); delete it to train from the start") from error
    for key in PLAIN:
        setattr(state, key, plain[key])
    state.curve = [tuple(point) for point in plain["curve"]]
    state.best_error = [float(value) for value in plain["best_error"]]
    for group in STACKS:
        names = getattr(state, group)
        setattr(state, group, {name: arrays[f"{group}.{name}"] for name in names})
    for value in state.parameters.values():
        value.requires_grad_(True)
    settings = state.optimizer.param_groups[0]
    state.optimizer = torch.optim.AdamW(
        list(state.parameters.values()),
        lr=settings["lr"],
        weight_decay=settings["weight_decay"],
        foreach=True,
    )
    for name, value in state.parameters.items():
        prefix = f"adam.{name}."
        state.optimizer.state[value] = {
            key.removeprefix(prefix): moment for key, moment in arrays.items() if key.startswith(prefix)
        }
    for m, stream in enumerate(state.streams):
        stream.set_state(arrays[f"stream.{m}"])
