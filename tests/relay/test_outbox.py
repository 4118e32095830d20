"""The file of deliveries: what is written is on disk, what was seen is remembered, checks come when they are due."""

from __future__ import annotations

import sqlite3
import time

import pytest
from running_relay import message, signed

from dlnet.relay.outbox import Outbox, OutboxError
from dlnet.relay.webhook import MAX_AGE, Delivery

NOW = 1.8e9
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def outbox(tmp_path):
    made = Outbox(tmp_path / "relay.db")
    yield made
    made.close()


def test_every_commit_is_synced_to_disk(outbox):
    full = 2
    assert outbox.file.execute("PRAGMA synchronous").fetchone() == (full,)


def test_a_delivery_is_remembered_for_as_long_as_its_signature_is_accepted(outbox):
    """One from the future by the limit is accepted until twice the limit has passed."""
    outbox.add([Delivery("first", 0, None)], NOW)
    outbox.add([Delivery("other", 0, None)], NOW + 2 * MAX_AGE)  # forgets what is old
    assert outbox.add([Delivery("first", 0, None)], NOW + 2 * MAX_AGE) == [None]


def test_old_deliveries_are_forgotten(outbox):
    outbox.add([Delivery("first", 0, None)], NOW)
    outbox.add([Delivery("other", 0, None)], NOW + DAY + 1)
    assert outbox.counts() == {"ignored": 1}


def test_the_counts_are_those_of_the_file(outbox):
    outbox.add([Delivery("a", 0, 1), Delivery("b", 0, 1), Delivery("c", 0, None), Delivery("d", 0, 2)], NOW)
    outbox.add([Delivery("a", 0, 1)], NOW)
    outbox.sent("a", NOW)
    outbox.give_up("d")
    outbox.sent("d", NOW)  # it was given up already
    outbox.add([Delivery("e", 0, 3)], NOW + 2 * DAY)
    outbox.add_check(NOW + 3 * DAY, DAY)
    counted = dict(outbox.file.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state"))
    assert outbox.counts() == counted == {"waiting": 1}


def test_counts_are_read_from_the_file_at_the_start(outbox, tmp_path):
    outbox.add([Delivery("a", 0, 1), Delivery("c", 0, None)], NOW)
    again = Outbox(tmp_path / "relay.db")
    assert again.counts() == {"waiting": 1, "ignored": 1}
    again.close()


def test_a_failed_transaction_leaves_file_and_counts(outbox):
    with pytest.raises(sqlite3.Error):
        outbox.add([Delivery("a", 0, 1), Delivery("b", 0, object())], NOW)
    assert outbox.counts() == {}
    assert outbox.add([Delivery("a", 0, 1)], NOW) == ["waiting"]


def test_a_check_comes_a_period_after_the_first_start(outbox):
    assert [outbox.add_check(NOW + hours * HOUR, DAY) for hours in (0, 1, 23.9, 24)] == [False, False, False, True]
    assert [(one.version, one.attempts) for one in outbox.due(NOW + DAY, 4)] == [(None, 0)]


def test_a_check_that_waits_is_not_put_there_again(outbox):
    assert [outbox.add_check(NOW + days * DAY, DAY) for days in range(4)] == [False, True, False, False]


def test_a_check_that_github_refused_is_not_repeated_at_once(outbox):
    outbox.add_check(NOW, DAY)
    assert outbox.add_check(NOW + DAY, DAY)
    outbox.give_up(outbox.due(NOW + DAY, 1)[0].id)
    assert not outbox.add_check(NOW + DAY + 1, DAY)


def test_a_promotion_that_was_sent_is_as_good_as_a_check(outbox):
    outbox.add_check(NOW, DAY)
    outbox.add([Delivery("a", 0, 1)], NOW + 20 * HOUR)
    outbox.sent("a", NOW + 20 * HOUR)
    assert [outbox.add_check(NOW + hours * HOUR, DAY) for hours in (24, 43, 44)] == [False, False, True]


def test_the_time_of_the_last_check_outlives_the_relay(outbox, tmp_path):
    outbox.add_check(NOW, DAY)
    again = Outbox(tmp_path / "relay.db")
    assert [again.add_check(NOW + HOUR, DAY), again.add_check(NOW + 3 * DAY, DAY)] == [False, True]
    again.close()


def test_a_clock_that_was_put_back_does_not_stop_the_checks(outbox):
    outbox.add_check(NOW, DAY)
    assert outbox.add_check(NOW - 365 * DAY, DAY)


@pytest.mark.parametrize("use", [lambda of: of.due(NOW, 1), lambda of: of.add([Delivery("a", 0, 1)], NOW)])
@pytest.mark.parametrize("again", [False, True])
def test_a_file_that_was_taken_away_is_no_place_for_deliveries(outbox, tmp_path, use, again):
    for path in tmp_path.glob("relay.db*"):
        path.rename(path.with_name(f"old-{path.name}"))
    if again:
        Outbox(tmp_path / "relay.db").close()
    with pytest.raises(OutboxError, match=r"relay.db: was deleted or replaced .*\(0 deliveries\)") as caught:
        use(outbox)
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_named(outbox, tmp_path):
    outbox.file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "relay.db").open("r+b") as stream:
        stream.write(b"\xa5" * 65536)
    outbox.file.execute("PRAGMA shrink_memory")
    with pytest.raises(OutboxError, match="relay.db: is damaged .*; move it away"):
        outbox.add([Delivery("a", 0, 1)], NOW)
        outbox.due(NOW, 1)


def test_a_relay_that_slept_starts_the_workflow_once_without_a_version(github, tmp_path, start):
    asleep = Outbox(tmp_path / "relay.db")
    asleep.add_check(time.time() - 3 * DAY, DAY)
    asleep.close()
    github.up()
    relay = start(github.port)
    deadline = time.monotonic() + 20
    while not github.seen and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2.5)  # several turns of the relay
    assert [content["event_type"] for _, _, content in github.seen] == ["champion"]
    assert set(github.seen[0][2]["client_payload"]) == {"delivery"}
    assert relay.post(message("5"), signed(message("5"))) == 202
    assert relay.get("/healthz")[1]["status"] == "ok"
