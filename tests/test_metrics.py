"""Errors against plain loops, and knees of synthetic curves with a known knee."""

import numpy as np
import pytest

from dlnet.errors import DataError
from dlnet.metrics import MOST_RATIO, by_horizon, by_knee, errors, knee_row, paired_ratio, per_asset

NAMES = ("a", "b", "c", "d")


@pytest.fixture
def windows():
    """(prediction, target, asset): 30 windows of assets a, b and d, 7 rows ahead."""
    rng = np.random.default_rng(3)
    target = rng.uniform(0.7, 1.0, (30, 7)).astype(np.float32)
    prediction = (target + rng.normal(0, 0.01, target.shape)).astype(np.float32)
    return prediction, target, rng.choice([0, 1, 3], 30)


def loop(prediction, target, keep=lambda window, step: True) -> list[float]:
    """Absolute errors of the entries kept, one by one in double precision."""
    return [
        abs(float(prediction[i, k]) - float(target[i, k]))
        for i in range(len(target))
        for k in range(target.shape[1])
        if keep(i, k)
    ]


def mean(values) -> float:
    return sum(values) / len(values)


def test_mae_and_rmse_are_those_of_a_plain_loop(windows):
    prediction, target, asset = windows
    measured, single = errors(prediction, target, asset, NAMES, 1.0), loop(prediction, target)
    assert measured.mae == pytest.approx(mean(single), rel=1e-12)
    assert measured.rmse == pytest.approx(mean([value**2 for value in single]) ** 0.5, rel=1e-12)


def test_errors_of_assets_are_those_of_a_plain_loop(windows):
    prediction, target, asset = windows
    expected = {NAMES[c]: mean(loop(prediction, target, lambda i, _, c=c: asset[i] == c)) for c in (0, 1, 3)}
    assert per_asset(prediction, target, asset, NAMES, 1.0) == pytest.approx(expected, rel=1e-12)
    measured = errors(prediction, target, asset, NAMES, 1.0)
    assert measured.asset_mae == pytest.approx(mean(list(expected.values())), rel=1e-12)
    worst = max(expected, key=expected.get)
    assert dict(measured.worst_asset) == {"asset": worst, "mae": pytest.approx(expected[worst], rel=1e-12)}


def test_an_asset_with_many_windows_weighs_more_in_the_window_mean_only():
    prediction, target = np.zeros((4, 1)), np.array([[0.1], [0.1], [0.1], [0.5]])
    measured = errors(prediction, target, np.array([0, 0, 0, 1]), NAMES, 1.0)
    assert (measured.mae, measured.asset_mae) == (pytest.approx(0.2), pytest.approx(0.3))


def test_errors_by_row_ahead_are_those_of_a_plain_loop(windows):
    prediction, target, _ = windows
    expected = [mean(loop(prediction, target, lambda _, k, step=step: k == step)) for step in range(7)]
    assert by_horizon(prediction, target, 1.0) == pytest.approx(expected, rel=1e-12)


def test_windows_are_separated_by_the_knee(windows):
    prediction, target, _ = windows
    after = np.arange(30) % 3 == 0
    measured = by_knee(prediction, target, after, 1.0)
    assert measured["after_knee"] == pytest.approx(mean(loop(prediction, target, lambda i, _: after[i])), rel=1e-12)
    assert measured["before_knee"] == pytest.approx(
        mean(loop(prediction, target, lambda i, _: not after[i])), rel=1e-12
    )


def test_a_side_of_the_knee_without_windows_has_no_error(windows):
    prediction, target, _ = windows
    assert by_knee(prediction, target, np.zeros(30, bool), 1.0)["after_knee"] is None
    assert by_knee(prediction, target, np.ones(30, bool), 1.0)["before_knee"] is None


@pytest.mark.parametrize("knee", [20, 70, 120])
def test_the_knee_of_two_straight_lines_is_where_they_meet(knee):
    row = np.arange(150)
    health = 1 - 1e-4 * row - 2e-3 * np.maximum(row - knee, 0)
    assert knee_row(health, 0.01) == knee


def test_the_knee_of_a_bent_life_is_farthest_from_the_chord():
    row = np.arange(200)
    health = 0.98 - 5e-5 * row - 0.1 * (row / 200) ** 6
    points = np.stack([row / row[-1], health], axis=1)
    along = points[-1] - points[0]
    across = [abs(along[0] * y - along[1] * x) for x, y in points - points[0]]
    assert knee_row(health, 0.01) == int(np.argmax(across))


