"""A disk that fails after GitHub took a dispatch: the dispatch is not made again."""

import asyncio
import sqlite3
import threading
import time

from running_relay import SECRET

from dlnet.relay.outbox import Outbox
from dlnet.relay.service import Relay
from dlnet.relay.webhook import Delivery

FAILURES = 3


class FullDisk(Outbox):
    """An outbox on a disk without room for the word that a delivery was sent, for a while."""

    failures = FAILURES

    def sent(self, delivery, now):
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super().sent(delivery, now)


class Taker:
    """GitHub, as far as the relay calls it: takes everything, the second version slowly."""

    repository = "owner/name"

    def __init__(self):
        self.took, self.lock = [], threading.Lock()

    def dispatch(self, version, delivery):
        time.sleep(0.3 * (version - 1))
        with self.lock:
            self.took.append(version)


def test_what_github_took_is_not_sent_again_while_the_disk_is_full(tmp_path):
    taker, outbox = Taker(), FullDisk(tmp_path / "relay.db")
    relay = Relay(outbox, taker, SECRET.encode(), "dlnet-edge", pause=0.05)

    async def until_all_is_sent():
        async with relay._lifespan(relay.app()):
            await relay._on(
                relay.disk, outbox.add, [Delivery(str(n), int(time.time()), n) for n in (1, 2)], time.time()
            )
            relay.wake.set()
            until = time.monotonic() + 20
            while (await relay._on(relay.disk, outbox.counts)) != {"sent": 2} and time.monotonic() < until:
                await asyncio.sleep(0.05)
            return await relay._on(relay.disk, outbox.counts)

    assert asyncio.run(until_all_is_sent()) == {"sent": 2}
    assert sorted(taker.took) == [1, 2]
    assert outbox.failures == 0
