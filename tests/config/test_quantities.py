"""Tasks: what is wrong in a task's file is named, and health against its closed form."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.config.quantities import HEALTH_RANGE, Quantities, Target, load_quantities
from dlnet.config.task import TaskParams
from dlnet.errors import ConfigError
from stages.prepare import PrepareConfig
from tasks import BATTERY, changed

ROOT = Path(__file__).parents[2]
TASK = PrepareConfig.load(ROOT / "params.yaml").task
TEXT = (ROOT / "tasks/battery.yaml").read_text()
NAMES = sorted(path.stem for path in (ROOT / "tasks").glob("*.yaml"))
ASCII = "must be printable ASCII without quotes, = or blanks at its ends"
ABSENT = "is not among features; add it there with its unit"


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


# What is replaced in tasks/battery.yaml, by what, the line that is named (that of this text), and the message.
WRONG = {
    "unknown key": ("over_nominal", "hue: red\n  over_nominal", "hue:", "target.hue: Extra inputs are not permitted"),
    "missing key": ("  end_of_life: 0.8\n", "", "target:", "target.end_of_life: Field required"),
    "falling range": ("[0.05, 1.5]", "[1.5, 0.05]", "target:", "target: range must rise, not be 1.5 to 0.05"),
    "empty range": ("[0.05, 1.5]", "[1, 1]", "target:", "target: range must rise, not be 1 to 1"),
    "endless range": ("[0.05, 1.5]", "[0.05, .inf]", "range:", "target.range.1: Input should be a finite number"),
    "wide range": ("[0.05, 1.5]", "[0, 1e9]", "target:", "target: range 0 to 1e+09 cannot be sent to a board"),
    "narrow range": ("[0.05, 1.5]", "[0.8, 0.8001]", "target:", "target: range 0.8 to 0.8001 cannot be sent"),
    "negative share": ("[0.05, 1.5]", "[-0.1, 1.5]", "target:", "target: range begins at -0.1, but a share"),
    "half a range": ("[0.05, 1.5]", "[0.05]", "range:", "target.range.1: Field required"),
    "end of life above": ("of_life: 0.8", "of_life: 80", "target:", "target: end_of_life (80) must lie within range"),
    "end of life below": ("of_life: 0.8", "of_life: 0", "target:", "target: end_of_life (0) must lie within range"),
    "end of life NaN": ("of_life: 0.8", "of_life: .nan", "end_of_life:", "target.end_of_life: Input should be a"),
    "large noise": ("floor: 0.0003", "floor: 2", "target:", "target: noise_floor (2) must be smaller than the range"),
    "unit twice": ("{mAh: 1.0e-3}", "{Ah: 1}", "target:", "target: other_units holds 'Ah' again"),
    "unit of no size": ("{mAh: 1.0e-3}", "{mAh: 0}", None, "target.other_units.mAh: Input should be greater than 0"),
    "endless unit": ("{mAh: 1.0e-3}", "{mAh: .inf}", None, "target.other_units.mAh: Input should be a finite number"),
    "unit with a blank": ("unit: Ah", "unit: A h", None, "target.unit: String should match pattern"),
    "unit with =": ("unit: Ah", "unit: A=h", None, "target.unit: String should match pattern"),
    "direction": ("falling", "sinking", None, "target.direction: Input should be 'falling' or 'rising'"),
    "known": ("when measured", "sometimes", None, "target.known: Input should be 'when measured' or 'after failure'"),
    "symbol not ASCII": ("symbol: SoH", "symbol: SoH\u00b0", None, f"target.symbol: {ASCII}"),
    "symbol with a quote": ("symbol: SoH", "symbol: S\"H", None, f"target.symbol: {ASCII}"),
    "symbol with blanks": ("symbol: SoH", "symbol: 'SoH '", None, f"target.symbol: {ASCII}"),
    "symbol with =": ("symbol: SoH", "symbol: S=H", None, f"target.symbol: {ASCII}"),
    "no symbol": ("symbol: SoH", "symbol: ''", None, "target.symbol: String should have at least 1 character"),
    "long symbol": ("symbol: SoH", f"symbol: {'S' * 41}", None, "target.symbol: String should have at most 40"),
    "symbol of a feature": ("symbol: SoH", "symbol: CV Q", "CV Q: Ah", "features.CV Q: is the target's symbol"),
    "capital word": ("one: cycle", "one: Cycle", None, "time.one: String should match pattern"),
    "word with a line": ("one: cell", 'one: "cell\\n"', None, "asset.one: String should match pattern"),
    "long step": ("step: 1,", "step: 20,", None, "time: largest_gap (10) must be at least step (20)"),
    "no step": ("step: 1,", "step: 0,", None, "time.step: Input should be greater than 0"),
    "feature's name": ("voltage entropy:", "voltage=entropy:", None, f"features.voltage=entropy.[key]: {ASCII}"),
    "feature's unit": ('kurtosis: "1"', "kurtosis: 1", None, "features.voltage kurtosis: Input should be a valid str"),
    "unknown in a track": (
        "[voltage slope, ", "[resistance, voltage slope, ", None, f"tracks.with_target.features: 'resistance' {ABSENT}",
    ),
    "feature twice": (
        "[voltage slope, ", "[CV Q, voltage slope, ", "with_target:", "tracks.with_target: features lists 'CV Q' twice",
    ),
    "relative, no input": (
        "relative: [CV Q, CC Q, CC", "relative: [current std, CC Q, CC", "with_target:",
        "tracks.with_target: relative names ['current std'], which is not in features",
    ),
    "floor of no feature": ("features: {}}", "features: {heat: 1}}", None, f"cleaning.features.heat: {ABSENT}"),
    "negative floor": ("features: {}}", "features: {CV Q: -1}}", None, "cleaning.features.CV Q: Input should be great"),
    "knee": ("height: 0.01", "height: 0", None, "knee.height: Input should be greater than 0"),
    "key twice": ("  voltage std: V\n", "  voltage mean: V\n", None, "not YAML (found duplicate key"),
    "no YAML": ("one: cell,", "one: [cell,", "asset:", "not YAML ("),
    "name": ("asset: {", "name: battery\nasset: {", None, "name: is not set here; delete the line"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_with_file_and_line(tmp_path, case):
    old, new, at, message = WRONG[case]
    assert old in TEXT
    text, path = TEXT.replace(old, new, 1), tmp_path / "mine.yaml"
    path.write_text(text)
    where = line_of(text, at) if at else line_of(TEXT, old)
    with pytest.raises(ConfigError) as caught:
        load_quantities("mine", tmp_path)
    assert str(caught.value).startswith(f"{path}:{where}: {message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(TEXT.replace("symbol: SoH", "symbol: S\u00b0").encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        load_quantities("mine", tmp_path)
    line = line_of(TEXT, "symbol: SoH")
    assert str(caught.value) == f"{tmp_path}/mine.yaml:{line}: not UTF-8 text (byte 0xb0); save the file in UTF-8"


def test_several_faults_are_a_line_each(tmp_path):
    (tmp_path / "mine.yaml").write_text(TEXT.replace("height: 0.01", "height: 0").replace("falling", "sinking"))
    with pytest.raises(ConfigError) as caught:
        load_quantities("mine", tmp_path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["target.direction", "knee.height"]


@pytest.mark.parametrize(
    "name", ["", "Pump", "2nd", "a-b", "../battery", "battery.yaml", "a" * 21, "pump\n", "p\u00fcmp"]
)
def test_a_bad_name_is_refused_before_any_file_is_read(name):
    with pytest.raises(ConfigError) as caught:
        load_quantities(name, Path("no such folder"))
    assert str(caught.value).startswith(f"params.yaml: task.name: {name!r} is no name: up to 20 of a-z")
    assert "\n" not in str(caught.value)


def test_a_missing_file_lists_those_that_exist(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_quantities("engine", ROOT / "tasks")
    assert str(caught.value).endswith(
        f"engine.yaml: no such file; task.name (params.yaml) names one of: {', '.join(NAMES)}"
    )
    with pytest.raises(ConfigError, match=r"names one of: none$"):
        load_quantities("engine", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_the_tasks_of_the_project_are_read(name):
    assert load_quantities(name, ROOT / "tasks").name == name


@st.composite
def targets(draw) -> Target:
    """A target of any range and direction that a task may have."""
    low = draw(st.floats(-1e6, 1e6))
    width = draw(st.floats(1e-2, 1e6))
    content = {"range": (low, low + width), "end_of_life": None, "noise_floor": 0, "over_nominal": False}
    content |= {"direction": draw(st.sampled_from(["falling", "rising"])), "unit": "mm", "other_units": {}}
    return changed(target=content).target


def closed_form(target: Target, value: float) -> float:
    """Share of the range that is left, on the range of health."""
    low, high = target.range
    left = (value - low if target.direction == "falling" else high - value) / (high - low)
    return HEALTH_RANGE[0] + left * (HEALTH_RANGE[1] - HEALTH_RANGE[0])


def tolerance(target: Target) -> float:
    """Rounding of a target far from zero, in health."""
    return 1e-12 + 1e-15 * max(map(abs, target.range)) / target.size


@given(targets(), st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_health_is_the_closed_form_and_has_an_inverse(target, shares):
    low, high = target.range
    values = np.array([low + share * (high - low) for share in shares])
    health, near = target.to_health(values), tolerance(target)
    np.testing.assert_allclose(health, [closed_form(target, value) for value in values], rtol=0, atol=near)
    np.testing.assert_allclose(target.from_health(health), values, rtol=0, atol=near * target.size)
    np.testing.assert_allclose(target.to_health(target.from_health(health)), health, rtol=0, atol=2 * near)
    assert target.to_health(values.reshape(-1, 1)).shape == (len(values), 1)


@given(targets(), st.floats(0, 1), st.floats(0, 1))
def test_health_falls_with_wear(target, one, other):
    low, high = target.range
    first, second = sorted((low + one * (high - low), low + other * (high - low)))
    new, worn = (second, first) if target.direction == "falling" else (first, second)
    fall = float(target.to_health(new) - target.to_health(worn))
    assert fall >= 0
    assert fall > 0 or abs(new - worn) <= 4 * tolerance(target) * target.size


@given(targets())
def test_the_range_becomes_that_of_health(target):
    new, worn = target.range[::-1] if target.direction == "falling" else target.range
    assert target.to_health(new) == pytest.approx(1.5, abs=tolerance(target))
    assert target.to_health(worn) == pytest.approx(0.05, abs=tolerance(target))
    assert (target.scale > 0) == (target.direction == "falling")
    assert target.size == abs(target.scale) == pytest.approx((target.range[1] - target.range[0]) / 1.45)


@given(st.lists(st.floats(0.05, 1.5), min_size=1, max_size=50))
def test_health_of_batteries_is_their_target_bit_for_bit(values):
    exact, target = np.array(values), BATTERY.target
    assert (target.scale, target.offset, target.size) == (1.0, 0.0, 1.0)
    assert target.to_health(exact).tobytes() == exact.tobytes()
    assert target.from_health(exact).tobytes() == exact.tobytes()


@given(st.integers(0, 2**32))
def test_health_of_batteries_is_their_target_bit_for_bit_on_many_values(seed):
    exact, target = np.random.default_rng(seed).uniform(0.05, 1.5, 10_000), BATTERY.target
    assert target.to_health(exact).tobytes() == exact.tobytes() == target.from_health(exact).tobytes()


def test_words_and_units():
    wear = changed(
        target={"over_nominal": False, "range": (0, 0.4), "end_of_life": 0.3, "symbol": "wear", "unit": "mm"}
    )
    assert (wear.target.shown_unit, wear.target.label, wear.target.error_label) == ("mm", "wear (mm)", "wear, mm")
    assert (BATTERY.target.shown_unit, BATTERY.target.label) == ("1", "SoH (capacity / nominal)")
    assert [wear.unit_of(name) for name in ("wear", "CV Q", "heat")] == ["mm", "Ah", "?"]
    assert BATTERY.target.units == {"Ah": 1.0, "mAh": 1e-3}
    assert [BATTERY.asset.count(number) for number in (1, 2, 1200)] == ["1 cell", "2 cells", "1,200 cells"]


@pytest.mark.parametrize(
    ("high", "value", "error"), [(1.5, "0.8765", "0.87654"), (1000, "0.9", "0.88"), (1e6, "1", "0.9")]
)
def test_values_are_shown_with_the_decimals_that_the_range_needs(high, value, error):
    content = {"over_nominal": False, "range": (0.0, high), "end_of_life": None}
    target = changed(target=content).target
    assert (target.shown(0.87654), target.shown_error(0.87654)) == (value, error)


def with_track(**changes) -> TaskParams:
    return TASK.model_copy(update={"with_target": TASK.with_target.model_copy(update=changes)})


def test_the_inputs_are_those_of_the_tasks_file():
    present = list(BATTERY.features)
    for track in ("with_target", "sensors_only"):
        channels = TASK.model_copy(update={"track": track}).channels(BATTERY, present)
        listed = getattr(BATTERY.tracks, track)
        assert (list(channels.features), list(channels.relative)) == (listed.features, listed.relative)


def test_a_choice_of_features_cuts_those_that_are_relative():
    channels = with_track(features=["voltage slope", "CV Q", "current std", "CC Q"]).channels(BATTERY, [])
    assert channels.features == ("voltage slope", "CV Q", "current std", "CC Q")
    assert channels.relative == ("CV Q", "CC Q"), "in the order of the task's file"


def test_a_choice_of_relative_features_is_taken_as_it_is():
    channels = with_track(relative=["CC Q"]).channels(BATTERY, [])
    assert list(channels.features) == BATTERY.tracks.with_target.features
    assert channels.relative == ("CC Q",)


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_all_features_are_those_of_the_data(track):
    generic = load_quantities("generic", ROOT / "tasks")
    task = TASK.model_copy(update={"track": track})
    channels = task.channels(generic, ["heat", "load"])
    assert channels.features == channels.relative == ("heat", "load")
    chosen = with_track(features=["load"]).channels(generic, ["heat", "load"])
    assert chosen.features == chosen.relative == ("load",)


@pytest.mark.parametrize(
    ("features", "relative", "message"),
    [
        (["a", "b", "a"], [], "features lists 'a' twice"),
        (["a"], ["a", "a"], "relative lists 'a' twice"),
        (["a"], ["b"], r"relative names \['b'\], which is not in features"),
    ],
)
def test_wrong_lists_of_params_are_refused(features, relative, message):
    content = TASK.model_dump()
    content["with_target"] |= {"features": features, "relative": relative}
    with pytest.raises(ValueError, match=message):
        TaskParams(**content)


def test_a_task_is_the_same_after_json():
    assert Quantities.model_validate_json(BATTERY.model_dump_json(), strict=True) == BATTERY
