# SPDX-License-Identifier: Apache-2.0
"""Names of nodes beyond the neighbours: every agent tells, now and then in a hello, one of those it knows.

So a name goes from neighbour to neighbour, a few bytes a second on each link however large the mesh is, and
no flood is needed. It comes from anybody on the link: a word for people, never a reason to act.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec

from agent.hello.message import MAX_HOPS, Told, mac_bytes

MAX_NAMES = 1024  # a mesh has at most 1,000 nodes; and only those batman-adv knows are kept
BYTES_PER_S = 4.0  # of hellos on one interface: fifteen nodes in a minute or two, 1,000 in an hour and a half
SAVED_BYTES = 160.0  # at most, so that what was saved in a silence is no burst: two of the longest names
TOLD_BYTES = 11  # of one beside the name itself: array, MAC, hops
STALE_S = 21_600.0  # s (sensors/known.py: FORGET_S): not told again for so long, it gives way to any other


class Entry(msgspec.Struct, frozen=True):
    """A name and who told it; monotonic seconds."""

    name: str
    hops: int  # 1: its own hello
    source: str  # MAC of the neighbour it came from
    at: float


class Names:
    """Originator > name. Changed by the event loop only; `snapshot` is for any thread."""

    def __init__(self, is_node: Callable[[str], bool]) -> None:
        """`is_node`: does batman-adv know this originator? Anybody can invent others."""
        self.is_node = is_node
        self._entries: dict[str, Entry] = {}
        self._view: Mapping[str, str] = {}

    def take(self, originator: str, name: str, hops: int, source: str, now: float) -> None:
        """Enter it, unless it is better known: what came a shorter way is newer where a node was renamed."""
        before = self._entries.get(originator)
        other = before is not None and source != before.source and hops >= before.hops
        if other and before is not None and now - before.at < STALE_S:
            return
        if hops > MAX_HOPS or not self.is_node(originator) or (before is None and not self._room()):
            return
        self._entries[originator] = Entry(name, hops, source, now)
        if before is None or before.name != name:
            self._view = {mac: entry.name for mac, entry in self._entries.items()}

    def known(self) -> Iterator[tuple[str, Entry]]:
        """Those that can be passed on."""
        for mac, entry in self._entries.items():
            if entry.hops < MAX_HOPS and self.is_node(mac):
                yield mac, entry

    def snapshot(self) -> Mapping[str, str]:
        """Originator > name; the same object as long as nothing changes."""
        return self._view

    def _room(self) -> bool:
        if len(self._entries) >= MAX_NAMES:
            self._entries = {mac: entry for mac, entry in self._entries.items() if self.is_node(mac)}
        return len(self._entries) < MAX_NAMES


class Telling:
    """Which name is told next on one interface, and when."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, float]] = {}  # originator > the name told, when
        self._saved = 0.0  # bytes
        self._needed = TOLD_BYTES + 1  # for what is next: until then there is nothing to choose
        self._at: float | None = None

    def newcomer(self) -> None:
        """Somebody new listens: all is told again, the nearest first."""
        self._told.clear()

    def next(self, names: Names, listeners: Collection[str], now: float) -> Told | None:
        """What this hello shall tell. `listeners`: MACs of those who hear it."""
        self._saved = min(
            SAVED_BYTES, self._saved + BYTES_PER_S * (now - (now if self._at is None else self._at))
        )
        self._at = now
        if self._saved < self._needed or not listeners:
            return None
        alone = next(iter(listeners)) if len(listeners) == 1 else ""  # who told it need not be told

        def order(row: tuple[str, Entry]) -> tuple[float, int, str]:
            name, at = self._told.get(row[0], ("", 0.0))
            return (at if name == row[1].name else float("-inf"), row[1].hops, row[0])

        mac, entry = min(
            (row for row in names.known() if row[1].source != alone), key=order, default=("", None)
        )
        if entry is None:
            return None
        self._needed = TOLD_BYTES + len(entry.name)
        if self._saved < self._needed:
            return None
        self._saved -= self._needed
        self._needed = TOLD_BYTES + 1
        if len(self._told) > MAX_NAMES:  # of nodes that are gone
            self._told.clear()
        self._told[mac] = (entry.name, now)
        return Told(mac_bytes(mac), entry.name, entry.hops)
