"""Deliveries on disk: ids are stored for a day, deliveries until GitHub has accepted them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.errors import DLNetError
from dlnet.relay.webhook import Delivery

KEEP = 24 * 3600  # seconds that a delivery id is stored; older ones are rejected by their age

SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
    id TEXT PRIMARY KEY, received REAL NOT NULL, version INTEGER,
    state TEXT NOT NULL CHECK (state IN ('ignored', 'waiting', 'merged', 'sent', 'given up')),
    attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due);
"""
ADD = """
INSERT INTO delivery (id, received, version, state, due)
VALUES (:id, :now, :version,
    CASE WHEN :version IS NULL THEN 'ignored'
         WHEN EXISTS (SELECT 1 FROM delivery WHERE state = 'waiting' AND version = :version) THEN 'merged'
         ELSE 'waiting' END, :now)
ON CONFLICT (id) DO NOTHING
"""


class OutboxError(DLNetError):
    """The file of deliveries cannot be read or written."""


@dataclass(frozen=True)
class Waiting:
    """A delivery that GitHub has not accepted yet, after ``attempts`` attempts."""

    id: str
    version: int
    attempts: int
    received: float


class Outbox:
    """The file of deliveries; not thread-safe."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit; transactions begin with BEGIN.
            self.file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self.file.execute("PRAGMA journal_mode = WAL")
            self.file.execute("PRAGMA synchronous = FULL")  # a delivery answered with 202 survives a power failure
            self.file.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(
                f"{path}: deliveries cannot be stored there ({error}); give another file with --state"
            ) from error

    def add(self, deliveries: Sequence[Delivery], now: float) -> list[str | None]:
        """Store deliveries; all are on disk on return. Returns the state of each; None for an id that exists already.

        A delivery for a champion that already waits to be sent is ``merged``: one dispatch is enough.
        """
        states: list[str | None] = []
        self.file.execute("BEGIN IMMEDIATE")
        try:
            for delivery in deliveries:
                values = {"id": delivery.id, "now": now, "version": delivery.version}
                inserted = self.file.execute(ADD, values).rowcount == 1
                row = self.file.execute("SELECT state FROM delivery WHERE id = ?", (delivery.id,)).fetchone()
                states.append(str(row[0]) if inserted else None)
            self.file.execute("DELETE FROM delivery WHERE state != 'waiting' AND received < ?", (now - KEEP,))
            self.file.execute("COMMIT")
        except BaseException:
            self.file.execute("ROLLBACK")
            raise
        return states

    def due(self, now: float, count: int) -> list[Waiting]:
        """Up to ``count`` deliveries that are to be sent now, the oldest first."""
        rows = self.file.execute(
            "SELECT id, version, attempts, received FROM delivery WHERE state = 'waiting' AND due <= ? "
            "ORDER BY received, id LIMIT ?", (now, count),
        )  # fmt: skip
        return [Waiting(*row) for row in rows]

    def sent(self, delivery: str) -> None:
        """Mark as accepted by GitHub."""
        self._finish(delivery, "sent")

    def give_up(self, delivery: str) -> None:
        """Mark as refused by GitHub for good."""
        self._finish(delivery, "given up")

    def retry(self, delivery: str, due: float) -> None:
        """Count a failed attempt; the next is at ``due``."""
        self.file.execute("UPDATE delivery SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery))

    def counts(self) -> dict[str, int]:
        """State -> deliveries in it."""
        return dict(self.file.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state"))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _finish(self, delivery: str, state: str) -> None:
        self.file.execute("UPDATE delivery SET state = ?, attempts = attempts + 1 WHERE id = ?", (state, delivery))
