"""A training state on disk, so that a killed run goes on from its last validation and ends with the same weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

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
        ModelError: the file is damaged or of other networks; ``state`` is then as it was.
    """
    arrays, plain = _read(path)
    problem = _problem(arrays, plain, state)
    if problem:
        raise _damaged(path, problem)
    for key in PLAIN:
        setattr(state, key, plain[key])
    state.curve = [tuple(point) for point in plain["curve"]]
    for group in STACKS:
        setattr(state, group, {name: arrays[f"{group}.{name}"] for name in getattr(state, group)})
    for value in state.parameters.values():
        value.requires_grad_(True)
    state.optimizer = _optimizer(state, arrays)
    for m, stream in enumerate(state.streams):
        stream.set_state(arrays[f"stream.{m}"])


def _damaged(path: Path, problem: object) -> ModelError:
    return ModelError(f"{path}: damaged checkpoint ({problem}); delete it to train from the start")


def _read(path: Path) -> tuple[dict[str, Tensor], Any]:
    try:
        with safe_open(str(path), framework="pt") as stored:
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
            return arrays, json.loads((stored.metadata() or {})["state"])
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise _damaged(path, error) from error


def _problem(arrays: dict[str, Tensor], plain: Any, state: State) -> str:
    """What does not fit the networks of ``state``; empty if all does."""
    if not isinstance(plain, dict) or set(plain) != set(PLAIN):
        return "its numbers are missing"
    wanted = {f"best.{name}": tuple(value.shape) for name, value in state.best.items()}
    for name, value in state.parameters.items():
        shape = (len(plain["live"]), *value.shape[1:])
        wanted |= dict.fromkeys((f"parameters.{name}", f"adam.{name}.exp_avg", f"adam.{name}.exp_avg_sq"), shape)
    for name, shape in wanted.items():
        if name not in arrays or tuple(arrays[name].shape) != shape:
            return f"{name} is missing or of another shape"
    streams = [f"stream.{m}" for m in range(len(state.streams))]
    return next((f"{name} is missing" for name in streams if name not in arrays), "")


def _optimizer(state: State, arrays: dict[str, Tensor]) -> torch.optim.AdamW:
    settings = state.optimizer.param_groups[0]
    optimizer = torch.optim.AdamW(
        list(state.parameters.values()), lr=settings["lr"], weight_decay=settings["weight_decay"], foreach=True
    )
    for name, value in state.parameters.items():
        prefix = f"adam.{name}."
        optimizer.state[value] = {
            key.removeprefix(prefix): moment for key, moment in arrays.items() if key.startswith(prefix)
        }
    return optimizer
