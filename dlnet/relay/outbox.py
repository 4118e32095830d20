"""Deliveries on disk: each is known by its id for a day, and waits here until GitHub took it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlnet.errors import DLNetError
from dlnet.relay.webhook import Delivery

KEEP = 24 * 3600  # seconds that a delivery id is remembered; older ones are refused by their age anyway

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
    """A delivery that GitHub has not taken yet; ``attempts`` were made."""

    id: str
    version: int
    attempts: int
    received: float


class Outbox:
    """The file. One thread at a time."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Statements commit themselves; what belongs together says BEGIN.
            self.file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self.file.execute("PRAGMA journal_mode = WAL")
            self.file.execute("PRAGMA synchronous = FULL")  # an answer of 202 survives a power cut
            self.file.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(
                f"{path}: deliveries cannot be kept there ({error}); name another with --state"
            ) from error

    def add(self, deliveries: Sequence[Delivery], now: float) -> list[str | None]:
        """Keep deliveries, all on disk on return. The state of each; None for an id that is known already.

        A champion that waits to be sent already is ``merged``: one dispatch serves both.
        """
        states: list[str | None] = []
        self.file.execute("BEGIN IMMEDIATE")
        try:
            for one in deliveries:
                values = {"id": one.id, "now": now, "version": one.version}
                fresh = self.file.execute(ADD, values).rowcount == 1
                row = self.file.execute("SELECT state FROM delivery WHERE id = ?", (one.id,)).fetchone()
                states.append(str(row[0]) if fresh else None)
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
        """GitHub took it."""
        self._settle(delivery, "sent")

    def give_up(self, delivery: str) -> None:
        """GitHub will never take it."""
        self._settle(delivery, "given up")

    def retry(self, delivery: str, due: float) -> None:
        """It did not go through; the next attempt is at ``due``."""
        self.file.execute("UPDATE delivery SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery))

    def counts(self) -> dict[str, int]:
        """State -> deliveries in it."""
        return dict(self.file.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state"))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _settle(self, delivery: str, state: str) -> None:
        self.file.execute("UPDATE delivery SET state = ?, attempts = attempts + 1 WHERE id = ?", (state, delivery))
