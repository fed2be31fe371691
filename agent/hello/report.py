# SPDX-License-Identifier: Apache-2.0
"""Reports: what nodes say to the whole mesh about a link or node, flooded by batman-adv over bat0.

Agents relay nothing: the mesh's own flood reaches everybody while unicast routes may still be stale.
"""

from __future__ import annotations

import msgspec

from agent.hello.limits import SourceLimits, TokenBucket
from agent.hello.message import ReportMessage, mac_text
from agent.readings import Report

REPORT_TTL = 10.0  # s; a report speaks of what happens now, an episode that lasts is reported again
MAX_REPORTS = 128  # bounds the memory a malicious sender can force; a mesh with more trouble is seen anyway
SOURCE_RATE, SOURCE_BURST = (
    5.0,
    24.0,
)  # per sender: a node that loses eight links at once says each three times
TOTAL_RATE, TOTAL_BURST = 50.0, 200.0  # of all: a split in a mesh of 1,000 makes about 100 at once
OWN_RATE, OWN_BURST = 2.0, 8.0  # what we say ourselves, below what others take from us with the repeats
REPEATS = (0.0, 0.05, 0.2)  # s; a flood right after a fault may be lost on the way, three rarely are
NEWS_AFTER = 1.0  # s; the same said again within this time is a repeat, no news


class Entry(msgspec.Struct, frozen=True):
    """A report as it was last heard, monotonic seconds."""

    message: ReportMessage
    at: float


Key = tuple[str, str, bytes, bytes]


class Reports:
    """What others said lately. Changed by the event loop only; `snapshot` may be called from any thread."""

    def __init__(self) -> None:
        self._entries: dict[Key, Entry] = {}  # oldest first
        self._limits = SourceLimits(SOURCE_RATE, SOURCE_BURST, TOTAL_RATE, TOTAL_BURST)

    def admit(self, source: str, now: float) -> bool:
        """May a datagram from this address be looked at (its rate)?"""
        return self._limits.take(source, now)

    def take(self, message: ReportMessage, now: float) -> bool:
        """Keep it; is it news?"""
        key = (message.node, message.kind, message.subject, message.about)
        before = self._entries.pop(key, None)
        self.expire(now)
        if before is None and len(self._entries) >= MAX_REPORTS:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = Entry(message, now)
        return before is None or now - before.at > NEWS_AFTER

    def expire(self, now: float) -> None:
        """Forget what is older than its time to live."""
        for key in [k for k, e in self._entries.items() if now - e.at > REPORT_TTL]:
            del self._entries[key]

    def snapshot(self, now: float) -> tuple[Report, ...]:
        """The reports that hold now."""
        return tuple(
            Report(
                node=e.message.node,
                kind=e.message.kind,
                subject_mac=mac_text(e.message.subject),
                about_mac=mac_text(e.message.about),
                age=max(0.0, now - e.at),
            )
            for e in tuple(self._entries.values())
            if now - e.at <= REPORT_TTL
        )


def own_limit(now: float) -> TokenBucket:
    """How often this node itself may report."""
    return TokenBucket(OWN_RATE, OWN_BURST, now)
