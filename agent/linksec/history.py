# SPDX-License-Identifier: Apache-2.0
"""What went wrong between this node and its neighbours lately, alike things counted together. Pure."""

from __future__ import annotations

from typing import Final

from agent.linksec.report import Kind, LinkEvent
from agent.securityreadings import LinkFailure

MAX_KEPT: Final = 64  # a stranger can fail in many ways: the longest past goes
KEEP: Final = 3_600.0  # s: a technician who comes within the hour sees it
TEXT_MAX: Final = 300
TOLD: Final = frozenset({Kind.FAILED, Kind.DOWN, Kind.DUPLICATE})


class _Kept:
    __slots__ = ("at", "count", "first", "mac", "text")

    def __init__(self, now: float) -> None:
        self.first, self.count = now, 0
        self.at, self.mac, self.text = now, "", ""


class History:
    """Of all interfaces."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Kept] = {}  # interface, peer, reason; oldest first

    def note(self, event: LinkEvent, now: float) -> bool:
        """Take an event in; is it a failure of a kind that was not known?"""
        if event.kind not in TOLD or event.reason is None:
            return False
        key = (event.interface, event.peer, event.reason.value)
        found = self._kept.pop(key, None)
        kept = self._kept[key] = found or _Kept(now)
        kept.at, kept.count = now, kept.count + 1
        kept.mac, kept.text = event.mac or kept.mac, event.text[:TEXT_MAX]
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return found is None

    def told(self, now: float) -> tuple[LinkFailure, ...]:
        """Newest first; what is long past is forgotten."""
        for key in [key for key, kept in self._kept.items() if now - kept.at > KEEP]:
            del self._kept[key]
        return tuple(
            LinkFailure(
                hardif, reason, peer, kept.mac, kept.text, kept.count, now - kept.first, now - kept.at
            )
            for (hardif, peer, reason), kept in reversed(self._kept.items())
        )
