"""Several heads on one trunk, and a gate that assigns each window to one of them.

In training heads are mixed by softmax shares (Jacobs et al. 1991); on a device only the head with the largest score
runs. Two terms of the loss keep both alike: one rewards an even use of the heads, the other shares near 0 or 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

BALANCE = 0.05  # weight of the even spread
CLARITY = 0.05  # with much less, heads are right only as a mixture, and the single head used on a device is wrong


def mix(every: Tensor, shares: Tensor) -> Tensor:
    """Mean of the outputs of all heads, weighted by their shares: (M, B, K outputs), (M, B, K) -> (M, B, outputs)."""
    return (every.reshape(*shares.shape, -1) * shares[..., None]).sum(2)


def pick(every: Tensor, scores: Tensor) -> Tensor:
    """Outputs of the head with the largest score, the first of equals: (M, B, K outputs), (M, B, K) -> as ``mix``."""
    by_head = every.reshape(*scores.shape, -1)
    chosen = scores.argmax(dim=2)[..., None, None].expand(*every.shape[:2], 1, by_head.shape[3])
    return by_head.gather(2, chosen).squeeze(2)


def penalty(shares: Tensor) -> Tensor:
    """Penalty for uneven and for undecided shares: (M, B, K) -> (M,).

    ``K sum_k f_k P_k`` with f_k the part of the windows that would be routed to head k and P_k its mean share (Fedus
    et al. 2022, eq. 4; 1 where all are used alike), and the mean entropy of the shares.
    """
    count = shares.shape[2]
    routed = torch.nn.functional.one_hot(shares.argmax(dim=2), count).to(shares.dtype).mean(1)
    balance = count * (routed * shares.mean(1)).sum(1)
    entropy = -(shares * shares.clamp(min=1e-9).log()).sum(2).mean(1)
    return BALANCE * balance + CLARITY * entropy


def usage(scores: Tensor) -> Tensor:
    """Part of the windows that is routed to each head, by scores or shares: (M, B, K) -> (M, K)."""
    return torch.nn.functional.one_hot(scores.argmax(dim=2), scores.shape[2]).double().mean(1)
