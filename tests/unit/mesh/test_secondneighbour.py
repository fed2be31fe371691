# SPDX-License-Identifier: Apache-2.0
"""The second neighbour: when it is given, to which interfaces, and that nobody takes it for a real one."""

from __future__ import annotations

import msgspec
import pytest

from agent.kernel import elp, inject
from agent.kernel.errors import InterfaceGoneError, KernelError, RefusedError
from agent.mesh.secondneighbour import AGAIN_S, TRY_AGAIN_S, SecondNeighbour
from agent.readings import Mesh, Neighbour
from agent.sensors.mesh import MeshSensor

A = "02:00:00:00:00:0a"
BARE = Mesh(
    name="bat0",
    index=7,
    mac="02:00:00:00:00:01",
    algo="BATMAN_V",
    ogm_interval_ms=1000,
    hop_penalty=30,
    gw_mode="off",
    bla=False,
    bonding=False,
)


def mesh(*hardifs: str, index: int = 7, unmeasured: str = "") -> Mesh:
    """With one neighbour on each hardif, and two on another one."""
    names = (*hardifs, "e9", "e9")
    rows = tuple(Neighbour(hardif=name, mac=A, last_seen_age=0.1) for name in names)
    return msgspec.structs.replace(BARE, index=index, neighbours=rows, unmeasured=tuple(unmeasured.split()))


class World:
    def __init__(self) -> None:
        self.now, self.closed = 100.0, ""
        self.error: KernelError | None = None
        self.got: list[tuple[str, bytes]] = []
        self.second = SecondNeighbour(
            may_act=lambda: self.closed, clock=lambda: self.now, receive=self.receive
        )

    def receive(self, ifname: str, frame: bytes) -> None:
        if self.error:
            raise self.error
        self.got.append((ifname, frame))

    def look(self, *hardifs: str, index: int = 7, radios: str = "", unmeasured: str = "") -> tuple[str, ...]:
        return self.second.look(mesh(*hardifs, index=index, unmeasured=unmeasured), frozenset(radios.split()))


@pytest.fixture
def world() -> World:
    return World()


def test_a_wire_with_a_single_neighbour_that_is_new_is_given_one(world: World) -> None:
    assert world.look("e1") == ("e1",)
    assert world.look("e1", "e2") == ("e2",)
    assert world.got[0] == ("e1", elp.frame(100_000, 500))


def test_a_node_with_neighbours_on_one_interface_only_passes_nothing_on(world: World) -> None:
    alone = msgspec.structs.replace(BARE, neighbours=(Neighbour("e1", A, 0.1),), unmeasured=())
    assert world.second.look(alone, frozenset()) == ()


def test_it_is_said_again_where_ways_lack_their_metric_and_with_a_higher_number(world: World) -> None:
    world.look("e1")
    world.now += AGAIN_S - 0.1
    assert world.look("e1", unmeasured="e1") == ()
    world.now += 0.1
    assert world.look("e1") == ()
    assert world.look("e1", unmeasured="e1") == ("e1",)
    first, second = (int.from_bytes(frame[22:26]) for _, frame in world.got)
    assert first < second


def test_an_interface_that_left_has_forgotten_it(world: World) -> None:
    world.look("e1", "e2")
    assert world.look("e2") == ()
    assert world.look("e1", "e2") == ("e1",)


def test_a_mesh_made_anew_knows_none(world: World) -> None:
    world.look("e1")
    assert world.look("e1", index=8) == ("e1",)


def test_radios_are_given_none_for_batman_adv_would_send_it_probes(world: World) -> None:
    assert world.look("e1", "w1", radios="w1") == ("e1",)


def test_until_it_is_known_which_are_radios_nothing_is_given(world: World) -> None:
    assert world.second.look(mesh("e1"), None) == ()
    assert world.look("e1") == ("e1",)


def test_what_may_not_be_done_now_is_done_when_it_may(world: World) -> None:
    world.closed = "paused"
    assert world.look("e1") == ()
    world.closed = ""
    assert world.look("e1") == ("e1",)


def test_an_interface_that_vanished_keeps_no_other_from_getting_one(world: World) -> None:
    world.error = InterfaceGoneError("giving e1 a frame to receive", "gone")
    assert world.look("e1", "e2") == ()
    world.error = None
    assert world.look("e1", "e2") == ("e1", "e2")


def test_a_kernel_that_refuses_is_said_and_not_asked_at_every_turn(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.error = RefusedError("giving e1 a frame to receive", "no BPF here")
    for _ in range(3):
        world.look("e1", "e2")
    assert [record.getMessage() for record in caplog.records] == [
        "ways that came back may not be passed on through e1: giving e1 a frame to receive: no BPF here"
    ]
    world.error, world.now = None, world.now + TRY_AGAIN_S
    assert world.look("e1") == ("e1",)


def test_the_frame_is_an_elp_broadcast() -> None:
    frame = elp.frame(7, 500)
    assert frame[:6] == b"\xff" * 6
    assert frame[12:16] == bytes.fromhex("4305030f")
    assert frame[16:22] == frame[6:12]  # its own originator
    assert int.from_bytes(frame[22:26]) == 7
    assert int.from_bytes(frame[26:30]) == 500


@pytest.mark.parametrize("size", [0, 13, inject.LONGEST + 1])
def test_no_frame_of_an_impossible_size_reaches_the_kernel(size: int) -> None:
    with pytest.raises(ValueError, match=f"a frame of {size} bytes"):
        inject.receive("lo", bytes(size))


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

        def originators(self, index: int, outgoing: int = 0) -> tuple[()]:
            return ()

        def gateways(self, index: int) -> tuple[()]:
            return ()

        def tt_counts(self, index: int) -> tuple[int, int]:
            return 0, 0

    read = MeshSensor("bat0", Reader(), counters=lambda _: {}).read(1.0)
    assert [row.mac for row in read.neighbours] == ["02:00:00:00:00:03"]
