"""A gated recurrent unit on the nets' own inputs, with their head and loss: what the liquid cell has to beat."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from dlnet.baselines.summaries import mae
from dlnet.config.baselines import GruParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Singles, WindowDataset
from dlnet.models.network import LEVEL_UNIT, knot_basis

WARMUP = 60  # steps until the learning rate is at its peak
POINTS = 20  # cycles ahead in the loss
CLIP = 1.0  # largest norm of the gradient
BATCH = 2048  # windows a product in prediction

Curve = list[tuple[int, float, float]]


class GruNet(nn.Module):
    """GRU (Cho et al. 2014) and a head of monotone knots, as the liquid networks have it.

    The head sees the last state, the last step and its difference from the first.
    """

    def __init__(self, channels: int, hidden: int, knots: tuple[int, ...], level: bool) -> None:
        super().__init__()
        self.knots = knots
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.head = nn.Linear(hidden + 2 * channels, len(knots) + level)
        nn.init.normal_(self.head.weight, std=0.3 / hidden**0.5)
        nn.init.constant_(self.head.bias, -2.0)
        with torch.no_grad():
            self.head.weight[len(knots) :] = 0
            self.head.bias[len(knots) :] = 0

    def forward(self, z: Tensor, basis: Tensor) -> Tensor:
        """z (B, T, C), basis (knots, P) -> change of SoH (B, P) in units of ``delta_scale``."""
        state = self.gru(z)[1][-1]
        output = self.head(torch.cat([state, z[:, -1], z[:, -1] - z[:, 0]], dim=1))
        falls = functional.softplus(output[:, : len(self.knots)])
        change = -torch.cumsum(falls, dim=1) @ basis
        level = output[:, len(self.knots) :]
        return change + level * LEVEL_UNIT if level.shape[1] else change


def gru_parameters(channels: int, hidden: int, outputs: int) -> int:
    """Numbers in a ``GruNet``: three gates of input, recurrent and two bias terms; and the head."""
    return 3 * hidden * (channels + hidden + 2) + (hidden + 2 * channels + 1) * outputs


def widest(channels: int, outputs: int, parameters: int) -> int:
    """Most neurons (at least one) with at most so many parameters."""
    hidden = 1
    while gru_parameters(channels, hidden + 1, outputs) <= parameters:
        hidden += 1
    return hidden


@dataclass(frozen=True)
class Gru:
    """A trained GRU.

    Attributes:
        curve: (step, training loss, validation MAE in SoH) at each check.
    """

    net: GruNet
    encoder: Encoder
    chosen: dict[str, Any]
    curve: Curve

    @property
    def uses_capacity(self) -> bool:
        """Whether the SoH of past cycles is an input."""
        return self.encoder.track == "capacity"

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return sum(value.numel() for value in self.net.parameters())

    @property
    def bytes(self) -> int:
        """Four a parameter."""
        return 4 * self.parameters

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) SoH."""
        z = torch.from_numpy(self.encoder.encode(dataset, ends))
        change = _changes(self.net, z, self.encoder.horizon)
        return np.asarray(
            change * np.float32(self.encoder.delta_scale) + self.encoder.anchor(dataset, ends), np.float32
        )


def _changes(net: GruNet, z: Tensor, horizon: int) -> Singles:
    basis = knot_basis(net.knots, np.arange(1, horizon + 1))
    with torch.no_grad():
        parts = [net(part, basis) for part in torch.split(z, BATCH)]
    return np.asarray(torch.cat(parts).numpy())


@dataclass(frozen=True)
class _Data:
    z: Tensor
    change: Tensor
    validation_z: Tensor
    validation_change: Singles


def _data(dataset: WindowDataset, encoder: Encoder, task: TaskParams) -> _Data:
    train, validation = dataset.windows("train", task.stride_train), dataset.windows("validation", task.stride_eval)

    def change(ends: Ends) -> Singles:
        return (dataset.targets(ends) - encoder.anchor(dataset, ends)) / np.float32(encoder.delta_scale)

    return _Data(
        torch.from_numpy(encoder.encode(dataset, train)),
        torch.from_numpy(change(train)),
        torch.from_numpy(encoder.encode(dataset, validation)),
        change(validation),
    )


def fit_gru(
    dataset: WindowDataset, encoder: Encoder, task: TaskParams, params: GruParams, seed: int, name: str = "gru"
) -> Gru:
    """Train with the nets' recipe: L1 loss, feature noise, AdamW, early stop on validation windows.

    Args:
        params: how large, how long. seed: of weights, batches and noise. name: on the progress bar.
    """
    channels, level = len(encoder.channels), encoder.track == "charge"
    hidden = widest(channels, len(encoder.knots) + level, params.parameters)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = GruNet(channels, hidden, encoder.knots, level)
        curve = _train(net, _data(dataset, encoder, task), encoder, task, params, name)
    step, _, error = min(curve, key=lambda check: check[2])
    return Gru(net, encoder, {"hidden": hidden, "steps": step, "mae_validation": error}, curve)


def _train(net: GruNet, data: _Data, encoder: Encoder, task: TaskParams, params: GruParams, name: str) -> Curve:
    """Train in place; the weights with the least validation error are left in the net."""
    plan, ahead = params.training, np.unique(np.linspace(1, encoder.horizon, POINTS).round().astype(int))
    basis, columns = knot_basis(encoder.knots, ahead), torch.from_numpy(ahead - 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        plan.learning_rate,
        plan.steps,
        pct_start=min(0.5, WARMUP / plan.steps),
        cycle_momentum=False,
    )
    curve: Curve = []
    best, kept, running = np.inf, deepcopy(net.state_dict()), []
    bar = tqdm(range(1, plan.steps + 1), desc=name, unit="step", leave=False)
    for step in bar:
        picked = torch.randint(len(data.z), (plan.batch,))
        z = _noisy(data.z[picked], encoder.feature_channels, task.channels.noise)
        loss = functional.l1_loss(net(z, basis), data.change[picked][:, columns])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        running.append(loss.item())
        if step % plan.check and step < plan.steps:
            continue
        error = encoder.delta_scale * mae(_changes(net, data.validation_z, encoder.horizon), data.validation_change)
        curve.append((step, float(np.mean(running)), error))
        running.clear()
        if error < best:
            best, kept = error, deepcopy(net.state_dict())
        elif len(curve) - 1 - int(np.argmin([check[2] for check in curve])) >= plan.patience:
            break
    bar.close()
    net.load_state_dict(kept)
    return curve


def _noisy(z: Tensor, features: slice, noise: float) -> Tensor:
    """A constant shift of each feature a window, so that the net does not lean on one cell's sensor."""
    if noise:
        z[:, :, features] += noise * torch.randn(len(z), 1, features.stop - features.start)
    return z
