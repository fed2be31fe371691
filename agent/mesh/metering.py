# SPDX-License-Identifier: Apache-2.0
"""Measures wires whose configuration says `throughput: measure`, by batman-adv's own meter.

A test fills the wire for 0.4 s, so it is rare: once after the wire came, then daily. It
goes the way batman-adv would send; so only a neighbour whose best way is this very wire is tested. Set-up,
not a remedy: the keeper tells batman-adv the result (agent/mesh/wanted.py).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.kernel.linkspeed import link_speed_kbit
from agent.kernel.tpmeter import Carried, TpMeter
from agent.mesh.wanted import MEASURE
from agent.readings import Link, Neighbour, Originator, Peer, as_kept

if TYPE_CHECKING:
    from agent.config import Config

# The meter fills the queue before a slow wire for about as long as it lasts: two seconds of a 4 Mbit/s wire
# held echoes and ELP up for so long that both ends took the link for broken. Its start is over in 50 ms.
TEST_MS: Final = 400
LOOK_S: Final = 5.0  # how often it is asked whether a test is due
FIRST_S: Final = (10.0, 40.0)  # after the wire came, at random: its two ends do not test at once
AGAIN_S: Final = 86_400.0
RETRY_S: Final = 600.0  # after a failed test, doubled up to AGAIN_S
LEAST_KBIT: Final = 100  # what batman-adv can be told at least
MOST_KBIT: Final = 10_000_000
STEADY: Final = 0.25  # a result so near to the last one changes nothing: routes do not wander with noise
BUSY: Final = 0.5  # more of other traffic than this share of the test's own: the test says nothing
HELLO_FRESH_S: Final = 10.0  # a peer heard so lately is still who it was

log = logging.getLogger("x0.mesh")


class Meter(msgspec.Struct):
    """Where one wire stands."""

    index: int  # of the interface that is tested; another one is another wire
    due: float  # monotonic seconds
    failures: int = 0
    kbit: int | None = None


def target(
    name: str, neighbours: Iterable[Neighbour], originators: Iterable[Originator], peers: Iterable[Peer]
) -> str | None:
    """The originator address of a neighbour whose best way is this wire; None where there is none."""
    best = {row.mac: (row.hardif, row.neighbour) for row in originators if row.best}
    near = {row.mac for row in neighbours if row.hardif == name}
    fits = (
        peer.originator
        for peer in peers
        if peer.hardif == name
        and peer.mac in near
        and peer.hello_age <= HELLO_FRESH_S
        and best.get(peer.originator) == (name, peer.mac)
    )
    return min(fits, default=None)


def settled(before: int | None, carried: int, most: int) -> int:
    """The figure to keep, kbit/s in whole hundreds: bounded, and the old one where they hardly differ."""
    fresh = as_kept(max(LEAST_KBIT, min(most, carried)))
    return before if before is not None and abs(fresh - before) <= STEADY * before else fresh


def busy(before: Link, after: Link, carried: Carried) -> bool:
    """Did so much else pass meanwhile that the test was one of many?"""
    other = after.tx_bytes - before.tx_bytes - carried.octets * 1.1  # headers, resends, batman-adv's own
    return other > BUSY * carried.octets


class Metering:
    """`kbit` for the keeper and the sensor, from any thread; `run` it under supervision."""

    def __init__(
        self,
        config: Config,
        *,
        peers: Callable[[], tuple[Peer, ...]],
        closed: Callable[[], str],
        changed: Callable[[], None],
        links: Links | None = None,
        batadv: BatAdv | None = None,
        meter: TpMeter | None = None,
        speed: Callable[[str], int | None] = link_speed_kbit,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`closed()`: why nothing may be done now, "" where it may. `changed()`: a figure is new."""
        mesh = config.mesh
        self._mesh = mesh.name
        self.names = tuple(one.name for one in mesh.interfaces if one.throughput == MEASURE and mesh.enabled)
        self._peers, self._closed, self._changed = peers, closed, changed
        self._links, self._batadv = links or Links(), batadv or BatAdv()
        self._meter, self._speed = meter or TpMeter(), speed
        self._clock, self._chance = clock, chance
        self._wires: dict[str, Meter] = {}

    def kbit(self, name: str) -> int | None:
        """What the last good test over this wire carried; None before one."""
        wire = self._wires.get(name)
        return None if wire is None else wire.kbit

    async def run(self) -> None:
        """Until cancelled; one test at a time."""
        while True:
            if not self._closed():
                for name in self.names:
                    if await asyncio.to_thread(self.look, name):
                        self._changed()
            await asyncio.sleep(LOOK_S)

    def look(self, name: str) -> bool:
        """Test this wire if that is due; is its figure another now? Blocking."""
        now = self._clock()
        try:
            before = self._links.get(name)
            if before is None:
                return self._wires.pop(name, None) is not None
            wire = self._wires.get(name)
            if wire is None or wire.index != before.index:
                wire = self._wires[name] = Meter(before.index, now + self._chance(*FIRST_S))
            if now < wire.due:
                return False
            mesh = self._links.index(self._mesh)
            near = target(name, self._batadv.neighbours(mesh), self._batadv.originators(mesh), self._peers())
            if near is None:
                return False  # asked again at the next look, it costs two small dumps
            carried = self._meter.run(mesh, near, TEST_MS)
            after = self._links.get(name)
            most = min(MOST_KBIT, self._speed(name) or MOST_KBIT)
        except KernelError as error:
            self._put_off(name, now, str(error))
            return False
        if after is None or after.index != wire.index or not carried.octets or busy(before, after, carried):
            self._put_off(name, now, "too much else passed for the test to say anything")
            return False
        figure, old = settled(wire.kbit, carried.kbit, most), wire.kbit
        self._wires[name] = Meter(wire.index, now + AGAIN_S, 0, figure)
        words = {"interface": name, "kbit": figure, "carried_kbit": carried.kbit, "to": near}
        log.info("%s carries %d kbit/s", name, carried.kbit, extra={"event": "measured", "fields": words})
        return figure != old

    def _put_off(self, name: str, now: float, why: str) -> None:
        wire = self._wires.get(name)
        if wire is None:
            return
        wait = min(AGAIN_S, RETRY_S * 2.0 ** min(wire.failures, 8))
        wire.failures, wire.due = wire.failures + 1, now + wait
        log.warning("%s was not measured, next try in %.0f s: %s", name, wait, why)
