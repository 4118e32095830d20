"""Rows of the header, read back number by number in the layout of docs/firmware.md."""

from dataclasses import replace

import numpy as np
import pytest
from firmware_models import SHAPES, shaped

from dlnet.errors import ModelError
from dlnet.firmware.header import header
from dlnet.firmware.random_model import random_model
from dlnet.firmware.streams import gate_stream, head_stream, inner_stream, step_stream
from dlnet.models.precision import Precision


def signed(number, bits):
    return number - (1 << bits) if number >> (bits - 1) else number


class Reader:
    """A stream of words, read from front to back."""

    def __init__(self, words):
        self.words, self.at = words, 0

    def next(self):
        self.at += 1
        return self.words[self.at - 1]

    def weights(self, bits, widths):
        """Two rows of weights over vectors of ``widths`` int16, with the zeros that fill up words."""
        rows = ([], [])
        for width in widths:
            words = -(-width // 2)
            for start in range(0, words, 4):
                count = min(4, words - start)
                for row in rows:
                    row.extend(self._wide(count) if bits == 8 else self._nibbles(count))
        return rows

    def _wide(self, count):
        return [signed(word >> place & 0xFFFF, 16) for word in (self.next() for _ in range(count)) for place in (0, 16)]

    def _nibbles(self, count):
        word = self.next()
        return [(word >> (4 * k + place) & 15) - 8 for k in range(count) for place in (0, 16)]


def filled(block, unit):
    """A row's numbers over one vector, in units, filled up to whole words."""
    values = [int(value) // unit for value in block]
    return values + [0] * (len(values) % 2)


def check_pair(reader, part, rows, blocks):
    """Biases, weights, multipliers and shifts of two rows (the second None where there is none)."""
    unit = 16 if part.bits == 4 else 1
    biases = [signed(reader.next(), 32) for _ in rows]
    assert biases == [0 if row is None else part.bias[row] // unit for row in rows]
    found = reader.weights(part.bits, [block.stop - block.start for block in blocks])
    for row, weights in zip(rows, found, strict=True):
        expected = [filled([0] * (b.stop - b.start) if row is None else part.weights[row, b], unit) for b in blocks]
        assert weights == [value for block in expected for value in block]
    assert [reader.next() for _ in rows] == [0 if row is None else part.multiplier[row] for row in rows]
    shifts = reader.next()
    for k, row in enumerate(rows):
        assert shifts >> (8 * k) & 0xFF == (1 if row is None else part.shift[row] - 32)
    return shifts


def in_twos(count):
    return [(i, i + 1 if i + 1 < count else None) for i in range(0, count, 2)]


@pytest.fixture(params=SHAPES)
def spec(request):
    return shaped(request.param).spec


def state_then_inputs(spec):
    c = spec.channels
    return [slice(c, c + spec.hidden), slice(0, c)]


def test_rows_of_the_cell(spec):
    reader, n = Reader(step_stream(spec)), spec.hidden
    blocks = [slice(0, spec.rank)] if spec.rank else state_then_inputs(spec)
    pairs = [(i, n + i) for i in range(n)] if spec.reversal is None else in_twos(n)
    for pair in pairs:
        shifts = check_pair(reader, spec.step, pair, blocks)
        if spec.reversal is None:
            assert signed(shifts >> 16, 16) == spec.rate[pair[0]]
            continue
        for constants in (spec.rate, spec.reversal):
            word = reader.next()
            halves = [signed(word >> place & 0xFFFF, 16) for place in (0, 16)]
            assert halves == [0 if row is None else constants[row] for row in pair]
    assert reader.at == len(reader.words)


@pytest.mark.parametrize(("name", "stream"), [("inner", inner_stream), ("gate", gate_stream)])
def test_rows_of_the_first_factor_and_of_the_gate(spec, name, stream):
    reader, part = Reader(stream(spec)), getattr(spec, name)
    for pair in in_twos(0 if part is None else len(part.bias)):
        check_pair(reader, part, pair, state_then_inputs(spec))
    assert reader.at == len(reader.words)


def test_rows_of_the_heads_branch_by_branch(spec):
    reader, n = Reader(head_stream(spec)), spec.hidden
    blocks = [slice(0, n), slice(n, n + len(spec.skip))]
    for branch in range(spec.branches):
        start = branch * spec.outputs
        assert reader.at * spec.branches == branch * len(reader.words)
        for i, j in in_twos(spec.outputs):
            check_pair(reader, spec.head, (start + i, None if j is None else start + j), blocks)
    assert reader.at == len(reader.words)


def test_4_bits_take_a_quarter_of_the_words_of_weights():
    # 13 neurons and 16 inputs: 7 + 8 words of a vector, so 15 words a row of 8 bits, 2 + 2 of 4 bits; 5 beside a pair.
    wide, narrow = (random_model(precision=Precision.of(bits)).spec for bits in (8, 4))
    assert len(step_stream(wide)) == 13 * (2 * 15 + 5)
    assert len(step_stream(narrow)) == 13 * (2 * 4 + 5)


def test_every_weight_of_4_bits_has_its_place():
    spec = random_model(hidden=2, features=1, relative=0, precision=Precision(step=4)).spec
    for row, column in np.ndindex(spec.step.weights.shape):
        weights = spec.step.weights.copy()
        weights[row, column] += 16 if weights[row, column] < 0 else -16
        changed = replace(spec, step=replace(spec.step, weights=weights))
        apart = [a ^ b for a, b in zip(step_stream(spec), step_stream(changed), strict=True)]
        assert sum(word != 0 for word in apart) == 1


@pytest.mark.parametrize("size", ["hidden", "branches", "rank"])
def test_a_model_too_large_for_the_engine_is_refused(size):
    model = random_model(**{"hidden": 1, "features": 1, "relative": 0, size: 255})
    part, rows = {"hidden": ("step", 256), "branches": ("gate", 256), "rank": ("inner", 256)}[size]
    header(model)
    spec = model.spec
    if size == "hidden":
        larger = replace(spec, rate=np.zeros(rows, np.int16))
    else:
        one = getattr(spec, part)
        larger = replace(spec, **{part: replace(one, bias=np.zeros(rows, np.int32))})
    with pytest.raises(ModelError, match=f"{size} is 256; the firmware engine holds at most 255"):
        header(replace(model, spec=larger))
