# SPDX-License-Identifier: Apache-2.0
"""Measuring wires: who is asked, how seldom, and what counts as a result."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from agent.config import Config, Interface, Mesh, Node
from agent.kernel.errors import RefusedError
from agent.kernel.tpmeter import Carried
from agent.mesh.metering import AGAIN_S, MOST_KBIT, RETRY_S, Metering, settled, target
from agent.readings import Link, Neighbour, Originator, Peer

N1, N3, O1, O3 = "02:00:00:00:01:01", "02:00:00:00:03:01", "02:00:00:00:00:01", "02:00:00:00:00:03"


def peer(mac: str, originator: str, hardif: str = "e1", age: float = 0.5) -> Peer:
    return Peer("n", originator, hardif, mac, "fe80::1", age, True, 0.5)


class System:
    """Links, tables and a meter that carries what the test says."""

    def __init__(self, carried: Carried | Exception | None = None) -> None:
        self.now = 1000.0
        self.carried = carried or Carried(1_000_000, 2000)  # 4 Mbit/s
        self.index_of = 11
        self.tx = [0, 1_100_000]  # bytes counted before and after the test
        self.tests: list[str] = []
        self.rows = (Originator(O1, N1, "e1", 0.1, 10_000, best=True),)
        self.speed: int | None = None
        self.closed = ""
        self.changes = 0
        self.there = True

    def get(self, name: str) -> Link | None:
        sent = self.tx[0 if len(self.tests) % 2 == 0 else 1]
        return Link(name, self.index_of, N1, 1532, True, True, tx_bytes=sent) if self.there else None

    def index(self, name: str) -> int:
        assert name == "bat0"
        return 5

    def neighbours(self, index: int) -> tuple[Neighbour, ...]:
        return (Neighbour("e1", N1, 0.1), Neighbour("e1", N3, 0.1))

    def originators(self, index: int) -> tuple[Originator, ...]:
        return self.rows

    def run(self, mesh: int, originator: str, milliseconds: int) -> Carried:
        self.tests.append(originator)
        if isinstance(self.carried, Exception):
            raise self.carried
        return self.carried

    def _changed(self) -> None:
        self.changes += 1

    def metering(self, throughput: Any = "measure") -> Metering:
        fake = cast(Any, self)
        config = Config(Node("n2"), mesh=Mesh(interfaces=(Interface("e1", throughput=throughput),)))
        return Metering(
            config,
            peers=lambda: (peer(N1, O1), peer(N3, O3)),
            closed=lambda: self.closed,
            changed=self._changed,
            links=fake,
            batadv=fake,
            meter=fake,
            speed=lambda _: self.speed,
            clock=lambda: self.now,
            chance=lambda low, high: high,
        )


def test_only_wires_configured_so_are_measured() -> None:
    assert System().metering().names == ("e1",)
    assert System().metering("auto").names == ()


def test_a_wire_is_tested_some_time_after_it_came_then_daily() -> None:
    system = System()
    made = system.metering()
    assert not made.look("e1")
    system.now += 40
    assert made.look("e1")
    assert made.kbit("e1") == 4000
    assert system.tests == [O1]
    system.tests.append("an even number: the counters begin anew")
    system.now += AGAIN_S - 1
    assert not made.look("e1")
    assert len(system.tests) == 2
    system.now += 2
    assert not made.look("e1"), "the same figure is no news"
    assert len(system.tests) == 3


def test_only_a_neighbour_whose_best_way_is_this_wire_is_a_target() -> None:
    near = System().neighbours(5)
    best = Originator(O1, N1, "e1", 0.1, 10, best=True)
    assert target("e1", near, (best,), (peer(N1, O1),)) == O1
    for rows, peers in (
        ((Originator(O1, N1, "e1", 0.1, 10),), (peer(N1, O1),)),  # not the best
        ((Originator(O1, N3, "e1", 0.1, 10, best=True),), (peer(N1, O1),)),  # through another
        ((Originator(O1, N1, "e2", 0.1, 10, best=True),), (peer(N1, O1),)),  # by another wire
        ((best,), (peer(N1, O1, age=60.0),)),
        ((best,), (peer(N1, O1, hardif="e2"),)),
        ((best,), ()),
    ):
        assert target("e1", near, rows, peers) is None
    assert target("e1", (), (best,), (peer(N1, O1),)) is None


@pytest.mark.parametrize(
    ("before", "carried", "kept"),
    [
        (None, 4321, 4300),
        (4000, 4900, 4000),
        (4000, 3100, 4000),
        (4000, 5100, 5100),
        (4000, 2900, 2900),
        (None, 7, 100),
        (None, 10**12, MOST_KBIT),
    ],
)
def test_a_result_is_bounded_and_one_near_the_last_changes_nothing(
    before: int | None, carried: int, kept: int
) -> None:
    assert settled(before, carried, MOST_KBIT) == kept


def test_no_wire_carries_more_than_its_device_says() -> None:
    system = System()
    system.speed = 1000
    made = system.metering()
    made.look("e1")
    system.now += 40
    made.look("e1")
    assert made.kbit("e1") == 1000


@pytest.mark.parametrize("busy", [False, True])
def test_a_test_that_failed_or_met_other_traffic_is_tried_later_and_later(busy: bool) -> None:
    system = System(None if busy else RefusedError("the other node did not answer"))
    if busy:
        system.tx[1] = 2_000_000
    made = system.metering()
    made.look("e1")
    for wait in (40, RETRY_S, 2 * RETRY_S, 4 * RETRY_S):
        system.now += wait - 1
        made.look("e1")
        tests = len(system.tests)
        system.now += 1
        made.look("e1")
        assert len(system.tests) == tests + 1
        system.tests.append("even")
    assert made.kbit("e1") is None


def test_another_interface_of_the_name_is_another_wire() -> None:
    system = System()
    made = system.metering()
    made.look("e1")
    system.now += 40
    made.look("e1")
    system.index_of = 12
    assert not made.look("e1")
    assert made.kbit("e1") is None
    system.there = False
    made.look("e1")
    assert made.kbit("e1") is None


def test_nothing_is_tested_while_nothing_may_be_done() -> None:
    async def run(system: System) -> None:
        task = asyncio.create_task(system.metering().run())
        await asyncio.sleep(0)  # its first look, which ends in a pause
        task.cancel()

    system = System()
    system.closed = "the mode is observe"
    asyncio.run(run(system))
    assert system.tests == []
