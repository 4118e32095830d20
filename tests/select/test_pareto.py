"""Fronts against a brute force written from the definition, and thinning against cases solved by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.errors import ConfigError
from dlnet.select.pareto import hypervolume, pareto_front, select, thin

# Few distinct values, so that ties and duplicates are common.
VALUE = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.0, 0.5, math.inf, -math.inf, math.nan])
TABLES = st.integers(1, 6).flatmap(lambda d: st.lists(st.tuples(*[VALUE] * d), max_size=14))


def brute_force(rows: list[tuple[float, ...]]) -> list[bool]:
    def beats(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))

    whole = [row for row in rows if not any(math.isnan(x) for x in row)]
    return [row in whole and not any(beats(other, row) for other in whole) for row in rows]


def as_array(rows: list[tuple[float, ...]]) -> np.ndarray:
    return np.array(rows).reshape(len(rows), len(rows[0]) if rows else 1)


@given(TABLES)
def test_front_is_that_of_the_definition(rows):
    assert pareto_front(as_array(rows)).mask.tolist() == brute_force(rows)


@given(TABLES)
def test_nan_rows_are_reported(rows):
    assert pareto_front(as_array(rows)).undefined.tolist() == [any(map(math.isnan, row)) for row in rows]


@given(TABLES, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    expected = pareto_front(as_array(rows)).mask[order]
    assert pareto_front(as_array(rows)[order]).mask.tolist() == expected.tolist()


@given(TABLES)
def test_front_of_a_front_is_itself(rows):
    values = as_array(rows)
    assert pareto_front(values[pareto_front(values).mask]).mask.all()


@given(TABLES)
def test_maximising_is_minimising_the_negative(rows):
    values = as_array(rows)
    negative = pareto_front(-values, ["max"] * values.shape[1])
    assert negative.mask.tolist() == pareto_front(values).mask.tolist()


def test_directions_apply_column_by_column():
    values = [[1.0, 1.0], [1.0, 2.0], [2.0, 3.0], [2.0, 2.0]]
    assert pareto_front(values, ["min", "max"]).mask.tolist() == [False, True, True, False]


def test_all_copies_of_a_point_are_kept():
    assert pareto_front([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]]).mask.tolist() == [True, True, False]


def test_many_rows_agree_with_a_sweep():
    values = np.random.default_rng(0).normal(size=(2_000, 2))
    best, expected = math.inf, np.zeros(2_000, bool)
    for i in np.argsort(values[:, 0]):
        expected[i], best = values[i, 1] < best, min(best, values[i, 1])
    assert np.array_equal(pareto_front(values).mask, expected)


@pytest.mark.parametrize("values", [[1.0, 2.0], np.zeros((3, 0)), np.zeros((2, 2, 2))])
def test_values_of_a_wrong_shape_are_rejected(values):
    with pytest.raises(ValueError, match="values must be"):
        pareto_front(values)


@pytest.mark.parametrize("directions", [["min"], ["min", "up"]])
def test_wrong_directions_are_rejected(directions):
    with pytest.raises(ValueError, match="directions must be 2"):
        pareto_front([[1.0, 2.0]], directions)


def volume_on_a_grid(points: np.ndarray, cells: int) -> float:
    """Share of cell centres that a point dominates: exact for points on the grid."""
    axis = (np.arange(cells) + 0.5) / cells
    centres = np.array(list(itertools.product(axis, repeat=points.shape[1])))
    return float((points[:, None] <= centres).all(axis=2).any(axis=0).mean())


@given(
    st.integers(1, 4).flatmap(
        lambda d: st.lists(st.tuples(*[st.integers(0, 4)] * d), min_size=1, max_size=6),
    )
)
def test_hypervolume_counts_the_dominated_cells(corners):
    points = np.array(corners) / 4
    assert hypervolume(points) == pytest.approx(volume_on_a_grid(points, 4), abs=1e-12)


def front(errors: list[float], costs: list[float], **more: list[float]) -> pd.DataFrame:
    names = [chr(ord("a") + i) for i in range(len(errors))]
    return pd.DataFrame(
        {"name": names, "mae": errors, "cost": costs, **more}, index=[10 * i for i in range(len(names))]
    )


def names_of(table: pd.DataFrame, labels: list[int]) -> str:
    return "".join(table.loc[labels, "name"])


def test_thinning_keeps_the_most_accurate_then_the_cheapest():
    table = front([1.0, 2.0, 3.0, 5.0], [1e4, 1e3, 1e2, 1e1])
    assert names_of(table, thin(table, 2, "mae", ["cost"])) == "ad"


def test_thinning_to_one_keeps_the_most_accurate():
    table = front([1.0, 2.0, 3.0], [1e3, 1e2, 1e1])
    assert names_of(table, thin(table, 1, "mae", ["cost"])) == "a"


def test_thinning_adds_the_largest_rectangle():
    # Scaled, b is (0.25, 2/3) and adds 0.75 x 1/3 = 0.25; c is (0.75, 1/3) and would add 0.25 x 2/3 = 0.167.
    table = front([0.0, 1.0, 3.0, 4.0], [1e3, 1e2, 1e1, 1e0])
    assert names_of(table, thin(table, 3, "mae", ["cost"])) == "adb"


def test_thinning_uses_a_logarithmic_scale_for_costs():
    # On a linear scale b would add 0.5 x 0.9 = 0.45 and c 0.4 x 0.99 = 0.40; on a logarithmic one b adds
    # 0.5 x 1/3 = 0.167 and c 0.4 x 2/3 = 0.267.
    table = front([0.0, 5.0, 6.0, 10.0], [1e3, 1e2, 1e1, 1e0])
    assert names_of(table, thin(table, 3, "mae", ["cost"])) == "adc"


def test_thinning_counts_only_what_is_new():
    # c adds 0.49 x 0.52 = 0.255, more than b's 0.5 x 0.5. Then b adds 0.25 - 0.49 x 0.5 = 0.005 beside c, and d,
    # which alone is smaller than b, adds 0.2 x 0.9 - 0.2 x 0.52 = 0.076.
    cost = [10.0**x for x in (10.0, 5.0, 4.8, 1.0, 0.0)]
    table = front([0.0, 5.0, 5.1, 8.0, 10.0], cost)
    assert names_of(table, thin(table, 4, "mae", ["cost"])) == "aecd"


def test_thinning_keeps_the_best_of_every_cost():
    table = front([1.0, 2.0, 3.0, 4.0], [9.0, 5.0, 1.0, 2.0], ram=[9.0, 8.0, 7.0, 1.0])
    assert names_of(table, thin(table, 3, "mae", ["cost", "ram"])) == "acd"


def test_ties_go_to_the_first_name():
    table = front([1.0, 1.0, 1.0], [7.0, 7.0, 7.0]).iloc[::-1]
    assert names_of(table, thin(table, 2, "mae", ["cost"])) == "ab"


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=9), st.integers(1, 9))
def test_thinning_does_not_depend_on_the_order_of_rows(points, count):
    table = front([float(e) for e, _ in points], [float(c) for _, c in points])
    shuffled = table.sample(frac=1, random_state=count)
    assert thin(table, count, "mae", ["cost"]) == thin(shuffled, count, "mae", ["cost"])


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_a_cost_without_a_logarithm_is_named(value):
    table = front([1.0, 2.0, 3.0], [3.0, value, 1.0])
    with pytest.raises(ConfigError, match="cost of b is .* positive and finite; drop cost"):
        thin(table, 2, "mae", ["cost"])


TABLE = pd.DataFrame(
    {
        "name": ["small", "middle", "large", "bad", "broken"],
        "loss": ["l1", "l1", "mse", "l1", "mse"],
        "mae": [3.0, 2.0, 1.0, 3.5, math.nan],
        "flash_bytes": [10, 100, 1000, 1000, 10],
    }
)


def test_select_marks_front_and_elites_and_keeps_every_row():
    table = select(TABLE, ["mae", "flash_bytes"], 2, "mae").table
    assert table[["name", "front", "elite"]].to_numpy().tolist() == [
        ["small", True, True],
        ["middle", True, False],
        ["large", True, True],
        ["bad", False, False],
        ["broken", False, False],
    ]


def test_select_names_the_rows_it_cannot_rank():
    assert select(TABLE, ["mae", "flash_bytes"], 2, "mae").notes == ["broken: mae is NaN, so it cannot be on the front"]


def test_nan_in_a_column_that_is_no_objective_is_ignored():
    table = TABLE.assign(energy_uj=math.nan)
    result = select(table, ["mae", "flash_bytes"], 2, "mae")
    assert result.table["front"].sum() == 3


def test_select_leaves_its_input_alone():
    before = TABLE.copy()
    select(TABLE, ["mae", "flash_bytes"], 2, "mae")
    pd.testing.assert_frame_equal(TABLE, before)


def test_select_works_on_a_repeated_index():
    table = TABLE.set_axis([0] * len(TABLE))
    assert select(table, ["mae", "flash_bytes"], 2, "mae").table["elite"].tolist() == [True, False, True, False, False]


def test_select_of_nothing_but_nan_has_no_elite():
    result = select(TABLE.assign(mae=math.nan), ["mae", "flash_bytes"], 2, "mae")
    assert not result.table["elite"].any()


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["mae", "speed"], "select.objectives: unknown speed; known: flash_bytes, mae"),
        (["mae", "loss"], "select.objectives: unknown loss; known: flash_bytes, mae"),
        (["mae", "mae"], "a name occurs twice"),
        (["flash_bytes"], "mae is missing"),
    ],
)
def test_wrong_objectives_are_named(objectives, message):
    with pytest.raises(ConfigError, match=message):
        select(TABLE, objectives, 2, "mae")


def test_names_must_be_distinct():
    with pytest.raises(ValueError, match="'small' twice"):
        select(TABLE.assign(name="small"), ["mae", "flash_bytes"], 2, "mae")
