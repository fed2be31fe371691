# SPDX-License-Identifier: Apache-2.0
"""Originator dumps: at once where a remedy waits for one, and never dear, however long a doubt stands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest

from agent.mapek.schedule import BURST as BURST_LENGTH
from agent.mapek.schedule import Attention
from agent.readings import Gateway, Hardif, Mesh, Neighbour, Originator
from agent.sensors import dumps
from agent.sensors.base import Look, Pace
from agent.sensors.dumps import DumpPace
from agent.sensors.mesh import MeshSensor

ROW_COST = 33e-6  # s of processor time a row costs (the figure)
TENTH = 0.1  # of a core: what 1,000 nodes must stay below
CUT = [("link-dead", "hardif/e1/02:00:00:00:00:02")]
OTHER = ("link-dead", "hardif/e2/02:00:00:00:00:03")
SMALL, LARGE = 9, 1000
PLAIN = Mesh("bat0", 5, "02:78:30:00:00:02", "BATMAN_V", 1000, 30, "off", False, False)


class Kernel:
    """A mesh of so many rows, whose dumps cost what they cost."""

    def __init__(self, rows: int) -> None:
        self.rows = (Originator("02:78:30:00:00:01", "02:00:00:00:00:02", "e1", 0.1),) * rows
        self.macs = ["02:00:00:00:00:02", "02:00:00:00:00:03"]
        self.ogm_ms = 300
        self.spent = 0.0

    def mesh(self, which: str | int) -> Mesh:
        return msgspec.structs.replace(PLAIN, ogm_interval_ms=self.ogm_ms)

    def hardifs(self, index: int) -> tuple[Hardif, ...]:
        return (Hardif("e1", 3, "02:00:00:00:00:01", True),)

    def neighbours(self, index: int) -> tuple[Neighbour, ...]:
        return tuple(Neighbour("e1", mac, 0.1) for mac in self.macs)

    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        self.spent += ROW_COST * len(self.rows)
        return self.rows

    def gateways(self, index: int) -> tuple[Gateway, ...]:
        return ()

    def tt_counts(self, index: int) -> tuple[int, int]:
        return 0, 0


class Node:
    """The mesh sensor read as the monitor reads it."""

    def __init__(self, rows: int) -> None:
        self.kernel = Kernel(rows)
        self.sensor = MeshSensor("bat0", self.kernel, lambda _: {}, lambda: self.kernel.spent)
        self.attention = Attention()
        self.now = 1000.0
        self.dumps: list[float] = []

    def run(self, seconds: float, suspected: list[tuple[str, str]]) -> list[float]:
        """When the dumps of this time were."""
        end, before = self.now + seconds, len(self.dumps)
        while self.now < end:
            self.sensor.pace(self.attention.pace(self.now))
            mesh = self.sensor.read(self.now)
            if mesh.originators_at == self.now:
                self.dumps.append(self.now)
            self.attention.suspect(suspected, self.now)
            self.now += self.attention.period(self.sensor, self.now)
        return self.dumps[before:]


def longest(times: list[float]) -> float:
    return max(b - a for a, b in pairwise(times))


def test_a_thousand_nodes_cost_less_than_a_tenth_of_a_core_while_a_cut_cable_stays_cut() -> None:
    node = Node(LARGE)
    node.run(600.0, CUT)
    assert node.kernel.spent < TENTH * 600.0
    assert node.kernel.spent < 0.02 * 600.0, "bursts are rare by then: a fiftieth in all"


@pytest.mark.parametrize("rows", [LARGE, 8 * LARGE], ids=["one way each", "eight ways each"])
def test_even_in_the_burst_dumps_cost_less_than_a_tenth_of_a_core(rows: int) -> None:
    node = Node(rows)
    node.run(60.0, [])
    cost = rows * ROW_COST
    node.run(10 * BURST_LENGTH, CUT)
    gaps = [b - a for a, b in pairwise(node.dumps)]
    assert cost / min(gaps) < TENTH


def test_a_mesh_that_makes_itself_suspicious_and_changes_all_the_time_costs_no_more() -> None:
    node = Node(LARGE)
    for number in range(600):
        node.kernel.macs[0] = f"02:00:00:00:{number >> 8:02x}:{number & 0xFF:02x}"
        node.run(0.5, [("link-dead", f"hardif/e1/{node.kernel.macs[0]}")])
    assert node.kernel.spent < TENTH * 300.0


def test_a_fresh_suspicion_is_followed_by_five_dumps_a_second() -> None:
    node = Node(SMALL)
    node.run(60.0, [])
    times = node.run(BURST_LENGTH, CUT)
    assert times[0] - (node.now - BURST_LENGTH) <= 0.3
    assert longest(times) <= dumps.BURST + 0.011


def test_a_small_mesh_is_dumped_once_a_second_for_as_long_as_a_link_is_held_out() -> None:
    """Fresher than `originator_silence_s`: else nobody sees that no other way is left."""
    node = Node(SMALL)
    node.run(600.0, CUT)
    times = [t for t in node.dumps if t > 1010.0]
    assert longest(times) <= dumps.SIMMER + 0.25 < 1.5
    assert len(times) < 590 * (1.0 + 4.0 * 4 / 60) + 30, "four a second only in the bursts"


def test_in_a_large_mesh_dumps_grow_rarer_while_a_suspicion_stands() -> None:
    cost, pace = LARGE * ROW_COST, DumpPace()
    pace.done(100.0, cost)

    def spacing(standing: float) -> float:
        wait = 0.0
        while not pace.due(100.0 + wait, Pace(Look.SIMMER, standing)):
            wait += 0.01
        return wait

    assert spacing(5.0) == pytest.approx(cost / dumps.SIMMER_SHARE, abs=0.02)
    assert spacing(3600.0) == pytest.approx(cost / dumps.STANDING_SHARE, abs=0.02)
    pace.done(100.0, 100 * cost)
    assert spacing(3600.0) == pytest.approx(dumps.CALM, abs=0.02)


def _detach(kernel: Kernel) -> None:
    del kernel.macs[0]


def _hasten(kernel: Kernel) -> None:
    kernel.ogm_ms = 100


@pytest.mark.parametrize("act", [_detach, _hasten])
@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_an_act_under_a_standing_suspicion_is_verified_by_a_dump_within_two_seconds(
    act: Callable[[Kernel], None], rows: int
) -> None:
    node = Node(rows)
    node.run(590.0, CUT)
    assert not node.attention.bursting(node.now)
    act(node.kernel)
    began = node.now
    times = node.run(5.0, CUT)
    assert times[0] - began < 2.0
    assert longest(times) < 2.0, "and again, should the first have come too early"


def test_what_an_act_changed_is_dumped_at_once_though_the_last_dump_was_just_before() -> None:
    simmering = DumpPace()
    simmering.done(100.0, SMALL * ROW_COST)
    assert not simmering.due(100.5, Pace(Look.SIMMER, 3600.0))
    simmering.changed(100.5)
    assert simmering.due(100.5, Pace(Look.SIMMER, 3600.0))


def test_another_suspicion_beside_a_standing_one_is_looked_at_as_closely_as_the_first() -> None:
    node = Node(LARGE)
    node.run(590.0, CUT)
    assert node.attention.pace(node.now).standing > dumps.STANDING
    times = node.run(4.0, [*CUT, OTHER])
    assert longest(times[:4]) < 0.5
    assert node.attention.pace(node.now).standing < 5.0


@pytest.mark.parametrize(("rows", "dumped"), [(SMALL, 6), (LARGE, 2)])
def test_what_is_calm_again_is_dumped_every_ten_seconds_a_large_mesh_every_half_minute(
    rows: int, dumped: int
) -> None:
    node = Node(rows)
    node.run(60.0, CUT)
    node.run(40.0, [])
    assert len(node.run(60.0, [])) == dumped
