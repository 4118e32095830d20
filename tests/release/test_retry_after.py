"""How long GitHub asks to wait."""

import pytest

from dlnet.release.github import seconds_to_wait

NOW = 784111770.0  # Sun, 06 Nov 1994 08:49:30 GMT


@pytest.mark.parametrize(("after", "seconds"), [("0", 0), ("7", 7), ("120", 120), ("9" * 400, 3600), ("86400", 3600)])
def test_seconds_are_honoured_up_to_an_hour(after, seconds):
    assert seconds_to_wait(after, NOW) == seconds


def test_a_date_is_honoured():
    assert seconds_to_wait("Sun, 06 Nov 1994 08:49:37 GMT", NOW) == 7
    assert seconds_to_wait("Fri, 31 Dec 9999 23:59:59 GMT", NOW) == 3600


@pytest.mark.parametrize(
    "after",
    ["", "\u00b2", "\u0663", "-5", "1.5", "inf", "soon", "Sun, 06 Nov 1994 08:49:00 GMT", "Sun, 99 Nov 1994 08:49:00"],
)
def test_what_names_no_time_to_come_is_ignored(after):
    assert seconds_to_wait(after, NOW) is None
