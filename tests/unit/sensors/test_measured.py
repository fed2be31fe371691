# SPDX-License-Identifier: Apache-2.0
"""Which wires have ways without a metric for what goes out there, and what it costs to know."""

from __future__ import annotations

import msgspec
import pytest

from agent.readings import Hardif, Mesh, Neighbour, Originator
from agent.sensors.measured import EVERY, Measured

N2, N6 = "02:00:00:00:00:02", "02:00:00:00:00:06"
O2, O3, O6 = "0a:00:00:00:00:02", "0a:00:00:00:00:03", "0a:00:00:00:00:06"
INDEX = {"e2": 3, "e6": 4}
BARE = Mesh("bat0", 7, "0a:00:00:00:00:01", "BATMAN_V", 300, 30, "off", bla=False, bonding=False)


class Ring:
    """n1 of a ring: n2 at e2, n6 at e6, each node by both. `metrics`: hardif > measured originators."""

    def __init__(self) -> None:
        self.now = 100.0
        self.metrics: dict[str, set[str]] = {"e2": set(), "e6": set()}
        self.originators = [O2, O3, O6]
        self.neighbours = [Neighbour("e2", N2, 0.1), Neighbour("e6", N6, 0.1)]
        self.read: list[int] = []
        self.measured = Measured()

    def rows(self, hardif: str, known: set[str] | None = None) -> list[Originator]:
        via = {"e2": N2, "e6": N6}[hardif]
        return [
            Originator(mac, via, hardif, 0.1) for mac in self.originators if known is None or mac in known
        ]

    def dump(self, outgoing: int) -> tuple[Originator, ...]:
        self.read.append(outgoing)
        name = {index: name for name, index in INDEX.items()}[outgoing]
        return tuple(self.rows(name, self.metrics[name]))

    def lacking(self, after: float = EVERY) -> tuple[str, ...]:
        self.now += after
        present = {row.hardif for row in self.neighbours}
        mesh = msgspec.structs.replace(
            BARE,
            hardifs=tuple(Hardif(name, INDEX[name], N2, True) for name in sorted(present)),
            neighbours=tuple(self.neighbours),
            originators=tuple(row for name in sorted(present) for row in self.rows(name)),
        )
        return self.measured.lacking(mesh, self.now, self.dump)


@pytest.fixture
def ring() -> Ring:
    return Ring()


def test_wires_whose_ways_were_never_considered_there_lack_metrics(ring: Ring) -> None:
    assert ring.lacking() == ("e2", "e6")
    ring.metrics["e6"] = set(ring.originators)
    assert ring.lacking() == ("e2",)


def test_once_all_have_their_metric_no_more_is_read(ring: Ring) -> None:
    ring.metrics = {name: set(ring.originators) for name in INDEX}
    assert ring.lacking() == ()
    ring.read.clear()
    assert [ring.lacking() for _ in range(5)] == [()] * 5
    assert ring.read == []


def test_a_new_originator_is_looked_for_and_only_where_it_lacks(ring: Ring) -> None:
    ring.metrics = {name: set(ring.originators) for name in INDEX}
    ring.lacking()
    ring.originators.append("0a:00:00:00:00:09")
    ring.metrics["e2"].add("0a:00:00:00:00:09")
    assert ring.lacking() == ("e6",)


def test_an_interface_that_left_and_returned_is_measured_anew(ring: Ring) -> None:
    ring.metrics = {name: set(ring.originators) for name in INDEX}
    ring.lacking()
    away = ring.neighbours.pop(0)
    ring.lacking()
    ring.neighbours.append(away)
    ring.metrics["e2"].clear()
    assert ring.lacking() == ("e2",)


def test_a_node_with_neighbours_on_one_interface_only_passes_nothing_on(ring: Ring) -> None:
    ring.neighbours = [row for row in ring.neighbours if row.hardif == "e2"]
    assert ring.lacking() == ()
    assert ring.read == []


def test_an_interface_with_two_neighbours_is_measured_by_the_kernel_itself(ring: Ring) -> None:
    ring.neighbours.append(Neighbour("e2", "02:00:00:00:00:99", 0.1))
    assert ring.lacking() == ("e6",)


def test_what_is_lacking_is_not_read_more_often_than_every_two_seconds(ring: Ring) -> None:
    answers = [ring.lacking(after=0.2) for _ in range(50)]
    assert set(answers) == {("e2", "e6")}
    assert len(ring.read) <= 2 * (10 / EVERY + 1)
