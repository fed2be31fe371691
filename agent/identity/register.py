# SPDX-License-Identifier: Apache-2.0
"""An issuer's book: which uses of a token are spent, which node has which keys. The one place that decides.

SQLite, written through to the medium before an answer leaves: an issuer killed in between has spent a use,
and the node that asks again with the same signing key gets that same use, not another.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.identity.errors import AuthorityError, EnrolmentError, TokenError

VERSION = 1
MAX_NODES = 10_000  # ten times the largest mesh: names once used stay known
BUSY = 5.0  # seconds a second process of the issuer may hold the book
_SCHEMA = """
CREATE TABLE IF NOT EXISTS nodes (
    name TEXT PRIMARY KEY, signing_key BLOB NOT NULL, serial TEXT NOT NULL, roles TEXT NOT NULL,
    enrolled INTEGER NOT NULL, renewed INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS uses (
    token BLOB NOT NULL, signing_key BLOB NOT NULL, node TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (token, signing_key)
) STRICT, WITHOUT ROWID;
"""


class Node(msgspec.Struct, frozen=True):
    """A node this issuer enrolled. `signing_key`: SHA-256 of its long-lived key; times are Unix seconds."""

    name: str
    signing_key: bytes
    serial: str
    roles: tuple[str, ...]
    enrolled: int
    renewed: int


class Register:
    """Open one per process; calls block for a write to the medium."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
            with self._mended():
                self._base.execute("PRAGMA synchronous=EXTRA")
                version = self._base.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, VERSION):
                    raise AuthorityError(
                        f"{path} is of version {version}, we know {VERSION}", "use the newer x0 that wrote it"
                    )
                self._base.executescript(_SCHEMA)
                self._base.execute(f"PRAGMA user_version={VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise self._error(error) from None

    def enrol(self, token: bytes, uses: int, node: Node) -> None:
        """Spends one use of `token` on `node`, unless this key has spent one: then that one holds.

        TokenError where all are spent; EnrolmentError where the name is another key's.
        """
        with self._mended(), self._transaction():
            own = self._find(node.name)
            if own is not None and own.signing_key != node.signing_key:
                raise EnrolmentError(
                    "name-taken",
                    f"node {node.name} is enrolled already with key {own.signing_key.hex()[:16]} (serial "
                    f"{own.serial or 'unknown'}); one with key {node.signing_key.hex()[:16]} "
                    f"(serial {node.serial or 'unknown'}) asks for the same name",
                    "give one of the two another name; a device set up anew: revoke the old name, take a new",
                )
            spent = dict(
                self._base.execute("SELECT signing_key, node FROM uses WHERE token = ?", (token,)).fetchall()
            )
            before = spent.get(node.signing_key)
            if before is not None and before != node.name:
                raise EnrolmentError(
                    "name-changed",
                    f"this key enrolled as {before} and asks for the name {node.name}",
                    "keep the name, or make new keys with a new token",
                )
            if before is None and len(spent) >= uses:
                raise TokenError(
                    "used-up",
                    f"the join token is used up: {uses} of {uses} uses are spent",
                    "make another: x0 mesh token",
                )
            if own is None and self._base.execute("SELECT count(*) FROM nodes").fetchone()[0] >= MAX_NODES:
                raise EnrolmentError("full", f"this issuer knows {MAX_NODES} nodes", "use another issuer")
            self._base.execute(
                "INSERT OR IGNORE INTO uses VALUES (?, ?, ?, ?)",
                (token, node.signing_key, node.name, node.enrolled),
            )
            self._base.execute(
                "INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET renewed = excluded.renewed, roles = excluded.roles",
                (node.name, node.signing_key, node.serial, " ".join(node.roles), node.enrolled, node.renewed),
            )

    def renewed(self, name: str, at: int) -> None:
        """Notes a renewal of a node enrolled here; of others nothing is noted."""
        with self._mended():
            self._base.execute("UPDATE nodes SET renewed = ? WHERE name = ?", (at, name))

    def find(self, name: str) -> Node | None:
        """The node of that name, None where it did not enrol here."""
        with self._mended():
            return self._find(name)

    def nodes(self) -> tuple[Node, ...]:
        """Everybody enrolled here, by name."""
        with self._mended():
            rows = self._base.execute("SELECT * FROM nodes ORDER BY name LIMIT ?", (MAX_NODES,)).fetchall()
        return tuple(_node(row) for row in rows)

    def spent(self, token: bytes) -> int:
        """How many uses of a token are spent."""
        with self._mended():
            return int(
                self._base.execute("SELECT count(*) FROM uses WHERE token = ?", (token,)).fetchone()[0]
            )

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def _find(self, name: str) -> Node | None:
        row = self._base.execute("SELECT * FROM nodes WHERE name = ?", (name,)).fetchone()
        return None if row is None else _node(row)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _mended(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from None

    def _error(self, error: Exception) -> AuthorityError:
        return AuthorityError(
            f"the issuer's book {self.path} cannot be used ({error})",
            "free space and make it writable; restore a damaged one from a backup, or make its tokens anew",
        )


def _node(row: tuple[str, bytes, str, str, int, int]) -> Node:
    name, key, serial, roles, enrolled, renewed = row
    return Node(name, key, serial, tuple(roles.split()), enrolled, renewed)