@pytest.mark.parametrize("bend", [0.0, 0.05])
def test_a_life_that_fades_straight_or_ever_slower_has_no_knee(bend):
    age = np.linspace(0, 1, 300)
    noise = np.random.default_rng(0).normal(0, 1e-3, 300)
    assert knee_row(1 - 0.1 * age - bend * np.sqrt(age) + noise, 0.01) is None


def test_the_least_height_of_a_knee_is_that_of_the_task():
    row = np.arange(150)
    health = 1 - 1e-4 * row - 2e-3 * np.maximum(row - 70, 0)
    height = float((health - np.linspace(health[0], health[-1], 150)).max())
    assert knee_row(health, 0.99 * height) == 70
    assert knee_row(health, 1.01 * height) is None


def test_all_errors_are_in_the_unit_of_the_target(windows):
    prediction, target, asset = windows
    after = np.arange(30) % 3 == 0
    small, large = (errors(prediction, target, asset, NAMES, unit) for unit in (1.0, 250.0))
    for name in ("mae", "rmse", "asset_mae"):
        assert getattr(large, name) == pytest.approx(250 * getattr(small, name), rel=1e-12)
    assert large.worst_asset.asset == small.worst_asset.asset
    assert large.worst_asset.mae == pytest.approx(250 * small.worst_asset.mae, rel=1e-12)
    for measure in (by_knee, per_asset):
        more = (after,) if measure is by_knee else (asset, NAMES)
        one, other = (measure(prediction, target, *more, unit) for unit in (1.0, 250.0))
        assert other == pytest.approx({name: 250 * value for name, value in one.items()}, rel=1e-12)
    expected = 250 * by_horizon(prediction, target, 1.0)
    np.testing.assert_allclose(by_horizon(prediction, target, 250.0), expected, rtol=1e-12)


def test_a_constant_ratio_has_an_interval_of_no_width():
    theirs = {f"a{i}": float(i + 1) for i in range(7)}
    found = paired_ratio({name: 0.5 * value for name, value in theirs.items()}, theirs)
    assert (found.ratio, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_interval_is_that_of_a_plain_loop_over_resamples():
    rng = np.random.default_rng(4)
    theirs = {f"a{i}": float(value) for i, value in enumerate(rng.uniform(1, 2, 9))}
    own = {name: value * float(rng.uniform(0.6, 1.1)) for name, value in theirs.items()}
    names, draws, ratios = sorted(own), np.random.default_rng(0).integers(9, size=(2000, 9)), []
    for draw in draws:
        picked = [names[i] for i in draw]
        ratios.append(mean([own[name] for name in picked]) / mean([theirs[name] for name in picked]))
    ratios.sort()
    found = paired_ratio(own, theirs)
    assert found.ratio == pytest.approx(sum(own.values()) / sum(theirs.values()))
    # Between neighbours of the sorted ratios, as percentiles are: 0.025 of 1,999 steps is 49.975.
    assert found.low == pytest.approx(ratios[49] + 0.975 * (ratios[50] - ratios[49]))
    assert found.high == pytest.approx(ratios[1949] + 0.025 * (ratios[1950] - ratios[1949]))


def test_the_interval_is_that_of_the_normal_approximation():
    """Of a ratio of means, by the delta method, for many assets."""
    rng = np.random.default_rng(1)
    theirs = rng.uniform(1, 2, 400)
    own = theirs * rng.uniform(0.5, 1.1, 400)
    names = [f"a{i:03}" for i in range(400)]
    found = paired_ratio(dict(zip(names, own, strict=True)), dict(zip(names, theirs, strict=True)))
    ratio = own.mean() / theirs.mean()
    spread = (own - ratio * theirs).std() / theirs.mean() / np.sqrt(400)
    assert found.ratio == pytest.approx(ratio)
    assert (found.low, found.high) == pytest.approx((ratio - 1.96 * spread, ratio + 1.96 * spread), rel=0.01)


def test_the_order_of_the_assets_does_not_matter():
    own, theirs = {"a": 1.0, "b": 2.0, "c": 4.0}, {"a": 2.0, "b": 3.0, "c": 3.0}
    assert paired_ratio(dict(reversed(own.items())), theirs) == paired_ratio(own, theirs)


def test_over_a_model_without_error_the_ratio_is_the_largest_that_is_given():
    found = paired_ratio({"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0})
    assert (found.ratio, found.low, found.high) == (MOST_RATIO, 1.0, MOST_RATIO)


@pytest.mark.parametrize(("own", "theirs"), [({}, {}), ({"a": 1.0}, {"b": 1.0}), ({"a": 1.0, "b": 1.0}, {"a": 1.0})])
def test_models_that_were_measured_on_different_assets_are_refused(own, theirs):
    with pytest.raises(DataError, match="a ratio needs the same ones"):
        paired_ratio(own, theirs)
