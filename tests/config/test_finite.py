"""Numbers of params.yaml and of tasks are finite: YAML knows .inf and .nan, the project's documents do not."""

from pathlib import Path

import pytest

from dlnet.config.quantities import load_quantities
from dlnet.errors import ConfigError

BATTERY = Path(__file__).parents[2] / "tasks/battery.yaml"


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan"])
@pytest.mark.parametrize("number", ["largest_gap: 10", "{target: 0.006", "{height: 0.01}", "end_of_life: 0.8", "1.5]"])
def test_a_number_that_is_not_finite_is_refused(tmp_path, number, value):
    text = BATTERY.read_text()
    name = number.rstrip("}]").rpartition(" ")[2]
    assert text.count(number) == 1
    (tmp_path / "battery.yaml").write_text(text.replace(number, number.replace(name, value)))
    with pytest.raises(ConfigError, match=r"battery.yaml:\d+: .*finite"):
        load_quantities("battery", tmp_path)
