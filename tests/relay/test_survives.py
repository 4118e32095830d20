"""A relay does not die in silence: tasks start again, a lost file ends it, and /healthz tells what is so."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import threading
import time

import pytest
from running_relay import SECRET, message, signed

from dlnet.relay import service
from dlnet.relay.outbox import Outbox
from dlnet.relay.service import AT_ONCE, Relay
from dlnet.relay.webhook import Delivery, RejectedError


class Taker:
    """GitHub, as far as the relay calls it; ``broken``: version -> failures of an unexpected kind, first."""

    repository = "owner/name"

    def __init__(self, broken=()):
        self.took, self.broken, self.lock = [], dict(broken), threading.Lock()

    def dispatch(self, version, delivery):
        with self.lock:
            if self.broken.get(version, 0) > 0:
                self.broken[version] -= 1
                raise RuntimeError("something that nobody thought of")
            self.took.append(version)


class BrokenOnce(Outbox):
    """An outbox that fails in an unexpected way when it is written to first."""

    broken = True

    def add(self, deliveries, now):
        if self.broken:
            self.broken = False
            raise RuntimeError("something that nobody thought of")
        return super().add(deliveries, now)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(service, "RESTART_SECONDS", 0.1)


def run(relay, work):
    """The result of ``work(relay)`` while the relay runs."""

    async def inside():
        async with relay._lifespan(relay.app()):
            return await work(relay)

    return asyncio.run(inside())


async def took(relay, versions):
    until = time.monotonic() + 20
    while set(relay.github.took) != versions and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return set(relay.github.took) == versions


def of(tmp_path, taker, kind=Outbox):
    return Relay(kind(tmp_path / "relay.db"), taker, SECRET.encode(), "dlnet-edge", pause=0.05)


def test_a_sender_that_died_starts_again_and_says_so(tmp_path, caplog):
    relay = of(tmp_path, Taker({1: 2}))

    async def work(relay):
        await relay._store(Delivery("a", 0, 1))
        return await took(relay, {1})

    with caplog.at_level(logging.INFO, "dlnet.relay"):
        assert run(relay, work)
    died = [record.fields for record in caplog.records if record.getMessage() == "task died"]
    assert [fields["task"] for fields in died] == ["send", "send"]
    assert died[0]["reason"].startswith("RuntimeError at test_survives.py:")
    assert relay.github.took == [1]


def test_a_writer_that_died_answers_who_waited_and_starts_again(tmp_path):
    async def work(relay):
        with pytest.raises(RejectedError, match="try again"):
            await asyncio.wait_for(relay._store(Delivery("a", 0, 1)), 5)
        return await asyncio.wait_for(relay._store(Delivery("a", 0, 1)), 5)

    assert run(of(tmp_path, Taker(), BrokenOnce), work) == "waiting"


def test_deliveries_that_cannot_be_sent_do_not_stand_in_the_way(tmp_path):
    broken = range(1, AT_ONCE + 1)
    relay = of(tmp_path, Taker(dict.fromkeys(broken, 10**6)))

    async def work(relay):
        for version in (*broken, 9):
            await relay._store(Delivery(str(version), 0, version))
        return await took(relay, {9})

    assert run(relay, work)


async def health(relay):
    answer = await relay.health(None)
    return answer.status_code, json.loads(answer.body)


def test_a_task_that_is_dead_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(service, "RESTART_SECONDS", 100)

    async def work(relay):
        await relay._store(Delivery("a", 0, 1))
        until = time.monotonic() + 10
        while not relay.tasks["send"].done() and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return await health(relay)

    code, content = run(of(tmp_path, Taker({1: 1})), work)
    assert (code, content["status"]) == (503, "failing")


def test_the_health_is_told_while_the_disk_hangs(tmp_path):
    held = threading.Event()

    async def work(relay):
        await relay._store(Delivery("a", 0, None))
        relay.disk.submit(held.wait)
        first = await asyncio.wait_for(health(relay), 1)
        relay.read_at -= service.STALE_SECONDS
        second = await asyncio.wait_for(health(relay), 1)
        held.set()
        return first, second

    (code, content), (later, _) = run(of(tmp_path, Taker()), work)
    assert (code, content["deliveries"]) == (200, {"ignored": 1})
    assert later == 503


def test_health_checks_leave_the_files_as_they_are(relay, tmp_path):
    body = message("5", alias="candidate")  # nothing to send, so the relay itself has nothing to write down
    assert relay.post(body, signed(body)) == 202
    files = [tmp_path / name for name in ("relay.db", "relay.db-wal")]  # -shm is memory that readers write to
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    assert [relay.get("/healthz")[0] for _ in range(100)] == [200] * 100
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}
    assert after == before


def test_a_full_disk_is_answered_with_503_and_passes(relay, github):
    """A limit on the size of files stands for the disk: what is written beyond it fails."""
    github.up()
    assert relay.post(message("5"), signed(message("5"))) == 202
    github.wait(1)
    _, hard = resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    assert relay.post(message("6"), signed(message("6"))) == 503
    code, content = relay.get("/healthz")
    assert (code, content["writes"], content["deliveries"]) == (200, "failing", {"sent": 1})
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert relay.post(message("6"), signed(message("6"))) == 202
    assert relay.get("/healthz")[1]["writes"] == "ok"
    assert github.wait(2) == [5, 6]


@pytest.mark.parametrize("again", [False, True])
def test_a_relay_whose_file_was_taken_away_ends(relay, tmp_path, again):
    for path in tmp_path.glob("relay.db*"):
        path.unlink()
    if again:
        (tmp_path / "relay.db").write_bytes(b"")
    assert relay.process.wait(20) == 1
    last = relay.log.read_text().splitlines()[-1]
    assert "relay.db: was deleted or replaced while the relay runs" in last
    assert "Traceback" not in relay.log.read_text()
