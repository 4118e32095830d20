"""A GRU as a plain PyTorch module: the reference for the stacked one."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class PlainGru(nn.Module):
    """torch.nn.GRU, torch.nn.Linear and monotone knots with straight lines between."""

    def __init__(self, config, weights):
        """With the weights of one network of a stack."""
        super().__init__()
        self.config = config
        self.gru = nn.GRU(config.channels, config.hidden, batch_first=True)
        self.head = nn.Linear(*weights["wo"].shape)
        with torch.no_grad():
            for name, value in self.gru.named_parameters():
                value.copy_(weights[name].reshape(value.shape))
            self.head.weight.copy_(weights["wo"].T)
            self.head.bias.copy_(weights["bo"][0])

    def forward(self, z, cycles):
        """z (B, T, C) -> change (B, P) at ``cycles``."""
        last, first, knots = z[:, -1], z[:, 0], self.config.knots
        slopes = [last[:, 0] - z[:, -3, 0], last[:, 0] - z[:, -6, 0], last[:, 0] - first[:, 0]]
        bypass = {"none": last[:, :0], "last": torch.cat([last, last - first], 1), "slopes": torch.stack(slopes, 1)}
        output = self.head(torch.cat([self.gru(z)[1][0], bypass[self.config.skip]], 1))
        corners = [torch.zeros(len(z)), *(-torch.cumsum(functional.softplus(output[:, : len(knots)]), 1)).T]
        cycles_of_knots, change = [0, *knots], []
        for cycle in cycles:
            k = next(i for i in range(1, len(cycles_of_knots)) if cycle <= cycles_of_knots[i])
            share = (cycle - cycles_of_knots[k - 1]) / (cycles_of_knots[k] - cycles_of_knots[k - 1])
            change.append(corners[k - 1] + share * (corners[k] - corners[k - 1]))
        level = 2.5 * output[:, len(knots) :] if self.config.level else 0
        return torch.stack(change, 1) + level

    def as_stacked(self):
        """The weights, named and shaped as one network of a stack."""
        weights = {name: value.detach() for name, value in self.gru.named_parameters()}
        weights |= {name: weights[name][None] for name in ("bias_ih_l0", "bias_hh_l0")}
        return weights | {"wo": self.head.weight.detach().T, "bo": self.head.bias.detach()[None]}
