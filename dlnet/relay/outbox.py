"""Deliveries on disk: ids are stored for a day, deliveries until GitHub has accepted them."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
CREATE TABLE IF NOT EXISTS moment (name TEXT PRIMARY KEY, at REAL NOT NULL) STRICT;
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
ASKED = "asked"  # the moment of the last dispatch: one that GitHub took, or a check that was put into the outbox
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class OutboxError(DLNetError):
    """The file of deliveries cannot be read or written."""


@dataclass(frozen=True)
class Waiting:
    """A delivery that GitHub has not accepted yet, after ``attempts`` attempts; without a version it is a check."""

    id: str
    version: int | None
    attempts: int
    received: float


class Outbox:
    """The file of deliveries; not thread-safe, except for ``counts``.

    Every method but ``counts`` raises ``sqlite3.Error`` for what may pass, such as a full disk, and ``OutboxError`` for
    what does not: the file is damaged, or it is no longer the one that was opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit; transactions begin with BEGIN.
            self.file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            path.chmod(0o600)
            self.file.execute("PRAGMA journal_mode = WAL")
            self.file.execute("PRAGMA synchronous = FULL")  # a delivery answered with 202 survives a power failure
            self.file.executescript(SCHEMA)
            self._counts = dict(self.file.execute("SELECT state, COUNT(*) FROM delivery GROUP BY state"))
        except (sqlite3.Error, OSError) as error:
            raise OutboxError(
                f"{path}: deliveries cannot be stored there ({error}); give another file with --state"
            ) from error
        self._identity = _identity(path)

    def add(self, deliveries: Sequence[Delivery], now: float) -> list[str | None]:
        """Store deliveries; all are on disk on return. Returns the state of each; None for an id that exists already.

        A delivery for a champion that already waits to be sent is ``merged``: one dispatch is enough.
        """
        states: list[str | None] = []
        with self._transaction():
            for delivery in deliveries:
                values = {"id": delivery.id, "now": now, "version": delivery.version}
                inserted = self.file.execute(ADD, values).rowcount == 1
                row = self.file.execute("SELECT state FROM delivery WHERE id = ?", (delivery.id,)).fetchone()
                states.append(str(row[0]) if inserted else None)
            old = "DELETE FROM delivery WHERE state != 'waiting' AND received < ? RETURNING state"
            forgotten = [str(row[0]) for row in self.file.execute(old, (now - KEEP,))]
        self._count([state for state in states if state is not None], forgotten)
        return states

    def add_check(self, now: float, period_s: float) -> bool:
        """Put a check into the outbox if there was no dispatch for ``period_s`` and none waits.

        The first call ever only notes the time. Returns whether there is a new check.
        """
        with self._usable():
            row = self.file.execute("SELECT at FROM moment WHERE name = ?", (ASKED,)).fetchone()
        # A time in the future comes from a clock that was put back.
        if (row is not None and 0 <= now - row[0] < period_s) or self._counts.get("waiting"):
            return False
        with self._transaction():
            self._note_asked(now)
            if row is not None:
                add = "INSERT INTO delivery (id, received, version, state, due) VALUES (?, ?, NULL, 'waiting', ?)"
                self.file.execute(add, (str(uuid.uuid4()), now, now))
        if row is None:
            return False
        self._count(["waiting"], [])
        return True

    def due(self, now: float, count: int) -> list[Waiting]:
        """Up to ``count`` deliveries that are to be sent now, the oldest first."""
        with self._usable():
            rows = self.file.execute(
                "SELECT id, version, attempts, received FROM delivery WHERE state = 'waiting' AND due <= ? "
                "ORDER BY received, id LIMIT ?", (now, count),
            ).fetchall()  # fmt: skip
        return [Waiting(*row) for row in rows]

    def sent(self, delivery: str, now: float) -> None:
        """Mark as accepted by GitHub at ``now``."""
        self._finish(delivery, "sent", now)

    def give_up(self, delivery: str) -> None:
        """Mark as refused by GitHub for good."""
        self._finish(delivery, "given up", None)

    def retry(self, delivery: str, due: float) -> None:
        """Count a failed attempt; the next is at ``due``."""
        with self._usable():
            self.file.execute("UPDATE delivery SET attempts = attempts + 1, due = ? WHERE id = ?", (due, delivery))

    def counts(self) -> dict[str, int]:
        """State -> deliveries in it; from memory, so that neither a full nor a slow disk matters."""
        return dict(self._counts)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _finish(self, delivery: str, state: str, asked: float | None) -> None:
        change = "UPDATE delivery SET state = ?, attempts = attempts + 1 WHERE id = ? AND state = 'waiting'"
        with self._transaction():
            changed = self.file.execute(change, (state, delivery)).rowcount
            if asked is not None:
                self._note_asked(asked)
        self._count([state] * changed, ["waiting"] * changed)

    def _note_asked(self, now: float) -> None:
        self.file.execute("INSERT OR REPLACE INTO moment (name, at) VALUES (?, ?)", (ASKED, now))

    def _count(self, came: Sequence[str], went: Sequence[str]) -> None:
        """After a transaction; replaced as a whole, as another thread may read it."""
        counts = Counter(self._counts)
        counts.update(came)
        counts.subtract(went)
        self._counts = dict(+counts)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._usable():
            self.file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.file.execute("COMMIT")
            finally:
                if self.file.in_transaction:
                    self.file.execute("ROLLBACK")

    @contextmanager
    def _usable(self) -> Iterator[None]:
        if _identity(self.path) != self._identity:
            raise OutboxError(
                f"{self.path}: was deleted or replaced while the relay runs; what waited there is lost "
                f"({self._counts.get('waiting', 0)} deliveries): start the relay again, it asks for a release by itself"
            )
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED:
                raise OutboxError(
                    f"{self.path}: is damaged ({error}); move it away with its -wal and -shm and start the relay again"
                ) from error
            raise


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file a path names; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
