"""Rows of weights as words, in the order in which the engine reads them (docs/firmware.md, "Layout of a model")."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlnet.export.layout import Affine, Spec

BLOCK_WORDS = 4  # consecutive words of a row; dlnet_arith.h loads them with one instruction

Words = list[int]


def step_stream(spec: Spec) -> Words:
    """The cell's rows as the engine reads them, two at a time: a neuron's gate and target, or two neurons' gates."""
    n, part = spec.hidden, spec.step
    blocks = [part.weights] if spec.inner is not None else _state_first(spec, part)
    words: Words = []
    if spec.reversal is None:
        for i in range(n):
            words += _pair(part, blocks, i, n + i)
            words.append(int(part.shift[i]) - 32 | (int(part.shift[n + i]) - 32) << 8 | _half(spec.rate[i]) << 16)
        return words
    for i in range(0, n, 2):
        j = i + 1 if i + 1 < n else None
        words += _pair(part, blocks, i, j)
        words.append(_shifts(part, i, j))
        for constants in (spec.rate, spec.reversal):
            words.append(_half(constants[i]) | (_half(constants[j]) << 16 if j is not None else 0))
    return words


def inner_stream(spec: Spec) -> Words:
    """Rows of the cell's first factor, two at a time; none of full rank."""
    return [] if spec.inner is None else _rows(spec.inner, _state_first(spec, spec.inner), range(spec.rank))


def gate_stream(spec: Spec) -> Words:
    """The gate's rows, two at a time; none of one branch."""
    return [] if spec.gate is None else _rows(spec.gate, _state_first(spec, spec.gate), range(spec.branches))


def head_stream(spec: Spec) -> Words:
    """The head's rows as the engine reads them, two at a time, branch by branch: streams of one length."""
    blocks = [spec.head.weights[:, : spec.hidden], spec.head.weights[:, spec.hidden :]]
    starts = range(0, len(spec.head.bias), spec.outputs)
    return [word for start in starts for word in _rows(spec.head, blocks, range(start, start + spec.outputs))]


def _state_first(spec: Spec, part: Affine) -> list[np.ndarray]:
    """Weights on the state, then on the inputs: the order of the engine's vector."""
    return [part.weights[:, spec.channels :], part.weights[:, : spec.channels]]


def _rows(part: Affine, blocks: list[np.ndarray], rows: range) -> Words:
    words: Words = []
    for i in rows[::2]:
        j = i + 1 if i + 1 in rows else None
        words += [*_pair(part, blocks, i, j), _shifts(part, i, j)]
    return words


def _pair(part: Affine, blocks: list[np.ndarray], i: int, j: int | None) -> Words:
    """Biases, the two rows block by block, multipliers; a row that is missing is all zero."""
    rows = (i,) if j is None else (i, j)
    none = [0] * (2 - len(rows))
    words = [int(part.bias[row]) // part.unit & 0xFFFFFFFF for row in rows] + none
    size, packed = (BLOCK_WORDS, _packed) if part.bits == 8 else (1, _packed_nibbles)
    for block in blocks:
        chosen = [packed(block[row] // part.unit) for row in rows] + [packed(0 * block[0]) for _ in none]
        for start in range(0, len(chosen[0]), size):
            words += chosen[0][start : start + size] + chosen[1][start : start + size]
    return words + [int(part.multiplier[row]) for row in rows] + none


def _packed(row: np.ndarray) -> Words:
    """Weights as words of two int16, the even one in the low half."""
    padded = np.append(row.astype(np.int64), np.zeros(len(row) % 2, np.int64)) & 0xFFFF
    return [int(low) | int(high) << 16 for low, high in zip(padded[::2], padded[1::2], strict=True)]


def _packed_nibbles(row: np.ndarray) -> Words:
    """Weights of 4 bits plus 8, eight a word: nibble k of the low half is weight 2k, of the high half 2k + 1."""
    padded = np.append(row.astype(np.int64), np.zeros(-len(row) % 8, np.int64)).reshape(-1, 4, 2) + 8
    shifts = 4 * np.arange(4)[:, None] + np.array([0, 16])
    return [int(word) for word in (padded << shifts).sum(axis=(1, 2))]


def _shifts(part: Affine, i: int, j: int | None) -> int:
    return int(part.shift[i]) - 32 | ((int(part.shift[j]) - 32 if j is not None else 1) << 8)


def _half(value: Any) -> int:
    return int(value) & 0xFFFF


def skip_events(spec: Spec) -> list[int]:
    """(step, slot, channel) of each early value that a skip input is a difference from, by step; ends with 255."""
    events = sorted((spec.steps - 1 - lag, slot, channel) for slot, (channel, lag) in enumerate(spec.skip) if lag)
    return [number for event in events for number in event] + [255]
