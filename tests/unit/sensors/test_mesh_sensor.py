# SPDX-License-Identifier: Apache-2.0
"""The mesh sensor reads each table by its own clock and carries nothing over from a mesh that failed."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from agent.config import Config, Node
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, KernelError, RefusedError
from agent.readings import Gateway, Hardif, Mesh, Neighbour, Originator
from agent.sensors.base import Look, Pace, SensorError
from agent.sensors.dumps import AFTER
from agent.sensors.mesh import MeshSensor, make

PLAIN = Mesh("bat0", 5, "02:78:30:00:00:02", "BATMAN_V", 1000, 30, "off", False, False)


class Kernel:
    """Counts what is asked; answers carry the count."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.index = 5
        self.mac = "02:00:00:00:00:02"
        self.fails: dict[str, KernelError] = {}

    def _ask(self, table: str) -> int:
        self.asked[table] += 1
        if table in self.fails:
            raise self.fails[table]
        return self.asked[table]

    def mesh(self, which: str | int) -> Mesh:
        self._ask("mesh")
        return msgspec.structs.replace(PLAIN, index=self.index)

    def hardifs(self, index: int) -> tuple[Hardif, ...]:
        return (Hardif("e1", self._ask("hardifs"), "02:00:00:00:00:01", True),)

    def neighbours(self, index: int) -> tuple[Neighbour, ...]:
        return (Neighbour("e1", self.mac, self._ask("neighbours") / 1),)

    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        return (Originator("02:78:30:00:00:01", "02:00:00:00:00:02", "e1", self._ask("originators") / 1),)

    def gateways(self, index: int) -> tuple[Gateway, ...]:
        return (Gateway("02:78:30:00:00:01", "02:00:00:00:00:02", self._ask("gateways"), 0),)

    def tt_counts(self, index: int) -> tuple[int, int]:
        return self._ask("tt"), 7

    def counters(self, name: str) -> dict[str, int]:
        return {"tx": self._ask("counters")}


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def sensor(kernel: Kernel) -> MeshSensor:
    return MeshSensor("bat0", kernel, kernel.counters)


def read_for(sensor: MeshSensor, seconds: float, attention: bool, start: float = 100.0) -> Mesh:
    """Read as the monitor does: every period."""
    now, value = start, None
    while now < start + seconds - 1e-6:
        step = sensor.period(attention)
        sensor.pace(Pace(Look.BURST if attention else Look.CALM))
        value = sensor.read(now)
        now += step
    assert value is not None
    return value


def test_the_first_reading_is_whole(sensor: MeshSensor) -> None:
    mesh = sensor.read(100.0)
    assert mesh.hardifs
    assert mesh.neighbours
    assert mesh.originators
    assert mesh.gateways
    assert (mesh.neighbours_at, mesh.originators_at) == (100.0, 100.0)
    assert (mesh.tt_local, mesh.tt_global, mesh.counters) == (1, 7, {"tx": 1})


def test_calm_reads_neighbours_once_a_second_and_originators_every_ten_seconds(
    sensor: MeshSensor, kernel: Kernel
) -> None:
    read_for(sensor, 3.0, attention=False)  # the start
    kernel.asked.clear()
    read_for(sensor, 30.0, attention=False, start=103.0)
    assert kernel.asked == {
        "neighbours": 30, "mesh": 30, "hardifs": 30, "originators": 3, "gateways": 6, "tt": 6, "counters": 6,
    }  # fmt: skip


def test_attention_reads_neighbours_every_10_ms_and_originators_every_200_ms(
    sensor: MeshSensor, kernel: Kernel
) -> None:
    read_for(sensor, 1.0, attention=True)
    assert kernel.asked["neighbours"] == 100
    assert kernel.asked["originators"] == 5
    assert kernel.asked["hardifs"] == 1


def test_a_neighbour_that_comes_or_goes_brings_the_originators_soon(
    sensor: MeshSensor, kernel: Kernel
) -> None:
    read_for(sensor, 3.0, attention=False)
    kernel.asked.clear()
    kernel.mac = "02:00:00:00:00:09"
    read_for(sensor, AFTER + 1.0, attention=False, start=103.0)
    assert kernel.asked["originators"] == 1


def test_attention_brings_a_far_originator_reading_forward(sensor: MeshSensor, kernel: Kernel) -> None:
    sensor.read(100.0)
    sensor.pace(Pace(Look.BURST))
    assert sensor.read(100.3).originators_at == 100.3


