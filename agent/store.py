# SPDX-License-Identifier: Apache-2.0
"""What must survive the agent, in one SQLite file: values by key, and records of what was decided and what
came of it.

Writes are queued and go to disk in batches, to spare flash; reads of values are served from memory. A full
disk or a vanished file system does not stop the agent: the queue stays bounded and is tried again. A
damaged file is set aside.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

SCHEMA_VERSION = 1
MAX_QUEUED = 1000  # records waiting for a disk that is full; the oldest are dropped
MAX_RECORDS = 5000  # records kept, about 3 MB
MIN_RECORDS = 200  # kept whatever their age: a clock that jumps ahead must not erase everything
MAX_AGE = 90 * 86400.0  # s a record is kept
MAX_VALUE = 64 * 1024  # bytes of one value or record
MAX_KEYS = 4096
MAX_BROKEN = 3  # damaged files kept beside it
PRUNE_EVERY = 100  # records between two prunings
CACHE_KIB = 256  # SQLite's page cache; its default of 2 MB is a twentieth of the agent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vals (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY, wall REAL NOT NULL, kind TEXT NOT NULL, episode TEXT NOT NULL,
    body BLOB NOT NULL);
"""


class StoreError(Exception):
    """The store cannot be opened or written: where, why, how to mend."""


class Record(msgspec.Struct, frozen=True):
    """One thing that happened. `body` is JSON."""

    wall: float
    kind: str
    episode: str
    body: bytes


