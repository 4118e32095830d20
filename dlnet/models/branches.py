"""Several heads on one trunk, and a gate that shares a window out among them.

In training heads are mixed by softmax shares (Jacobs et al. 1991); on a device only the head with the largest score
runs. Two terms keep the two alike: one asks that windows be spread over the heads, one that each share be clear.
"""

from __future__ import annotations

import torch
from torch import Tensor

BALANCE = 0.05  # weight of the even spread
CLARITY = 0.05  # much less, and heads learn to be right together only: the one that then speaks alone is wrong


def mix(every: Tensor, shares: Tensor) -> Tensor:
    """Outputs of all heads to one, by their shares: (M, B, K outputs), (M, B, K) -> (M, B, outputs)."""
    return (every.reshape(*shares.shape, -1) * shares[..., None]).sum(2)


def pick(every: Tensor, scores: Tensor) -> Tensor:
    """Outputs of the head of the largest score, of equals the first: (M, B, K outputs), (M, B, K) -> as ``mix``."""
    apart = every.reshape(*scores.shape, -1)
    chosen = scores.argmax(dim=2)[..., None, None].expand(*every.shape[:2], 1, apart.shape[3])
    return apart.gather(2, chosen).squeeze(2)


def penalty(shares: Tensor) -> Tensor:
    """What uneven and unclear shares cost: (M, B, K) -> (M,).

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
