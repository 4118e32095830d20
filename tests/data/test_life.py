"""What lies before a window: slopes far back, youth and age, against plain loops over an asset's rows."""

import numpy as np
import pytest
from synthetic_dataset import synthetic_dataset, task

from dlnet.config.task import Memory
from dlnet.data.life import Life
from dlnet.data.windows import Histories

DATASET = synthetic_dataset(rows=150)
ENDS = np.concatenate([DATASET.windows(split, 1, labelled=False) for split in ("train", "validation")])


def rows_of(end):
    """First row of the asset whose window ends before ``end``, and the number t of the window's last row."""
    first = int(np.flatnonzero(DATASET.asset_index == DATASET.asset_index[end - 1])[0])
    return first, int(end) - 1 - first


def slope(end, lag, block):
    first, t = rows_of(end)
    j = max(0, (t - lag) // 10)
    if 10 * j + 9 > t - block:
        return 0.0
    past = sum(DATASET.health[first + 10 * j + i] for i in range(10)) / 10
    recent = sum(DATASET.health[end - 1 - i] for i in range(block)) / block
    return (recent - past) * lag / ((t - (block - 1) / 2) - (10 * j + 4.5))


@pytest.mark.parametrize("block", [1, 2, 12])
def test_slopes_far_back_are_those_of_a_loop(block):
    lags = (20, 50, 100)
    found = DATASET.histories(ENDS, ()).life.slopes(lags, block)
    truth = [[slope(end, lag, block) for lag in lags] for end in ENDS]
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-14)
    assert (found == 0).any() == (block > 2), "the youngest windows have no block before their last 12 rows"


def test_slopes_of_a_straight_life_are_its_fall_at_any_age():
    rows = np.arange(400)
    life = Life(1 - 1e-3 * rows, np.empty((400, 0)), (), np.zeros(350, np.int64), rows[50:] + 1)
    np.testing.assert_allclose(life.slopes((100, 250), 5), np.tile([-0.1, -0.25], (350, 1)), rtol=1e-9)


def test_youth_and_age():
    life = DATASET.histories(ENDS, ()).life
    found = life.youth((2, 7), ("slope", "charge"))
    column = {name: i for i, name in enumerate(DATASET.feature_names)}
    for end, age, row in zip(ENDS, life.age, found, strict=True):
        first, t = rows_of(end)
        own = DATASET.features[first + 2 : first + 7]
        assert age == t
        np.testing.assert_allclose(row, [own[:, column["slope"]].mean(), own[:, column["charge"]].mean()], rtol=1e-12)


def test_windows_without_a_life_begin_their_assets_and_longer_ones_know_more():
    end = int(ENDS[100])
    first, t = rows_of(end)
    names = DATASET.feature_names
    whole = Histories(DATASET.health[None, first:end], DATASET.features[None, first:end], names)
    np.testing.assert_array_equal(whole.last(12).life.age, [t])
    np.testing.assert_allclose(
        whole.last(12).life.slopes((20, 50), 2), DATASET.histories(ENDS[100:101], ()).life.slopes((20, 50), 2)
    )
    window = DATASET.histories(ENDS[:3], names)
    np.testing.assert_array_equal(Histories(window.health, window.features, names).life.age, [11, 11, 11])


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"history": [100, 50]}, "history must rise"), ({"history": [25]}, "multiple of 10"),
     ({"history": [10]}, "greater than or equal to 20"), ({"history": [410]}, "less than or equal to 400"),
     ({"youth": [5, 5]}, "youth must name"), ({"youth": [-1, 5]}, "greater than or equal to 0"),
     ({"youth": [5]}, "at least 2 items"), ({"youth": [5, 13]}, r"youth must end within the first window \(12 rows\)")],
)  # fmt: skip
def test_a_past_that_cannot_be_known_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        task(with_target={"features": [], "relative": [], "quantiles": 0, "noise": 0, **changes})


def test_without_the_target_there_are_no_slopes_of_it():
    with pytest.raises(ValueError, match=r"sensors_only\.history must be \[\]"):
        task(
            "sensors_only",
            sensors_only={"features": ["a"], "relative": [], "quantiles": 0, "noise": 0, "history": [50]},
        )


def test_memory_is_that_of_the_track():
    own = {"features": [], "relative": [], "quantiles": 0, "noise": 0}
    params = task(with_target=own | {"history": [20, 100]}, sensors_only=own | {"youth": [1, 5]})
    assert params.memory == Memory((20, 100), None)
    assert params.model_copy(update={"track": "sensors_only"}).memory == Memory((), (1, 5))
