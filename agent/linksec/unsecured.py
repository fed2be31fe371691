# SPDX-License-Identifier: Apache-2.0
"""Neighbours on one interface that speak in clear where links must be secured. Pure; believed in nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from agent.linksec.policy import LinkPolicy, Verdict
from agent.securityreadings import UnsecuredNeighbour

MAX_KNOWN: Final = 64  # addresses; anybody can invent more: the longest silent goes
FORGET: Final = 30.0  # s of silence: batman-adv says something every second


class Unsecured:
    """`policy` says when a neighbour has had its time."""

    def __init__(self, hardif: str, policy: LinkPolicy) -> None:
        self._hardif, self._policy = hardif, policy
        self._known: dict[str, list[float]] = {}  # MAC > first and last time; longest silent first

    def heard(self, senders: Collection[str], now: float) -> None:
        """Frames in clear came from these."""
        for mac in senders:
            first = self._known.pop(mac, [now])[0]
            self._known[mac] = [first, now]
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        for mac in [mac for mac, (_, last) in self._known.items() if now - last > FORGET]:
            del self._known[mac]

    def macs(self) -> tuple[str, ...]:
        """Theirs."""
        return tuple(self._known)

    def told(
        self, now: float, secured: Collection[str], beacons: Collection[str]
    ) -> tuple[UnsecuredNeighbour, ...]:
        """`secured`: MACs of links that are up; `beacons`: of those who offer security."""
        return tuple(
            UnsecuredNeighbour(
                self._hardif,
                mac,
                known_for=now - first,
                heard_age=now - last,
                refused=self._policy.judge(
                    mac, up=mac in secured, beacon=mac in beacons, known_for=now - first
                )
                is Verdict.REFUSED,
            )
            for mac, (first, last) in self._known.items()
        )
