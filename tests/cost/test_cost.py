"""The cost model against counts of compiled kernels, cases worked by hand, and monotonicity."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dlnet.cost.device import (
    CELLS,
    CODE_BYTES,
    INSTRUCTIONS,
    STACK_BYTES,
    UNITS,
    ModelShape,
    model_cost,
    ram_bytes,
    stored_bytes,
)
from dlnet.cost.energy import grid_intensity
from dlnet.errors import ModelError
from dlnet.models.precision import Precision

CAPACITY = ModelShape(inputs=16, hidden=13, cell="liquid", substeps=1, steps=10, skip=3, outputs=6)
FOUR = Precision.of(4)
CHARGE = ModelShape(inputs=19, hidden=13, cell="liquid", substeps=1, steps=10, skip=38, outputs=7, cycle_inputs=11)

# Counted by ``make fit``: the firmware's engine, GCC 12.2 with the board's flags, run in an emulator (unicorn): shape,
# then instructions, cycles with the flash cache off, flash of engine and model, a monitor and the deepest stack.
COUNTS = [
    (replace(CAPACITY, hidden=2), (3171, 11826, 2836, 1324)),
    (replace(CAPACITY, hidden=8), (8733, 35436, 3788, 1356)),
    (CAPACITY, (14424, 60662, 4872, 1380)),
    (replace(CAPACITY, hidden=16), (17680, 75439, 5480, 1388)),
    (replace(CAPACITY, hidden=20), (22920, 99455, 6528, 1404)),
    (replace(CAPACITY, hidden=32), (40874, 184803, 10432, 1452)),
    (replace(CAPACITY, hidden=48), (71108, 333307, 17424, 1524)),
    (replace(CHARGE, hidden=8), (10075, 41473, 4880, 1644)),
    (CHARGE, (16085, 68344, 6076, 1668)),
    (replace(CHARGE, hidden=20), (25009, 109361, 7868, 1692)),
    (replace(CAPACITY, steps=20, window=100), (27614, 116994, 4872, 2296)),
    (replace(CAPACITY, substeps=4), (53333, 228237, 4876, 1380)),
    (replace(CAPACITY, outputs=10), (14688, 61616, 5080, 1412)),
    (replace(CAPACITY, outputs=5, horizon=300), (15782, 65373, 4868, 1372)),
    (replace(CAPACITY, inputs=6, cycle_inputs=5), (12631, 50861, 4272, 892)),
    (replace(CAPACITY, inputs=5, cycle_inputs=4), (12631, 50901, 4276, 780)),
    (replace(CAPACITY, inputs=19, cycle_inputs=11), (15245, 64921, 5120, 1612)),
    (replace(CAPACITY, skip=0), (14285, 60165, 4688, 1360)),
    (replace(CAPACITY, steps=25, outputs=10, horizon=50, window=125), (34123, 144914, 5080, 2804)),
    (replace(CAPACITY, hidden=2, cell="ltc"), (2531, 9020, 2288, 1324)),
    (replace(CAPACITY, hidden=8, cell="ltc"), (5863, 22438, 2892, 1356)),
    (replace(CAPACITY, cell="ltc"), (9724, 38780, 3624, 1380)),
    (replace(CAPACITY, hidden=16, cell="ltc"), (11050, 44583, 3896, 1388)),
    (replace(CAPACITY, hidden=20, cell="ltc"), (14030, 57653, 4504, 1404)),
    (replace(CAPACITY, hidden=32, cell="ltc"), (24084, 103593, 6704, 1452)),
    (replace(CAPACITY, hidden=48, cell="ltc"), (40638, 182047, 10528, 1524)),
    (replace(CHARGE, hidden=8, cell="ltc"), (6965, 27217, 3916, 1644)),
    (replace(CHARGE, cell="ltc"), (11025, 44456, 4728, 1668)),
    (replace(CHARGE, hidden=20, cell="ltc"), (15520, 64398, 5680, 1692)),
    (replace(CAPACITY, cell="ltc", steps=20, window=100), (18214, 73194, 3624, 2296)),
    (replace(CAPACITY, cell="ltc", substeps=4), (34533, 140533, 3628, 1380)),
    (replace(CAPACITY, cell="ltc", outputs=10), (9988, 39734, 3832, 1412)),
    (replace(CAPACITY, cell="ltc", outputs=5, horizon=300), (11082, 43415, 3616, 1372)),
    (replace(CAPACITY, inputs=6, cell="ltc", cycle_inputs=5), (8711, 33353, 3264, 892)),
    (replace(CAPACITY, inputs=5, cell="ltc", cycle_inputs=4), (8711, 33417, 3268, 780)),
    (replace(CAPACITY, inputs=19, cell="ltc", cycle_inputs=11), (10185, 41115, 3776, 1612)),
    (replace(CAPACITY, cell="ltc", skip=0), (9585, 38283, 3436, 1360)),
    (replace(CAPACITY, cell="ltc", steps=25, outputs=10, horizon=50, window=125), (22373, 90154, 3832, 2804)),
    (replace(CAPACITY, branches=2), (14495, 61016, 5544, 1420)),
    (replace(CAPACITY, branches=4), (14575, 61387, 6272, 1432)),
    (replace(CHARGE, hidden=24, branches=2), (30816, 136879, 10704, 1748)),
    (replace(CAPACITY, rank=3), (10704, 40112, 3924, 1388)),
    (replace(CAPACITY, rank=6), (11704, 45218, 4176, 1388)),
    (replace(CHARGE, hidden=20, rank=8), (19109, 75589, 6168, 1708)),
    (replace(CAPACITY, hidden=8, precision=FOUR), (11570, 38915, 3428, 1356)),
    (replace(CAPACITY, precision=FOUR), (19685, 66688, 3992, 1380)),
    (replace(CAPACITY, hidden=32, precision=FOUR), (59175, 202428, 6164, 1452)),
    (replace(CHARGE, precision=FOUR), (22222, 75843, 4896, 1668)),
    (replace(CAPACITY, precision=Precision(head=4)), (14535, 60854, 4896, 1380)),
    (replace(CAPACITY, precision=Precision(step=4)), (19574, 66496, 3968, 1380)),
    (replace(CAPACITY, branches=3, rank=6, precision=FOUR), (15184, 51200, 4960, 1440)),
    (replace(CAPACITY, cell="ltc", branches=4), (9873, 39483, 5024, 1432)),
    (replace(CAPACITY, cell="ltc", rank=6), (9264, 35312, 3504, 1388)),
    (replace(CAPACITY, cell="ltc", precision=FOUR), (12635, 42386, 3272, 1380)),
    (replace(CHARGE, cell="ltc", precision=FOUR), (14512, 49077, 4124, 1668)),
    (replace(CAPACITY, cell="ltc", branches=3, rank=6, precision=FOUR), (11924, 40002, 4392, 1440)),
]


@pytest.mark.parametrize(("shape", "counted"), COUNTS)
def test_figures_agree_with_the_counts(shape, counted):
    cost = model_cost(shape, 0)
    assert cost.instructions == pytest.approx(counted[0], rel=0.025)
    assert cost.cycles == pytest.approx(counted[1], rel=0.025)
    assert cost.flash_bytes == pytest.approx(counted[2], rel=0.02)
    assert cost.ram_bytes == pytest.approx(counted[3], rel=0.02)


def test_parameters_of_the_published_recipes():
    assert (CAPACITY.parameters, CHARGE.parameters) == (13 * 2 * 30 + 13 + 6 * 17, 13 * 2 * 33 + 13 + 7 * 52)


def test_parameters_of_a_strict_ltc():
    # 13 rows of 16 + 13 weights and a bias, 13 leak rates, 13 reversal potentials, 6 rows of 13 + 3 and a bias.
    assert replace(CAPACITY, cell="ltc").parameters == 13 * 30 + 26 + 6 * 17


TINY = ModelShape(inputs=1, hidden=2, cell="liquid", substeps=1, steps=1, skip=0, outputs=1, horizon=1)


def test_a_tiny_student_by_hand():
    cost = model_cost(TINY, grid_g_per_kwh=360.0, clock_mhz=64.0)
    # One word each of state, inputs; a block of one word is 4 instructions. Two neurons: two pairs; the head: one.
    w = INSTRUCTIONS
    parts = 2 * (4 + 4) + 4 + 2 * w.liquid + w.state_word + w.input_word + w.step + w.output + w.point + 2 * w.start
    assert cost.instructions == round(parts)
    stored = 4 * (2 * (5 + 2 * 2) + (5 + 2)) + 3 * 514 + 6
    assert cost.flash_bytes == stored + round(CODE_BYTES["fixed"] + 12 * CODE_BYTES["dot"] + CODE_BYTES["state_word"])
    stack = 4 * (2 + 1 + 1) + STACK_BYTES["fixed"] + STACK_BYTES["output"] + STACK_BYTES["step"]
    assert cost.ram_bytes == round(8 + 4 * 9 * 28 + stack)
    assert (cost.parameters, cost.bytes_float32) == (4 * 4 + 2 + 3, 84)
    assert cost.ms_modelled == pytest.approx(cost.cycles / 64_000, rel=0.01)


def test_tiny_branches_of_low_rank_by_hand():
    shape = replace(TINY, branches=2, rank=1, precision=Precision(inner=4, step=8, gate=4, head=4))
    cost, w = model_cost(shape, grid_g_per_kwh=360.0), INSTRUCTIONS
    # All vectors are of one word: 4 instructions of two rows in 8 bits, 7 in 4. The step reads one (rank), inner and
    # gate two (state and inputs), the one head that runs one (state).
    wide, narrow = 2 * 4, (7 + 7) + (7 + 7) + 7
    plain = 2 * w.liquid + w.state_word + w.input_word + w.step + w.output + w.point + 2 * w.start
    offsets = 3 * w.nibble_offset + 5 * w.nibble_offset_word
    assert cost.instructions == round(wide + narrow + plain + w.inner + w.gate + offsets)
    # Words: two pairs of the step, then inner and gate, then two heads; in 4 bits a word holds up to eight weights.
    stored = 4 * (2 * (5 + 2) + 2 * (5 + 2 * 2) + 2 * (5 + 2)) + 3 * 514 + 6
    code = {"fixed": 1, "dot": 4, "nibble": narrow, "state_word": 1, "inner": 1, "gate": 1, "narrow": 3}
    assert cost.flash_bytes == round(stored + sum(CODE_BYTES[name] * count for name, count in code.items()))
    stack = 4 * (2 + 1 + 1 + 1) + sum(STACK_BYTES.values())
    assert cost.ram_bytes == round(8 + 4 * 9 * 28 + stack)
    # 1 x 3 and 4 x 1 weights, 4 biases, 2 leak rates; 2 rows of the gate of 3 + 1; 2 heads of 2 + 1.
    assert cost.parameters == 3 + 4 + 4 + 2 + 2 * 4 + 2 * 3


def test_4_bits_of_long_rows_by_hand():
    # 13 neurons, 16 inputs: 7 and 8 words. Of two rows in 8 bits: 20 and 22 instructions, 15 words a row; in 4 bits
    # 34 and 38, 2 + 2 words a row. 13 pairs, 10 steps.
    wide, narrow = (model_cost(replace(CAPACITY, precision=Precision(step=bits)), 0) for bits in (8, 4))
    more = 130 * (34 + 38 - 20 - 22) + 130 * INSTRUCTIONS.nibble_offset + 10 * 15 * INSTRUCTIONS.nibble_offset_word
    assert narrow.instructions - wide.instructions == pytest.approx(more, abs=1)
    code = CODE_BYTES["nibble"] * 72 - CODE_BYTES["dot"] * 42 + CODE_BYTES["narrow"]
    assert narrow.flash_bytes - wide.flash_bytes == pytest.approx(-4 * 13 * 2 * 11 + code, abs=1)
    assert narrow.parameters == wide.parameters


def test_energy_is_that_of_the_data_sheet():
    # 52 uA/MHz at 64 MHz and 3 V is 9.984 mW.
    cost = model_cost(CAPACITY, grid_g_per_kwh=360.0)
    assert cost.energy_uj == pytest.approx(9.984 * cost.ms_modelled)


def test_energy_does_not_depend_on_the_clock():
    slow = model_cost(CAPACITY, 360.0, clock_mhz=16.0)
    assert slow.energy_uj == model_cost(CAPACITY, 360.0, clock_mhz=64.0).energy_uj


def test_co2_is_energy_times_grid():
    # 1 kWh is 3.6e6 J, so at 360 g/kWh a joule is 100 ug.
    cost = model_cost(CAPACITY, grid_g_per_kwh=360.0)
    assert cost.co2_ug == pytest.approx(cost.energy_uj * 1e-6 * 100)


def test_zeros_inside_a_dense_matrix_save_nothing():
    pruned = model_cost(replace(CAPACITY, nonzeros=400), 360.0)
    assert pruned == replace(model_cost(CAPACITY, 360.0), nonzero_parameters=400)


def test_every_column_has_a_unit():
    assert model_cost(CAPACITY, 360.0).as_row().keys() == UNITS.keys()


SHAPES = st.builds(
    ModelShape,
    inputs=st.integers(1, 20),
    hidden=st.integers(1, 40),
    cell=st.sampled_from(sorted(CELLS)),
    substeps=st.integers(1, 4),
    steps=st.integers(1, 30),
    skip=st.integers(0, 40),
    outputs=st.integers(1, 12),
    horizon=st.integers(1, 200),
    branches=st.integers(1, 9),
    rank=st.integers(0, 12),
    precision=st.builds(Precision, *[st.sampled_from([4, 8])] * 4),
)
SIZES = ("inputs", "hidden", "substeps", "steps", "skip", "outputs", "horizon", "branches", "rank")


@given(SHAPES, st.sampled_from(SIZES), st.integers(1, 9))
def test_more_of_anything_is_never_cheaper(shape, size, more):
    assume(size != "rank" or shape.rank)  # 0 is full rank
    larger = replace(shape, **{size: getattr(shape, size) + more})
    small, large = (model_cost(s, 360.0).as_row() for s in (shape, larger))
    assert all(large[column] >= small[column] for column in UNITS)


@given(SHAPES, st.sampled_from(["inner", "step", "gate", "head"]))
def test_4_bits_never_take_more_constants_nor_other_memory(shape, part):
    wide, narrow = (replace(shape, precision=replace(shape.precision, **{part: bits})) for bits in (8, 4))
    assert stored_bytes(narrow) <= stored_bytes(wide)
    assert ram_bytes(narrow) == ram_bytes(wide)


@given(SHAPES)
def test_two_more_neurons_cost_flash_and_time(shape):
    small, large = (model_cost(s, 360.0) for s in (shape, replace(shape, hidden=shape.hidden + 2)))
    assert large.flash_bytes > small.flash_bytes
    assert large.instructions > small.instructions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "ltc2"}, "'ltc2' has no integer form; known: liquid, ltc"),
        ({"hidden": 0}, "hidden of a student is 0"),
        ({"skip": -1}, "skip of a student is -1"),
        ({"rank": -1}, "rank of a student is -1"),
        ({"branches": 0}, "branches of a student is 0"),
        ({"nonzeros": 896}, "between 0 and 895"),
    ],
)
def test_impossible_shapes_are_rejected(change, message):
    with pytest.raises(ModelError, match=message):
        replace(CAPACITY, **change)


def test_the_table_in_the_documentation_is_that_of_the_model():
    text = (Path(__file__).parents[2] / "docs" / "selection.md").read_text()
    rows = re.findall(r"^\| (liquid|ltc) \| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == 7
    for cell, hidden, figures in rows:
        cost = model_cost(replace(CAPACITY, cell=cell, hidden=int(hidden)), grid_intensity("DEU"))
        sizes = f"{cost.parameters:,} | {cost.flash_bytes:,} | {cost.ram_bytes:,} | {cost.instructions:,}"
        assert figures == f"{sizes} | {cost.ms_modelled:.2f} | {cost.energy_uj:.1f} | {cost.co2_ug:.5f}"
