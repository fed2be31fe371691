# SPDX-License-Identifier: Apache-2.0
"""neigh-overflow: refusals counted by the kernel, the limits tried, and when the old limit does again."""

from __future__ import annotations

from agent.faults.base import State
from agent.faults.neigh_overflow import FAULT
from agent.hostreadings import Host, NeighbourTable
from agent.mapek.episodes import Rung
from tests.unit.faults.hand import diagnosis
from tests.unit.faults.machine import host, lasting, seen


def table(entries: int, limit: int, overflows: int = 0, name: str = "arp_cache") -> Host:
    return host(neighbour_tables=(NeighbourTable(name, entries, limit, overflows),))


FULL = table(128, 128, 7)


def test_refusals_within_the_window_are_the_symptom() -> None:
    view = seen(table(90, 128, 3), table(90, 128, 3), now=table(90, 128, 5))
    (found,) = FAULT.symptoms(view)
    assert found.subject == "host/neighbour-table"
    assert "IPv4 has 90 entries, 128 fit" in FAULT.sentence(found)


def test_refusals_of_the_past_are_not() -> None:
    old = [table(90, 128, 3), *[table(90, 128, 5)] * 9]
    assert not FAULT.symptoms(seen(*old, now=table(90, 128, 5)))


def test_nine_tenths_full_is_the_symptom_too() -> None:
    assert FAULT.symptoms(seen(now=table(116, 128)))
    assert not FAULT.symptoms(seen(now=table(115, 128)))


def test_well_or_unread_or_nonsense_is_no_symptom() -> None:
    for now in (host(), host(neighbour_tables=()), None, table(0, 0)):
        assert not FAULT.symptoms(seen(now=now))
        assert not FAULT.suspicions(seen(now=now))


def limits(now: Host) -> list[tuple[str, int]]:
    view = lasting(now, 3)
    ladder = FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)
    return [(remedy.args["table"], int(remedy.args["hard"])) for remedy in ladder]


def test_the_limit_is_doubled_from_the_kernel_s_default_on_up_to_a_bound() -> None:
    assert limits(table(16, 16)) == [("arp_cache", 1024), ("arp_cache", 2048), ("arp_cache", 4096)]
    assert limits(table(1024, 1024, name="ndisc_cache")) == [
        ("ndisc_cache", 2048),
        ("ndisc_cache", 4096),
        ("ndisc_cache", 8192),
    ]
    assert limits(table(4096, 4096)) == [("arp_cache", 8192)]
    assert limits(table(8192, 8192)) == []


def test_it_is_held_until_half_of_the_old_limit_is_enough() -> None:
    told = diagnosis(FAULT.symptoms(seen(now=FULL))[0])
    assert FAULT.state(told, seen(now=FULL)) is State.PRESENT
    assert FAULT.state(told, seen(now=table(200, 1024, 7))) is State.CONTAINED
    assert FAULT.state(told, seen(now=table(64, 1024, 7))) is State.CONTAINED
    assert FAULT.state(told, seen(now=table(63, 1024, 7))) is State.GONE
    assert FAULT.state(told, seen(now=None)) is State.PRESENT
    assert FAULT.state(told, seen(table(200, 1024, 7), now=table(200, 1024, 8))) is State.PRESENT


def test_each_limit_of_each_table_is_a_rung_of_its_own() -> None:
    tables = tuple(NeighbourTable(name, 128, 128, 7) for name in ("arp_cache", "ndisc_cache"))
    view = lasting(host(neighbour_tables=tables), 3)
    rungs = [Rung.of(remedy) for remedy in FAULT.ladder(diagnosis(FAULT.symptoms(view)[0]), view)]
    assert len(set(rungs)) == len(rungs) == 6
