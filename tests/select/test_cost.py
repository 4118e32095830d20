"""The cost model against counts of compiled kernels, a case worked by hand, and common sense."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.errors import ModelError
from dlnet.select import grid_intensity
from dlnet.select.cost import (
    CELLS,
    KERNELS,
    UNITS,
    Kernel,
    StudentShape,
    flash_bytes,
    forecast_instructions,
    ram_bytes,
    student_cost,
)

CAPACITY = StudentShape(inputs=6, hidden=16, cell="liquid", substeps=1, steps=10, skip=3, outputs=6)
CHARGE = StudentShape(inputs=15, hidden=14, cell="liquid", substeps=1, steps=10, skip=30, outputs=7)

# Counted: a C++ kernel of the arithmetic of docs/quantisation.md, GCC 12.2 -Os -mcpu=cortex-m4, run in an emulator
# (unicorn) that counts instructions; cycles by the Cortex-M4's table without wait states; flash is .text + .rodata;
# stack by a painted area. Shape, then (instructions, cycles, flash, stack) of int8 and of int16 weights.
COUNTS = [
    (CAPACITY, (30109, 36703, 4274, 308), (25972, 33341, 4778, 296)),
    (replace(CAPACITY, hidden=2, inputs=4), (4901, 6350, 2806, 176), (4515, 5906, 2718, 168)),
    (replace(CAPACITY, hidden=8), (14312, 18055, 3358, 244), (12395, 16012, 3442, 232)),
    (replace(CAPACITY, hidden=15), (28429, 34697, 4210, 308), (24556, 31549, 4674, 296)),
    (replace(CAPACITY, hidden=48), (131256, 163582, 10502, 568), (110748, 145893, 15302, 552)),
    (replace(CAPACITY, steps=20), (57353, 69297, 4274, 308), (49175, 62674, 4778, 296)),
    (replace(CAPACITY, substeps=4), (112065, 134832, 4318, 312), (96033, 124081, 4814, 300)),
    (replace(CAPACITY, outputs=10), (30446, 37126, 4410, 340), (26278, 33737, 4994, 328)),
    (replace(CAPACITY, horizon=300), (32960, 40754, 4274, 308), (28850, 37419, 4778, 296)),
    (CHARGE, (30232, 38251, 4998, 392), (26133, 34298, 5750, 376)),
    (replace(CHARGE, hidden=24), (55569, 69510, 6566, 464), (48165, 63560, 8450, 456)),
    (replace(CAPACITY, cell="ltc"), (19090, 23436, 3350, 308), (16724, 21703, 3522, 296)),
    (replace(CHARGE, cell="ltc"), (19503, 24891, 4026, 392), (16909, 22347, 4366, 376)),
    (StudentShape(12, 24, "ltc", 1, 25, 3, 10, 50), (72856, 89702, 4386, 424), (65159, 84684, 5194, 416)),
]
CASES = [(name, row[0], row[1 + place]) for row in COUNTS for place, name in enumerate(("int8", "int16"))]


@pytest.mark.parametrize(("kernel", "shape", "counted"), CASES)
def test_instructions_are_those_counted(kernel, shape, counted):
    assert forecast_instructions(shape, KERNELS[kernel]) == pytest.approx(counted[0], rel=0.06)


@pytest.mark.parametrize(("kernel", "shape", "counted"), CASES)
def test_cycles_are_those_counted(kernel, shape, counted):
    assert student_cost(shape, 0, kernel=kernel).cycles == pytest.approx(counted[1], rel=0.06)


@pytest.mark.parametrize(("kernel", "shape", "counted"), CASES)
def test_flash_is_that_of_the_object_file(kernel, shape, counted):
    assert flash_bytes(shape, KERNELS[kernel]) == pytest.approx(counted[2], rel=0.03)


@pytest.mark.parametrize(("kernel", "shape", "counted"), CASES)
def test_stack_is_that_painted(kernel, shape, counted):
    buffers = 2 * shape.steps * shape.inputs + 4 * shape.horizon
    assert ram_bytes(shape, KERNELS[kernel]) - buffers == pytest.approx(counted[3], abs=16)


def spike_instructions(engine: Kernel, hidden: int, inputs: int, steps: int, outputs: int) -> float:
    """An older, simpler kernel, told in the same parts: one row a neuron, tables without interpolation, no knots."""
    plain_look_up = 2
    neuron = (inputs + hidden) * engine.mac + engine.requantise + plain_look_up + engine.update
    head = outputs * (hidden * engine.mac + engine.requantise + engine.output)
    return steps * (hidden * neuron + inputs * engine.load) + head


@pytest.mark.parametrize(
    ("kernel", "shape", "counted"),
    [("int16", (16, 4, 100, 100), 88_800), ("int8", (16, 4, 100, 100), 102_000), ("int16", (8, 4, 20, 4), 7_500)],
)
def test_parts_foretell_an_older_kernel(kernel, shape, counted):
    assert spike_instructions(KERNELS[kernel], *shape) == pytest.approx(counted, rel=0.25)


def test_parameters_of_the_published_recipes():
    assert (CAPACITY.parameters, CHARGE.parameters) == (872, 1169)


def test_parameters_of_a_strict_ltc():
    # 16 rows of 6 + 16 weights and a bias, 16 leak rates, 16 reversal potentials, 6 rows of 16 + 3 and a bias.
    assert replace(CAPACITY, cell="ltc").parameters == 16 * 23 + 32 + 6 * 20


TINY = StudentShape(inputs=1, hidden=2, cell="liquid", substeps=1, steps=1, skip=0, outputs=1, horizon=1)


def test_a_tiny_student_by_hand():
    cost = student_cost(TINY, grid_g_per_kwh=360.0, clock_mhz=64.0)
    # Columns 3 -> 4 and 2 -> 4; step 4 rows x (4 x 1.5 + 32) + 2 x 30 + 5 = 217; head 6 + 32 + 20 = 58; one point 16.
    assert cost.instructions == 217 + 58 + 16 + 2 * 25 + 500
    assert cost.flash_bytes == (4 * 4 + 4) + 5 * 9 + 2 * 2 + 3 * 514 + 5 + (880 + 100)
    assert cost.ram_bytes == 2 + 4 + (92 + 4 + 16 + 8 + 8)
    assert (cost.parameters, cost.bytes_float32) == (4 * 4 + 2 + 3, 84)
    assert cost.ms_modelled == pytest.approx(841 * 1.23 / 64_000)


def test_energy_is_that_of_the_data_sheet():
    # 52 uA/MHz at 64 MHz and 3 V is 9.984 mW.
    cost = student_cost(CAPACITY, grid_g_per_kwh=360.0)
    assert cost.energy_uj == pytest.approx(9.984 * cost.ms_modelled)


def test_energy_does_not_depend_on_the_clock():
    slow = student_cost(CAPACITY, 360.0, clock_mhz=16.0)
    assert slow.energy_uj == student_cost(CAPACITY, 360.0, clock_mhz=64.0).energy_uj


def test_co2_is_energy_times_grid():
    # 1 kWh is 3.6e6 J, so at 360 g/kWh a joule is 100 ug.
    cost = student_cost(CAPACITY, grid_g_per_kwh=360.0)
    assert cost.co2_ug == pytest.approx(cost.energy_uj * 1e-6 * 100)


def test_zeros_inside_a_dense_matrix_save_nothing():
    pruned = student_cost(replace(CAPACITY, nonzeros=400), 360.0)
    assert pruned == replace(student_cost(CAPACITY, 360.0), nonzero_parameters=400)


def test_every_column_has_a_unit():
    assert student_cost(CAPACITY, 360.0).as_row().keys() == UNITS.keys()


SHAPES = st.builds(
    StudentShape,
    inputs=st.integers(1, 20),
    hidden=st.integers(1, 40),
    cell=st.sampled_from(sorted(CELLS)),
    substeps=st.integers(1, 4),
    steps=st.integers(1, 30),
    skip=st.integers(0, 40),
    outputs=st.integers(1, 12),
    horizon=st.integers(1, 200),
)
SIZES = ("inputs", "hidden", "substeps", "steps", "skip", "outputs", "horizon")


@given(SHAPES, st.sampled_from(SIZES), st.integers(1, 9), st.sampled_from(sorted(KERNELS)))
def test_more_of_anything_is_never_cheaper(shape, size, more, kernel):
    larger = replace(shape, **{size: getattr(shape, size) + more})
    small, large = (student_cost(s, 360.0, kernel=kernel).as_row() for s in (shape, larger))
    assert all(large[column] >= small[column] for column in UNITS)


@given(SHAPES, st.sampled_from(sorted(KERNELS)))
def test_another_neuron_costs_flash_and_time(shape, kernel):
    small, large = (student_cost(s, 360.0, kernel=kernel) for s in (shape, replace(shape, hidden=shape.hidden + 1)))
    assert large.flash_bytes > small.flash_bytes
    assert large.instructions > small.instructions


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "ltc2"}, "'ltc2' has no integer form; known: liquid, ltc"),
        ({"hidden": 0}, "hidden of a student is 0"),
        ({"skip": -1}, "skip of a student is -1"),
        ({"nonzeros": 873}, "between 0 and 872"),
    ],
)
def test_impossible_shapes_are_refused(change, message):
    with pytest.raises(ModelError, match=message):
        replace(CAPACITY, **change)


def test_the_table_of_the_documentation_is_the_models():
    text = (Path(__file__).parents[2] / "docs" / "selection.md").read_text()
    rows = re.findall(r"^\| (liquid|ltc) \| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == 6
    for cell, hidden, figures in rows:
        cost = student_cost(replace(CAPACITY, cell=cell, hidden=int(hidden)), grid_intensity("DEU"))
        sizes = f"{cost.parameters:,} | {cost.flash_bytes:,} | {cost.ram_bytes:,} | {cost.instructions:,}"
        assert figures == f"{sizes} | {cost.ms_modelled:.2f} | {cost.energy_uj:.1f} | {cost.co2_ug:.5f}"