class Store:
    """Open it once; its methods may be called from any thread. `trouble` says what is wrong now, or ""."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self.notes: list[str] = []
        self._guard = threading.Lock()
        self._values: dict[str, bytes] = {}
        self._changed: dict[str, bytes | None] = {}
        self._queue: deque[Record] = deque(maxlen=MAX_QUEUED)
        self._since_prune = PRUNE_EVERY
        self._base: sqlite3.Connection | None = None
        with self._guard:
            self._open()

    def get(self, key: str) -> bytes | None:
        """A value, None where there is none."""
        with self._guard:
            return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set a value; on disk after the next flush."""
        if len(value) > MAX_VALUE:
            raise StoreError(f"value {key} of {len(value)} bytes, at most {MAX_VALUE} are kept")
        with self._guard:
            if self._values.get(key) == value:
                return
            if key not in self._values and len(self._values) >= MAX_KEYS:
                raise StoreError(f"value {key}: {MAX_KEYS} keys are kept already")
            self._values[key] = value
            self._changed[key] = value

    def delete(self, key: str) -> None:
        """Forget a value."""
        with self._guard:
            if self._values.pop(key, None) is not None:
                self._changed[key] = None

    def add(self, record: Record) -> None:
        """Keep a record; on disk after the next flush."""
        if len(record.body) > MAX_VALUE:
            raise StoreError(f"record of {len(record.body)} bytes, at most {MAX_VALUE} are kept")
        with self._guard:
            self._queue.append(record)

    def records(self, limit: int = 100) -> tuple[Record, ...]:
        """The newest ones, newest first, at most `limit`."""
        with self._guard:
            waiting = list(self._queue)[::-1][:limit]
            stored: list[Record] = []
            if self._base is not None and len(waiting) < limit:
                with contextlib.suppress(sqlite3.Error):
                    rows = self._base.execute(
                        "SELECT wall, kind, episode, body FROM records ORDER BY id DESC LIMIT ?",
                        (limit - len(waiting),),
                    )
                    stored = [Record(*row) for row in rows]
            return tuple(waiting + stored)

    def pending(self) -> int:
        """Changes not on disk yet."""
        with self._guard:
            return len(self._queue) + len(self._changed)

    def flush(self, *, durable: bool = False) -> bool:
        """Writes what waits in one transaction; `durable` also outlives a power cut. False: it failed."""
        with self._guard:
            if not self._queue and not self._changed and not durable and not self.trouble:
                return True
            if self._base is None:
                self._open()
            if self._base is None:
                return False
            try:
                self._write(self._base)
                if durable:
                    self._base.execute("PRAGMA wal_checkpoint(FULL)")
            except sqlite3.OperationalError as error:  # disk full, read-only, busy: it may pass
                with contextlib.suppress(sqlite3.Error):
                    self._base.rollback()
                self._fail(
                    f"cannot be written ({error}); free space, the agent keeps it in memory until then"
                )
                return False
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
                return False
            self.trouble = ""
            return True

    def shrink(self) -> int:
        """Gives up all but the newest MIN_RECORDS records and the room they took: bytes freed.

        For a full disk; 0 where nothing can be done.
        """
        self.flush()
        with self._guard:
            before = self._size()
            if self._base is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._base.execute(
                        "DELETE FROM records WHERE id <= "
                        "(SELECT id FROM records ORDER BY id DESC LIMIT 1 OFFSET ?)",
                        (MIN_RECORDS,),
                    )
                    self._base.execute("PRAGMA temp_store=MEMORY")  # its copy must not need the full disk
                    self._base.execute("VACUUM")
                    self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return max(0, before - self._size())

    def close(self) -> None:
        """Flushes and closes."""
        self.flush()
        with self._guard:
            if self._base is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._base.close()
                self._base = None

    def _size(self) -> int:
        size = 0
        for tail in ("", "-wal"):
            with contextlib.suppress(OSError):
                size += self.path.with_name(self.path.name + tail).stat().st_size
        return size

    def _write(self, base: sqlite3.Connection) -> None:
        changed = tuple(self._changed.items())
        waiting = tuple(self._queue)
        base.execute("BEGIN IMMEDIATE")
        base.executemany(
            "DELETE FROM vals WHERE key = ?", [(key,) for key, value in changed if value is None]
        )
        base.executemany(
            "INSERT INTO vals VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [(key, value) for key, value in changed if value is not None],
        )
        base.executemany(
            "INSERT INTO records (wall, kind, episode, body) VALUES (?, ?, ?, ?)",
            [(record.wall, record.kind, record.episode, record.body) for record in waiting],
        )
        prune = self._since_prune + len(waiting) >= PRUNE_EVERY
        if prune:
            _prune(base, waiting)
        base.commit()
        self._since_prune = 0 if prune else self._since_prune + len(waiting)
        self._changed.clear()
        self._queue.clear()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._base = self._connect()
        except (sqlite3.OperationalError, OSError) as error:
            self._fail(f"cannot be opened ({error}); make the state directory writable for the agent")
        except sqlite3.DatabaseError as error:
            self._set_aside(error)

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("PRAGMA synchronous=NORMAL")
            base.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            base.execute("PRAGMA journal_size_limit=1048576")
            version = base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise sqlite3.DatabaseError(f"schema version {version}, this agent knows {SCHEMA_VERSION}")
            base.executescript(_SCHEMA)
            if version == 0:
                base.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            if base.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check found damage")
            stored = base.execute("SELECT key, value FROM vals LIMIT ?", (MAX_KEYS,)).fetchall()
            self._values = {**_good(stored), **self._values}
        except sqlite3.Error:
            base.close()
            raise
        return base

    def _set_aside(self, error: Exception) -> None:
        """The damaged file becomes .broken-N; a new one is begun."""
        if self._base is not None:
            with contextlib.suppress(sqlite3.Error):
                self._base.close()
            self._base = None
        free = (self.path.with_name(f"{self.path.name}.broken-{n}") for n in range(1, MAX_BROKEN + 1))
        aside = next((path for path in free if not path.exists()), None)
        aside = aside or self.path.with_name(f"{self.path.name}.broken-{MAX_BROKEN}")
        try:
            self.path.replace(aside)
            for tail in ("-wal", "-shm"):
                self.path.with_name(self.path.name + tail).unlink(missing_ok=True)
            self._changed = {**self._values, **self._changed}
            self._base = self._connect()
        except (sqlite3.Error, OSError) as second:
            self._fail(f"is damaged ({error}) and cannot be begun anew ({second})")
            return
        self.notes.append(f"{self.path} was damaged ({error}); kept as {aside.name}, begun anew")

    def _fail(self, why: str) -> None:
        trouble = f"{self.path} {why}"
        if trouble != self.trouble:
            self.notes.append(trouble)
        self.trouble = trouble


def _prune(base: sqlite3.Connection, waiting: tuple[Record, ...]) -> None:
    base.execute(
        "DELETE FROM records WHERE id <= (SELECT id FROM records ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (MAX_RECORDS,),
    )
    newest = base.execute("SELECT wall FROM records ORDER BY id DESC LIMIT 1").fetchone()
    if newest is not None:
        base.execute(
            "DELETE FROM records WHERE wall < ? AND id <= "
            "(SELECT id FROM records ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (newest[0] - MAX_AGE, MIN_RECORDS),
        )


def _good(rows: Iterable[tuple[object, object]]) -> dict[str, bytes]:
    """The rows of the right types: SQLite enforces none."""
    return {key: value for key, value in rows if isinstance(key, str) and isinstance(value, bytes)}
