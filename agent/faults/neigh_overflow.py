# SPDX-License-Identifier: Apache-2.0
"""neigh-overflow: the kernel's table of IP neighbours is full and refuses new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from agent.events import Diagnosis, Remedy, Snapshot, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View
from agent.hostreadings import NeighbourTable

WINDOW_S = 8.0  # in which entries must have been refused: more than the 5 s between two readings
NEARLY = 0.9  # share of the limit from which the next burst of newcomers is refused
FEW = 0.5  # share of the limit there was at first, below which that one does again
AT_LEAST = 1024  # the kernel's own default: a smaller limit is raised to it at once
AT_MOST = 8192  # entries; of 0.5 KB each they take 4 MB
STEPS = 3  # limits tried, each twice the last
DEADLINE_S = 20.0  # the act, and WINDOW_S without a refusal
WORDS = {"arp_cache": "IPv4", "ndisc_cache": "IPv6"}


class NeighOverflow:
    """Within some seconds the kernel refused a neighbour because its table of IP neighbours was full, or the
    table is nine tenths full.

    Its limits gc_thresh2 and gc_thresh3 are doubled, at most to 8192, and put back when half of the old limit
    is enough. gc_thresh1 stays, so that old entries go on being dropped.
    """

    id: ClassVar[str] = "neigh-overflow"
    title: ClassVar[str] = "Too many IP neighbours"
    by_hand: ClassVar[str] = (
        "`ip neigh | wc -l` counts them, `sysctl -w net.ipv4.neigh.default.gc_thresh3=4096` makes room; "
        "look for a device that scans addresses."
    )
    explains: ClassVar[frozenset[str]] = frozenset()
    seldom: ClassVar[bool] = True  # asked once a second while it has nothing to report

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        return ()  # a refusal is counted by the kernel: looking more closely tells nothing new

    def symptoms(self, view: View) -> Sequence[Symptom]:
        full = [table for table in _tables(view.snapshot) if _full(view, table)]
        if not full:
            return ()
        evidence: dict[str, str] = {}
        for table in full:
            evidence[_said(table.name)] = f"{table.entries} entries"
            evidence[_limit(table.name)] = str(table.limit)
        return (Symptom(self.id, Subject.host("neighbour-table"), view.now, evidence),)

    def sentence(self, symptom: Symptom) -> str:
        said = [
            f"{words} has {symptom.evidence[_said(name)]}, {symptom.evidence[_limit(name)]} fit"
            for name, words in WORDS.items()
            if _said(name) in symptom.evidence
        ]
        return (
            f"The table of IP neighbours is full: {'; '.join(said)}. "
            "Devices that are new to it cannot be reached."
        )

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """Twice the limit, again twice, and once more."""
        rungs = []
        limits = {name: int(diagnosis.evidence.get(_limit(name), "0")) for name in WORDS}
        if not any(limits.values()):  # nothing was diagnosed: what is full now
            limits = {each.name: each.limit for each in _tables(view.snapshot) if _full(view, each)}
        for name, limit in limits.items():
            first = max(AT_LEAST, 2 * limit)
            hards = sorted({min(AT_MOST, first << step) for step in range(STEPS)})
            for attempt, hard in enumerate(hards, 1):
                if limit and hard > limit:
                    args = {"table": name, "soft": str(hard // 2), "hard": str(hard), "attempt": str(attempt)}
                    table = f"{diagnosis.subject}/{name}"
                    rungs.append(Remedy("raise-neighbour-limit", table, args, deadline=DEADLINE_S))
        return tuple(rungs)

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        tables = {table.name: table for table in _tables(view.snapshot)}
        state = State.GONE
        for name in WORDS:
            limit, table = int(diagnosis.evidence.get(_limit(name), "0")), tables.get(name)
            if not limit:
                continue
            if table is None or _full(view, table):
                return State.PRESENT
            if table.entries >= FEW * limit:
                state = State.CONTAINED
        return state


def _tables(snapshot: Snapshot) -> tuple[NeighbourTable, ...]:
    return snapshot.host.neighbour_tables if snapshot.host is not None else ()


def _full(view: View, table: NeighbourTable) -> bool:
    """Did it refuse an entry within the window, or is it about to?"""
    before = table.overflows
    for snapshot in reversed(view.history):
        if view.now - snapshot.at > WINDOW_S:
            break
        before = min([before, *(old.overflows for old in _tables(snapshot) if old.name == table.name)])
    return table.overflows > before or (table.limit > 0 and table.entries >= NEARLY * table.limit)


def _said(name: str) -> str:
    return f"{WORDS[name]} table"


def _limit(name: str) -> str:
    return f"{WORDS[name]} limit"


FAULT: Fault = NeighOverflow()
