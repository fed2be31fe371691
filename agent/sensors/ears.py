# SPDX-License-Identifier: Apache-2.0
"""When a radio's interfaces last heard anything, which the kernel forgets with the stations."""

from __future__ import annotations

from typing import Final

import msgspec

from agent.readings import Radio

TOGETHER: Final = 2.0  # s: peers heard so long before the last sign of any fell silent at once
MAX_PEERS: Final = 256  # remembered of one interface: a stranger may invent addresses
ESTABLISHED: Final = frozenset({"estab", ""})  # "": an IBSS and an access point know no peering


class _Ear:
    """One interface. Monotonic seconds."""

    def __init__(self) -> None:
        self.heard: float | None = None
        self.peers: dict[str, float] = {}  # established peer > when it was last heard


class Ears:
    """Remembers, by the interface's index, when it was last heard by whom. Not thread-safe."""

    def __init__(self) -> None:
        self._ears: dict[int, _Ear] = {}

    def forget_others(self, radios: tuple[Radio, ...]) -> None:
        """Interfaces that are gone."""
        there = {radio.index for radio in radios}
        self._ears = {index: ear for index, ear in self._ears.items() if index in there}

    def listened(self, radio: Radio, now: float) -> None:
        """Takes in the stations, read just now."""
        ear = self._ears.setdefault(radio.index, _Ear())
        for station in radio.stations:
            at = now - station.inactive_age
            ear.heard = at if ear.heard is None else max(ear.heard, at)
            if station.plink in ESTABLISHED:
                ear.peers[station.mac] = max(at, ear.peers.get(station.mac, at))
        while len(ear.peers) > MAX_PEERS:
            del ear.peers[min(ear.peers, key=lambda mac: ear.peers[mac])]

    def told(self, radio: Radio, now: float) -> Radio:
        """The radio with what is remembered of it."""
        ear = self._ears.get(radio.index)
        if ear is None or ear.heard is None:
            return radio
        last = max(ear.peers.values(), default=None)
        return msgspec.structs.replace(
            radio,
            heard_age=max(0.0, now - ear.heard),
            peered_age=None if last is None else max(0.0, now - last),
            peers=sum(1 for at in ear.peers.values() if last is not None and at >= last - TOGETHER),
        )
