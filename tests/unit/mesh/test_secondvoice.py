# SPDX-License-Identifier: Apache-2.0
"""The second voice: when it is raised, how often, and that nobody takes it for a neighbour."""

from __future__ import annotations

import asyncio

import pytest

from agent.kernel import elp
from agent.kernel.errors import RefusedError
from agent.mesh.haste import MINUTE_S
from agent.mesh.secondvoice import A_MINUTE, HEARD_S, QUIET_S, TIMES, SecondVoice
from agent.readings import Mesh, Neighbour
from agent.sensors.mesh import MeshSensor

THEIRS = "02:00:00:00:00:03"
WIRES = tuple(f"w{number}" for number in range(A_MINUTE + 1))
OUT = ("detach-hardif hardif/e1/02:00:00:00:00:01",)


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.sent: list[tuple[str, int]] = []
        self.all = asyncio.Event()
        self.table = [(THEIRS, 0.4)]
        self.closed = ""

    def clock(self) -> float:
        return self.now

    def send(self, ifname: str, sequence: int, interval_ms: int) -> None:
        assert interval_ms > 0
        self.sent.append((ifname, sequence))
        if sequence == TIMES:
            self.all.set()


def voice(world: World) -> SecondVoice:
    return SecondVoice(
        ["e3", *WIRES],
        lambda _: world.table,
        may_act=lambda: world.closed,
        clock=world.clock,
        send=world.send,
    )


async def test_a_neighbour_that_takes_an_interface_out_or_in_is_helped_a_few_times() -> None:
    world = World()
    assert voice(world).heard("e3", THEIRS, OUT)
    await asyncio.wait_for(world.all.wait(), 5)
    assert world.sent == [("e3", 1), ("e3", 2), ("e3", 3)]
    assert voice(world).heard("e3", THEIRS, ("attach-hardif hardif/e1",))


async def test_other_intents_and_radios_call_for_nothing() -> None:
    world = World()
    assert not voice(world).heard("e3", THEIRS, ("restart-service service/broker",))
    assert not voice(world).heard("e3", THEIRS, ())
    assert not voice(world).heard("wlan0", THEIRS, OUT)
    assert world.sent == []


async def test_hints_are_followed_every_few_seconds_on_a_wire() -> None:
    world = World()
    made = voice(world)
    assert made.heard("e3", THEIRS, OUT)
    world.now += QUIET_S - 1
    assert not made.heard("e3", THEIRS, OUT)
    world.now += 1
    assert made.heard("e3", THEIRS, OUT)


@pytest.mark.parametrize(
    "table",
    [
        [],
        [("02:00:00:00:00:09", 0.1)],
        [(THEIRS, 0.1), ("02:00:00:00:00:09", 90.0)],
        [(THEIRS, HEARD_S + 0.1)],
    ],
    ids=["nobody", "another", "two", "long ago"],
)
async def test_only_the_sole_neighbour_that_batman_adv_hears_is_helped(
    table: list[tuple[str, float]],
) -> None:
    world = World()
    world.table = table
    assert not voice(world).heard("e3", THEIRS, OUT)
    assert world.sent == []


async def test_nothing_is_said_while_nothing_may_be_done() -> None:
    world = World()
    made, world.closed = voice(world), "healing is paused for another 60 s"
    assert not made.heard("e3", THEIRS, OUT)
    assert world.sent == []
    world.closed = ""
    assert made.heard("e3", THEIRS, OUT)


async def test_a_node_is_helped_a_few_times_a_minute_on_all_its_wires_together() -> None:
    world = World()
    made = voice(world)
    assert sum(made.heard(wire, THEIRS, OUT) for wire in WIRES) == A_MINUTE
    world.now += MINUTE_S
    assert made.heard(WIRES[-1], THEIRS, OUT)


async def test_a_wire_that_is_down_is_said_and_not_tried_on(caplog: pytest.LogCaptureFixture) -> None:
    def fails(ifname: str, sequence: int, interval_ms: int) -> None:
        raise RefusedError(f"{ifname} {sequence} {interval_ms}: ENETDOWN")

    SecondVoice(["e3"], lambda _: [(THEIRS, 0.4)], send=fails).heard("e3", THEIRS, OUT)
    assert "ENETDOWN" in caplog.text


def test_the_frame_is_an_elp_of_batman_adv() -> None:
    made = elp.frame(7, 500)
    assert made[:6] == b"\xff" * 6
    assert made[6:12].hex(":") == elp.SECOND_MAC
    assert made[12:16] == b"\x43\x05\x03\x0f"
    assert len(made) == 14 + 16
    assert int(elp.SECOND_MAC[:2], 16) & 3 == 2  # unicast, locally administered


def test_the_mesh_sensor_does_not_take_it_for_a_neighbour() -> None:
    class Reader:
        def mesh(self, which: str | int) -> Mesh:
            own = "02:00:00:00:00:02"
            return Mesh(str(which), 5, own, "BATMAN_V", 300, 30, "off", bla=False, bonding=False)

        def neighbours(self, index: int) -> tuple[Neighbour, ...]:
            assert index == 5
            return (Neighbour("e3", elp.SECOND_MAC, 9.0), Neighbour("e3", "02:00:00:00:00:03", 0.1))

        def hardifs(self, index: int) -> tuple[()]:
            return ()

        def originators(self, index: int) -> tuple[()]:
            return ()

        def gateways(self, index: int) -> tuple[()]:
            return ()

        def tt_counts(self, index: int) -> tuple[int, int]:
            return 0, 0

    read = MeshSensor("bat0", Reader(), counters=lambda _: {}).read(1.0)
    assert [row.mac for row in read.neighbours] == ["02:00:00:00:00:03"]
