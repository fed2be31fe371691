# SPDX-License-Identifier: Apache-2.0
"""Gateways told to announce what is free, clients told to choose anew; by hand and at the end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest

from agent.config import Config, Interface, Mesh, Node
from agent.configgateway import Gateway
from agent.kernel.errors import RefusedError
from agent.mesh.gatewaybalance import GatewayBalance
from agent.mesh.gatewaychoice import CLIENT_THRESHOLD_KBIT, KERNELS_THRESHOLD_KBIT
from agent.mesh.restore import restore_gateway
from agent.readings import Uplink
from tests.unit.faults.hand import O3, mesh, snapshot
from tests.unit.faults.test_gw_stale import client
from tests.unit.mesh.kernel import Kernel


def config(mode: str = "heal", gateway: str = "server", **changes: Any) -> Config:
    way = Gateway(mode=cast(Any, gateway), down=10_000, up=2_000, **changes)
    return Config(Node("n1"), mode=cast(Any, mode), mesh=Mesh(interfaces=(Interface("e1"),), gateway=way))


class World:
    """A gateway whose kernel takes what it is told."""

    def __init__(self, settings: Config | None = None) -> None:
        self.told: list[dict[str, int]] = []
        self.mesh = mesh(gw_mode="server", gw_down_kbit=10_000, gw_up_kbit=2_000)
        self.refuse: Exception | None = None
        self.closed = ""
        self.now = 1000.0
        self.balance = GatewayBalance(
            settings or config(), may_act=lambda: self.closed, set_mesh=self._set, chance=lambda: 0.0
        )

    def _set(self, index: int, **values: int) -> None:
        assert index == 5
        if self.refuse is not None:
            raise self.refuse
        self.told.append(values)
        self.mesh = msgspec.structs.replace(self.mesh, **cast(Any, values))

    async def run(self, seconds: float, kbit: float = 0.0) -> None:
        """So long with so much coming in, read every five seconds."""
        end = self.now + seconds
        while self.now < end:
            self.now += 5.0
            self.balance.tick(snapshot(at=self.now, mesh=self.mesh, uplink=Uplink("wan0", (), kbit, 100.0)))
            await self.settle()

    async def settle(self) -> None:
        while (call := self.balance._call) is not None:
            await call


def test_a_loaded_gateway_announces_less_and_again_more() -> None:
    async def scene() -> None:
        world = World()
        await world.run(200.0, 9_500)
        assert [told["gw_down_kbit"] for told in world.told] == [8_000, 6_000, 4_000, 2_000]
        assert {told["gw_up_kbit"] for told in world.told} == {2_000}
        await world.run(3600.0)
        assert world.mesh.gw_down_kbit == 10_000

    asyncio.run(scene())


@pytest.mark.parametrize("why", ["mode is observe", "healing is paused"])
def test_where_nothing_may_be_done_nothing_is(why: str) -> None:
    async def scene() -> None:
        world = World()
        world.closed = why
        await world.run(200.0, 9_500)
        assert world.told == []

    asyncio.run(scene())


def test_without_balance_or_a_reading_nothing_is_told() -> None:
    async def scene() -> None:
        world = World(config(balance=False))
        await world.run(200.0, 9_500)
        assert world.told == []
        world = World()
        world.balance.tick(snapshot(mesh=world.mesh, uplink=Uplink("wan0")))
        world.balance.tick(snapshot(mesh=None))
        assert world.balance._call is None

    asyncio.run(scene())


def test_what_a_person_announces_by_hand_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        world = World()
        await world.run(60.0, 9_500)
        world.told.clear()
        world.mesh = msgspec.structs.replace(world.mesh, gw_down_kbit=3_000)
        await world.run(300.0, 9_500)
        assert world.told == []
        assert sum("by hand" in record.message for record in caplog.records) == 1
        world.mesh = msgspec.structs.replace(world.mesh, gw_down_kbit=10_000)
        await world.run(300.0, 9_500)
        assert world.told, "configured again, it is ours again"

    asyncio.run(scene())


def test_a_withdrawn_gateway_is_not_touched() -> None:
    async def scene() -> None:
        world = World()
        world.mesh = msgspec.structs.replace(world.mesh, gw_mode="off")
        await world.run(300.0, 9_500)
        assert world.told == []

    asyncio.run(scene())


def test_switched_to_observe_what_is_configured_is_announced() -> None:
    async def scene() -> None:
        world = World()
        world.balance.reconfigure(config("observe"))
        assert world.balance._call is None, "nothing was changed yet"
        await world.run(60.0, 9_500)
        world.balance.reconfigure(config("observe"))
        await world.settle()
        assert (world.mesh.gw_down_kbit, world.mesh.gw_up_kbit) == (10_000, 2_000)

    asyncio.run(scene())


def test_a_kernel_that_refuses_is_left_in_peace(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        world = World()
        world.refuse = RefusedError("EPERM")
        await world.run(500.0, 9_500)
        assert sum("not balanced" in record.message for record in caplog.records) == 1

    asyncio.run(scene())


def test_a_client_with_much_to_gain_chooses_anew_once_and_stays() -> None:
    async def scene() -> None:
        world = World(config(gateway="client"))
        world.mesh = client(0.1, best=O3, down=(10_000, 1_000))
        await world.run(500.0)
        assert world.told == [{"gw_sel_kbit": CLIENT_THRESHOLD_KBIT}]

    asyncio.run(scene())


def kernel(mode: str, **values: int) -> Kernel:
    made = Kernel("e1")
    made.create_batadv("bat0")
    made.set_mesh(made.index("bat0"), gw_mode=mode, **values)
    made.writes.clear()
    return made


@pytest.mark.parametrize(
    ("settings", "made", "writes"),
    [
        (
            config(),
            kernel("server", gw_down_kbit=2_000, gw_up_kbit=2_000),
            ["set gw_down_kbit 10000", "set gw_up_kbit 2000"],
        ),
        (config(), kernel("server", gw_down_kbit=10_000, gw_up_kbit=2_000), []),
        (config(), kernel("off", gw_down_kbit=2_000, gw_up_kbit=2_000), []),
        (config("observe"), kernel("server", gw_down_kbit=2_000, gw_up_kbit=2_000), []),
        (config(balance=False), kernel("server", gw_down_kbit=2_000, gw_up_kbit=2_000), []),
        (
            config(gateway="client"),
            kernel("client", gw_sel_kbit=CLIENT_THRESHOLD_KBIT),
            [f"set gw_sel_kbit {KERNELS_THRESHOLD_KBIT}"],
        ),
        (config(gateway="client"), kernel("client", gw_sel_kbit=7_000), []),
    ],
    ids=["loaded", "as configured", "withdrawn", "observe", "no balance", "client", "client by hand"],
)
def test_the_agent_s_end_leaves_gateways_as_without_it(
    settings: Config, made: Kernel, writes: list[str]
) -> None:
    fake = cast(Any, made)
    assert restore_gateway(settings, fake, fake) is bool(writes)
    assert made.writes == writes


def test_without_a_mesh_there_is_nothing_to_restore() -> None:
    fake = cast(Any, Kernel("e1"))
    assert restore_gateway(config(), fake, fake) is False
