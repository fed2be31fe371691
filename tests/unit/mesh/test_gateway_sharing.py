# SPDX-License-Identifier: Apache-2.0
"""Twenty clients and three gateways, simulated with batman-adv's own rule: they spread and come to rest.

The gateways run agent/mesh/gatewayload.py, the clients agent/mesh/gatewaychoice.py; the kernel's election is
written out here. Traffic follows a client's choice at once or when its device renews its lease.
"""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

import pytest

from agent.mesh import gatewaychoice, gatewayload
from agent.mesh.gatewaychoice import CLIENT_THRESHOLD_KBIT, GatewayChoice
from agent.mesh.gatewayload import CLASSES, Announcement, GatewayLoad
from agent.readings import Gateway, Mesh, Originator

MINUTE = 60
HOURS = 3
SETTLED = 90 * MINUTE  # s by which nobody moves any more
CLIENTS = 20


def mac(number: int) -> str:
    return f"02:00:00:00:01:{number:02x}"


class Client:
    """One client's kernel and agent."""

    def __init__(self, seed: int, capacities: tuple[int, ...]) -> None:
        chance = random.Random(seed)
        self.choice = GatewayChoice(chance.random)
        self.order = chance.sample(range(len(capacities)), len(capacities))  # its kernel's list
        self.selected = 0

    def look(self, now: float, announced: list[int]) -> bool:
        """One look of the agent; did the gateway change?"""
        before = self.selected
        if any(kbit - announced[self.selected] >= CLIENT_THRESHOLD_KBIT for kbit in announced):
            self.elect(announced)
        rows = tuple(
            Gateway(mac(number), "02:00:00:00:02:01", kbit, kbit, number == self.selected, 1_000_000)
            for number, kbit in enumerate(announced)
        )
        heard = tuple(Originator(row.mac, row.router, "e1", 0.1) for row in rows)
        mesh = Mesh(
            "bat0", 5, mac(99), "BATMAN_V", 300, 30, "client", False, False,
            originators=heard, gateways=rows,
        )  # fmt: skip
        if self.choice.look(now, mesh):
            self.elect(announced)
        return self.selected != before

    def elect(self, announced: list[int]) -> None:
        """The first of the best in the kernel's list."""
        self.selected = max(self.order, key=lambda number: announced[number])


class Run(NamedTuple):
    """What happened: when each move was, and loads and announcements at the end."""

    moves: list[int]
    loads: list[float]
    announced: list[int]


def simulate(capacities: tuple[int, ...], total: int, lease: int, seed: int) -> Run:
    """All begin at the first gateway, as after a power cut."""
    chance = random.Random(seed)
    weights = [chance.uniform(0.5, 1.5) for _ in range(CLIENTS)]
    demand = [total * weight / sum(weights) for weight in weights]
    loads = [GatewayLoad(kbit, kbit) for kbit in capacities]
    clients = [Client(seed * 100 + number, capacities) for number in range(CLIENTS)]
    announced, carried = list(capacities), [0] * CLIENTS
    renew = [chance.uniform(0, lease) for _ in clients]
    moves: list[int] = []
    for now in range(0, HOURS * 3600, 5):
        for number, load in enumerate(loads):
            used = sum(kbit for kbit, by in zip(demand, carried, strict=True) if by == number)
            load.measured(now, min(used, capacities[number]), 0.0)
            told = load.due(now, chance.random())
            if told is not None:
                announced[number] = told.down_kbit
        for number, client in enumerate(clients):
            if client.look(now, announced):
                moves.append(now)
            if now >= renew[number]:
                renew[number] += lease
                carried[number] = client.selected
    use = [
        sum(kbit for kbit, by in zip(demand, carried, strict=True) if by == number) / capacity
        for number, capacity in enumerate(capacities)
    ]
    return Run(moves, use, announced)


