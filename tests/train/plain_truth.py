"""One network trained alone, with torch's own parts: the reference that stacked training is compared with.

All training data here have one window, so that every random draw picks the same one.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from dlnet.models.network import initial


def forward(config, p, z, cycles):
    """A liquid Euler student: z (T, C) -> (change at ``cycles``, hidden path (T, n))."""
    n, h, path = config.hidden, torch.zeros(config.hidden), []
    for x in z:
        gate, reversal = torch.split(x @ p["wx"] + h @ p["wh"] + p["b"][0], n)
        gate = torch.sigmoid(gate)
        h = h + gate * (torch.tanh(reversal) - h) - functional.softplus(p["leak"][0]).clamp(max=1) * h
        path.append(h)
    bypass = torch.stack([z[-1, 0] - z[-3, 0], z[-1, 0] - z[-6, 0], z[-1, 0] - z[0, 0]])
    corners = -torch.cumsum(functional.softplus(torch.cat([h, bypass]) @ p["wo"] + p["bo"][0]), 0)
    values = [torch.zeros(())] + list(corners)
    corner_cycles, change = [0, *config.knots], []
    for cycle in cycles:
        k = next(i for i in range(1, len(corner_cycles)) if cycle <= corner_cycles[i])
        share = (cycle - corner_cycles[k - 1]) / (corner_cycles[k] - corner_cycles[k - 1])
        change.append(values[k - 1] + share * (values[k] - values[k - 1]))
    return torch.stack(change), torch.stack(path)


def loss_of(job, training_data, change, path, projection, cycles):
    """alpha x labels + (1 - alpha) x teacher."""
    at = torch.tensor([cycle - 1 for cycle in cycles])
    labels = functional.l1_loss(change, training_data.change[0, at])
    if job.loss == "labels":
        return labels
    target = training_data.teacher[0, at]
    from_teacher = {
        "l1": lambda: functional.l1_loss(change, target),
        "mse": lambda: 5 * functional.mse_loss(change, target),
        "cosine": lambda: 1 - functional.cosine_similarity(change, target, dim=0),
        "hint": lambda: (
            functional.l1_loss(change, target) + 2 * functional.mse_loss(path @ projection, training_data.hint[0])
        ),
    }[job.loss]()
    return job.alpha * labels + (1 - job.alpha) * from_teacher


def learning_rate(plan, step):
    """Linear over ``warmup`` steps, times half a cosine from 1 to ``floor`` over all."""
    wave = (1 + math.cos(math.pi * step / plan.steps)) / 2
    return plan.learning_rate * min(1, (step + 1) / plan.warmup) * (plan.floor + (1 - plan.floor) * wave)


def train_alone(config, job, training_data, plan, cycles, projection=None):
    """Weights after ``plan.steps`` of torch's AdamW with torch's gradient clipping."""
    p = {name: value[0].clone().requires_grad_(True) for name, value in initial(config, [job.seed]).items()}
    learned = list(p.values())
    if projection is not None:
        projection = projection.clone().requires_grad_(True)
        learned.append(projection)
    optimizer = torch.optim.AdamW(learned, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: learning_rate(plan, s) / plan.learning_rate)
    for _ in range(plan.steps):
        change, path = forward(config, p, training_data.z[0], cycles)
        loss = loss_of(job, training_data, change, path, projection, cycles)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, plan.clip)
        optimizer.step()
        schedule.step()
    return {name: value.detach() for name, value in p.items()}


def train_module(net, training_data, plan, cycles):
    """Train a torch module on labels in place: torch's AdamW, schedule and gradient clipping."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: learning_rate(plan, s) / plan.learning_rate)
    at = torch.tensor([cycle - 1 for cycle in cycles])
    for _ in range(plan.steps):
        optimizer.zero_grad()
        functional.l1_loss(net(training_data.z, cycles), training_data.change[:, at]).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), plan.clip)
        optimizer.step()
        schedule.step()
