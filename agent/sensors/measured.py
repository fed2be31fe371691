# SPDX-License-Identifier: Apache-2.0
"""On which wires batman-adv knows ways that have no metric for what goes out there (mesh/secondneighbour.py).

A way that leads in by an interface with a single neighbour is not considered for what goes out by the same
one. It has a metric there once it was, and keeps it for as long as it is heard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from agent.readings import Mesh, Originator

EVERY: Final = 2.0  # s between two looks: each costs a dump more for each wire in question
MOST: Final = 32  # wires looked at: no node has more

Way = tuple[str, str]  # originator, neighbour


class Measured:
    """Remembers which ways have their metric; `read(hardif's index)` dumps those for what goes out there."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[Way]] = {}  # hardif > ways with a metric
        self._lacking: tuple[str, ...] = ()
        self._looked = float("-inf")

    def lacking(
        self, mesh: Mesh, now: float, read: Callable[[int], tuple[Originator, ...]]
    ) -> tuple[str, ...]:
        """Hardifs with a single neighbour by which a way leads in that has no metric for them. KernelError.

        None on a node that passes nothing on, which has neighbours on one interface only.
        """
        count = Counter(row.hardif for row in mesh.neighbours)
        indices = {row.name: row.index for row in mesh.hardifs}
        single = [
            name for name, number in count.items() if number == 1 and name in indices and len(count) > 1
        ]
        ways: dict[str, set[Way]] = {name: set() for name in single[:MOST]}
        for row in mesh.originators:
            if row.hardif in ways:
                ways[row.hardif].add((row.mac, row.neighbour))
        self._known = {name: known for name, known in self._known.items() if name in count}
        open_ones = [name for name, found in ways.items() if found - self._known.get(name, frozenset())]
        if open_ones and now - self._looked < EVERY:
            return tuple(name for name in self._lacking if name in open_ones)
        if open_ones:
            self._looked = now
        for name in open_ones:
            self._known[name] = frozenset(
                (row.mac, row.neighbour) for row in read(indices[name]) if row.hardif == name
            )
        self._lacking = tuple(name for name in open_ones if ways[name] - self._known[name])
        return self._lacking