def test_what_was_not_read_now_is_from_when_it_was(sensor: MeshSensor) -> None:
    sensor.read(100.0)
    mesh = sensor.read(101.0)
    assert (mesh.neighbours_at, mesh.originators_at) == (101.0, 100.0)
    assert mesh.originators[0].last_seen_age == 1
    assert mesh.hardifs[0].index == 2
    assert mesh.counters == {"tx": 1}


def test_a_mesh_made_anew_brings_nothing_of_the_old(sensor: MeshSensor, kernel: Kernel) -> None:
    sensor.read(100.0)
    kernel.index = 9
    mesh = sensor.read(101.0)
    assert (mesh.index, mesh.originators_at, mesh.counters) == (9, 101.0, {"tx": 2})


@pytest.mark.parametrize("table", ["mesh", "hardifs", "neighbours", "originators"])
def test_a_failure_says_what_and_how_to_mend_and_everything_is_read_anew(
    sensor: MeshSensor, kernel: Kernel, table: str
) -> None:
    kernel.fails[table] = FamilyMissingError("no batadv", "modprobe batman-adv")
    with pytest.raises(SensorError, match="mesh bat0: no batadv: modprobe batman-adv"):
        sensor.read(100.0)
    kernel.fails.clear()
    mesh = sensor.read(100.25)
    assert (mesh.originators_at, mesh.neighbours_at) == (100.25, 100.25)


def test_an_interface_that_vanishes_between_two_tables_fails_the_reading(
    sensor: MeshSensor, kernel: Kernel
) -> None:
    kernel.fails["gateways"] = InterfaceGoneError("bat0", "gone")
    with pytest.raises(SensorError, match="gone"):
        sensor.read(100.0)


def test_the_nice_to_have_tables_may_fail(sensor: MeshSensor, kernel: Kernel) -> None:
    kernel.fails["tt"] = RefusedError("tt", "no")
    mesh = sensor.read(100.0)
    assert (mesh.tt_local, mesh.tt_global, mesh.counters) == (None, None, {})
    assert mesh.neighbours


def test_failures_are_retried_ever_more_slowly_up_to_a_bound(sensor: MeshSensor, kernel: Kernel) -> None:
    kernel.fails["mesh"] = FamilyMissingError("no batadv")
    waits = []
    for n in range(12):
        with pytest.raises(SensorError):
            sensor.read(float(n))
        waits.append(sensor.period(True))
    assert waits[:5] == [0.25, 0.5, 1.0, 2.0, 2.0]
    assert waits[-1] == 2.0
    kernel.fails.clear()
    sensor.read(50.0)
    assert sensor.period(False) == 1.0


def test_the_configured_mesh_is_read() -> None:
    made = make(Config(node=Node(name="n1")))
    assert made is not None
    assert made.name == "mesh"


class Ages:
    """A kernel whose neighbours' silences the test sets."""

    def __init__(self, kernel: Kernel, **ages: float) -> None:
        self.ages = dict(ages)
        kernel.neighbours = self.rows  # type: ignore[method-assign]

    def rows(self, index: int) -> tuple[Neighbour, ...]:
        return tuple(Neighbour(hardif, "02:00:00:00:00:02", age) for hardif, age in self.ages.items())


EXPECTED = {("e1", "02:00:00:00:00:02"): 0.3, ("e2", "02:00:00:00:00:02"): 1.0}


@pytest.mark.parametrize(
    ("ages", "asks"),
    [
        ({"e1": 0.3, "e2": 0.9}, False),
        ({"e1": 0.31, "e2": 0.1}, True),
        ({"e1": 0.1, "e2": 1.1}, True),
        ({"e1": 0.1}, True),
        ({"e1": 0.1, "e2": 0.1, "e3": 0.1}, True),
    ],
)
def test_a_glance_asks_for_a_reading_where_a_neighbour_came_went_or_is_in_doubt(
    sensor: MeshSensor, kernel: Kernel, ages: dict[str, float], asks: bool
) -> None:
    seen = Ages(kernel, e1=0.1, e2=0.1)
    sensor.expect(EXPECTED)
    sensor.read(100.0)
    seen.ages = ages
    assert sensor.glance(100.25) is asks


def test_a_glance_at_a_mesh_that_fails_leaves_the_error_to_the_reading(
    sensor: MeshSensor, kernel: Kernel
) -> None:
    assert not sensor.glance(99.0), "nothing was read yet: the reading is due anyway"
    sensor.read(100.0)
    kernel.fails["neighbours"] = FamilyMissingError("no batadv")
    assert sensor.glance(100.25)