@pytest.mark.parametrize("lease", [0, 600], ids=["at once", "leases of 10 min"])
@pytest.mark.parametrize("total", [6_000, 15_000, 24_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clients_of_equal_gateways_spread_and_come_to_rest(total: int, lease: int, seed: int) -> None:
    run = simulate((10_000, 10_000, 10_000), total, lease, seed)
    assert max(run.loads) - min(run.loads) <= 0.5, run.loads
    assert min(run.loads) > 0, "each carries something"
    assert max(run.loads) < 1.15, "none has more than it carries"
    assert [at for at in run.moves if at > SETTLED] == [], "nobody goes to and fro"


@pytest.mark.parametrize("lease", [0, 600], ids=["at once", "leases of 10 min"])
def test_no_minute_sees_a_herd(lease: int) -> None:
    for seed in range(5):
        run = simulate((10_000, 10_000, 10_000), 24_000, lease, seed)
        minutes = [at // MINUTE for at in run.moves]
        assert max(minutes.count(minute) for minute in set(minutes)) <= CLIENTS // 3


def test_a_gateway_of_twice_the_speed_gets_more() -> None:
    run = simulate((20_000, 10_000, 10_000), 28_000, 600, 1)
    assert max(run.loads) < 1.15
    assert run.loads[0] * 2 > max(run.loads[1:])


def told(load: GatewayLoad, seconds: int, kbit: float, start: int = 0) -> list[tuple[int, int]]:
    """What is announced (down), with its second, while so much is measured."""
    said: list[tuple[int, int]] = []
    for now in range(start, start + seconds, 5):
        load.measured(now, kbit, 0.0)
        found = load.due(now, 0.0)
        if found is not None:
            said.append((now, found.down_kbit))
    return said


def test_a_full_uplink_is_announced_with_a_tenth_and_never_vanishes() -> None:
    load = GatewayLoad(10_000, 2_000)
    said = told(load, 1200, 10_000)
    assert said[-1][1] == 1_000
    assert load.announced() == Announcement(1_000, 2_000)


def test_the_announcement_changes_at_most_once_a_minute_and_falls_faster_than_it_rises() -> None:
    load = GatewayLoad(10_000, 2_000)
    down = told(load, 1200, 10_000)
    up = told(load, 3600, 0.0, start=1200)
    for said in (down, up):
        assert all(b[0] - a[0] >= gatewayload.EVERY_S for a, b in itertools.pairwise(said))
    assert len(down) < len(up)
    assert up[-1][1] == 10_000


def test_a_load_that_wavers_within_a_fifth_changes_nothing() -> None:
    load = GatewayLoad(10_000, 2_000)
    for start in range(0, 3600, 60):
        assert told(load, 60, 1_900 if start % 120 else 100, start=start) == []


def test_a_measured_peak_beyond_the_configured_speed_is_the_capacity() -> None:
    load = GatewayLoad(10_000, 2_000)
    told(load, 600, 40_000)
    told(load, 7200, 0.0, start=600)
    assert load.announced().down_kbit == 40_000
    assert load.announced().down_kbit * 2 // CLASSES == 8_000


def client(best: int, *kbit: int, silent: int | None = None) -> Mesh:
    rows = tuple(Gateway(mac(n), mac(n), k, k, n == best, 1_000_000) for n, k in enumerate(kbit))
    heard = tuple(
        Originator(row.mac, row.mac, "e1", 60.0 if n == silent else 0.1) for n, row in enumerate(rows)
    )
    return Mesh(
        "bat0", 5, mac(9), "BATMAN_V", 300, 30, "client", False, False, originators=heard, gateways=rows
    )  # fmt: skip


def choices(mesh: Mesh, chance: float = 0.0) -> int:
    """How often the kernel is made to choose anew within an hour."""
    choice = GatewayChoice(lambda: chance)
    return sum(choice.look(now, mesh) for now in range(0, 3600, 10))


def test_a_client_stays_a_lease_s_time_after_it_chose() -> None:
    assert choices(client(0, 1_000, 10_000)) == 3600 // gatewaychoice.STAY_S


def test_small_gains_and_dead_gateways_move_nobody() -> None:
    assert choices(client(0, 8_000, 10_000)) == 0
    assert choices(client(0, 1_000, 10_000, silent=1)) == 0
    assert choices(client(0, 1_000, 10_000), chance=0.99) == 0


def test_while_the_kernel_has_chosen_nobody_it_is_left_to_choose() -> None:
    assert choices(client(-1, 1_000, 10_000)) == 0
    assert choices(client(0)) == 0
