# SPDX-License-Identifier: Apache-2.0
"""What a hello says: which neighbours are listed, in turns where they are too many. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.hello.message import (
    MAX_AGE_MS,
    MAX_ELP_MS,
    MAX_HEARD,
    MAX_INTENT_CHARS,
    MAX_INTENTS,
    MAX_INTERVAL_MS,
    MAX_SUSPECTS,
    MAX_WORD,
    MIN_INTERVAL_MS,
    Heard,
    HelloMessage,
    Told,
    mac_bytes,
)

FRESH_S = 2.0  # a neighbour last heard longer ago is not listed: four ELP intervals of batman-adv's default

# what is said is put into the form receivers accept: a strange word must not silence the node
_HEALTH = re.compile(r"[^a-z-]")
_INTENT = re.compile(r"[^\x20-\x7e]")


def _plain(intent: str) -> str:
    return _INTENT.sub("?", intent)[:MAX_INTENT_CHARS] or "?"


class Outgoing:
    """The hellos of one interface: numbers them and takes turns in `heard`."""

    def __init__(self, sequence: int) -> None:
        self._sequence = sequence
        self._turn = 0

    def message(
        self,
        *,
        node: str,
        originator: str,
        mac: str,
        interval: float,
        heard: Iterable[tuple[str, float]],
        suspects: Iterable[str] = (),
        health: str = "",
        intents: Iterable[str] = (),
        elp_ms: int = 0,
        told: Told | None = None,
    ) -> HelloMessage:
        """The next hello. `heard`: (MAC, age in s), may name a MAC twice; suspects are left out of it.

        `intents`: the newest last; the newest are said.
        """
        doubted = sorted(set(suspects))
        youngest: dict[str, float] = {}
        for neighbour, age in heard:
            if age <= FRESH_S and neighbour not in doubted:
                youngest[neighbour] = min(age, youngest.get(neighbour, age))
        self._sequence = (self._sequence + 1) & 0xFFFF_FFFF
        return HelloMessage(
            version=1,
            node=node,
            originator=mac_bytes(originator),
            mac=mac_bytes(mac),
            sequence=self._sequence,
            interval_ms=min(max(round(interval * 1000), MIN_INTERVAL_MS), MAX_INTERVAL_MS),
            heard=tuple(
                Heard(mac_bytes(m), min(max(round(youngest[m] * 1000), 0), MAX_AGE_MS))
                for m in self._window(sorted(youngest))
            ),
            partial=len(youngest) > MAX_HEARD,
            suspects=tuple(mac_bytes(m) for m in doubted[:MAX_SUSPECTS]),
            health=_HEALTH.sub("", health.lower())[:MAX_WORD],
            intents=tuple(_plain(intent) for intent in list(intents)[-MAX_INTENTS:]),
            elp_ms=min(max(elp_ms, 0), MAX_ELP_MS),
            told=told,
        )

    def _window(self, macs: list[str]) -> list[str]:
        if len(macs) <= MAX_HEARD:
            return macs
        start = self._turn % len(macs)
        self._turn = start + MAX_HEARD
        return (macs + macs)[start : start + MAX_HEARD]
