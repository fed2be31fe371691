# SPDX-License-Identifier: Apache-2.0
"""Link security of the running node begins, ends and begins anew as the configuration says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from agent import nodelinks
from agent.authz.authoriser import Authoriser
from agent.authz.subject import Subject
from agent.config import Config, Interface, Mesh, Node
from agent.configpolicy import Rule
from agent.configsecurity import Links
from agent.identity.revoked import Entry, Kind, Revoked
from agent.meshdevices import MeshDevices
from agent.nodelinks import NodeLinks
from agent.securityreadings import SecuredLink, Security

OFF = Config(Node("n1"), mesh=Mesh(interfaces=(Interface("e1"),)))
REQUIRED = msgspec.structs.replace(OFF, link_security="required")


class Running:
    """In place of agent/linksec/running.py."""

    def __init__(self, config: Config, publish: Callable[[Security], None]) -> None:
        self.config, self.publish, self.looked = config, publish, 0
        self.ended, self.rechecked, self.lists = False, 0, Revoked()
        self.asked: list[str] = []
        self.fail: asyncio.Event = asyncio.Event()

    async def run(self) -> None:
        try:
            await self.fail.wait()
        finally:
            self.ended = True
        raise RuntimeError("a mistake of ours")

    def look(self) -> None:
        self.looked += 1

    def recheck(self) -> None:
        self.rechecked += 1

    def restart(self, hardif: str, mac: str) -> bool:
        self.asked.append(f"restart {hardif} {mac}")
        return True

    def rekey(self, hardif: str) -> bool:
        self.asked.append(f"rekey {hardif}")
        return True

    def revoked(self) -> Revoked:
        return self.lists

    def problems(self) -> dict[str, str]:
        return {"": "not enrolled"}


class World:
    """What was begun, and how often it was said that something changed."""

    def __init__(self) -> None:
        self.made: list[Running] = []
        self.on_trust: Callable[[], None] = lambda: None
        self.changes = 0

    def make(
        self,
        config: Config,
        _devices: MeshDevices,
        publish: Callable[[Security], None],
        _authoriser: Authoriser,
        on_trust: Callable[[], None],
        *_: Any,
    ) -> Any:
        self.made.append(Running(config, publish))
        self.on_trust = on_trust
        return self.made[-1]

    def changed(self) -> None:
        self.changes += 1


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(nodelinks, "_make", made.make)
    return made


@contextlib.asynccontextmanager
async def running(
    config: Config, world: World
) -> AsyncIterator[tuple[NodeLinks, MeshDevices, asyncio.Task[None]]]:
    devices = MeshDevices.of(("e1",))
    made = NodeLinks(config, devices, world.changed)
    task = asyncio.create_task(made.run())
    try:
        yield made, devices, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError):
            await task


async def until(true: Callable[[], object]) -> None:
    for _ in range(2500):
        if true():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("not within five seconds")


def reading(state: Any = "none", age: float = 0.0) -> Security:
    link = SecuredLink("e1", "02:00:00:00:00:02", "spiffe://tal/node/berta", state, age=age)
    return Security("required", "hybrid", links=(link,))


async def test_off_begins_nothing_and_leaves_the_interfaces_alone(world: World) -> None:
    async with running(OFF, world) as (links, devices, _):
        await asyncio.sleep(0.02)
        links.refresh()
        assert (world.made, links.security(), links.problems(), devices.device("e1")) == ([], None, {}, "e1")


async def test_required_begins_it_over_the_macsec_devices(world: World) -> None:
    async with running(REQUIRED, world) as (links, devices, _):
        assert devices.device("e1") == "macsec0"  # at once: the hello must not begin in clear
        await until(lambda: world.made)
        links.refresh()
        assert world.made[0].looked == 1
        assert links.problems() == {"": "not enrolled"}


async def test_a_reload_from_off_to_required_and_back(world: World) -> None:
    async with running(OFF, world) as (links, devices, _):
        links.reconfigure(REQUIRED)
        await until(lambda: world.made)
        world.made[0].publish(reading("post-quantum"))
        assert links.security() is not None
        links.reconfigure(OFF)
        assert devices.device("e1") == "e1"
        await until(lambda: world.made[0].ended and links.security() is None)
        links.reconfigure(REQUIRED)
        await until(lambda: len(world.made) == 2)


async def test_another_suite_begins_it_anew_and_anything_else_does_not(world: World) -> None:
    async with running(REQUIRED, world) as (links, _, _task):
        await until(lambda: world.made)
        links.reconfigure(msgspec.structs.replace(REQUIRED, mode="heal"))
        await asyncio.sleep(0.02)
        assert len(world.made) == 1
        links.reconfigure(msgspec.structs.replace(REQUIRED, links=Links(suite="cnsa")))
        await until(lambda: len(world.made) == 2)
        assert world.made[0].ended
        assert world.made[1].config.links.suite == "cnsa"


async def test_a_mistake_of_ours_is_the_supervisors(world: World) -> None:
    async with running(REQUIRED, world) as (links, _, task):
        await until(lambda: world.made)
        world.made[0].publish(reading())
        world.made[0].fail.set()
        with pytest.raises(RuntimeError):
            await task
        assert links.security() is None  # nobody may act on what nobody keeps


async def test_what_is_news_wakes_the_loop_and_what_only_grows_older_does_not(world: World) -> None:
    async with running(REQUIRED, world) as (_links, _, _task):
        await until(lambda: world.made)
        publish = world.made[0].publish
        publish(reading(age=1.0))
        publish(reading(age=2.0))
        assert world.changes == 1
        publish(reading("post-quantum", age=3.0))
        assert world.changes == 2


async def test_another_policy_judges_every_neighbour_anew(world: World) -> None:
    async with running(REQUIRED, world) as (links, _, _task):
        await until(lambda: world.made)
        before = world.made[0].rechecked
        links.authoriser.reload([Rule("no", "deny", ("role:guest",), ("link.secure",))])
        assert world.made[0].rechecked == before + 1


async def test_a_revocation_cuts_what_else_the_node_had_open_and_links_are_not_judged_twice(
    world: World,
) -> None:
    async with running(REQUIRED, world) as (links, _, _task):
        await until(lambda: world.made and world.made[0].rechecked)  # once, with the judge of revocations
        cut: list[str] = []
        berta = Subject("member", "spiffe://tal/node/berta", "berta")
        decision = links.authoriser.decide(berta, "link.secure", "link")
        links.authoriser.watch(decision, lambda now: cut.append(now.why))
        entry = Entry(Kind.NODE, "berta", 1, "stolen")
        world.made[0].lists = Revoked({(Kind.NODE, "berta"): entry})
        before = world.made[0].rechecked
        world.on_trust()
        assert cut == ["node berta is revoked (stolen)"]
        assert world.made[0].rechecked == before
        assert not links.authoriser.decide(berta, "link.secure", "link")


async def test_remedies_reach_what_runs_and_nothing_where_none_does(world: World) -> None:
    async with running(OFF, world) as (links, _, _task):
        assert not links.restart("e1", "02:00:00:00:00:02")
        assert not links.rekey("e1")
    async with running(REQUIRED, world) as (links, _, _task):
        await until(lambda: world.made and world.made[0].rechecked)
        assert links.restart("e1", "02:00:00:00:00:02")
        assert links.rekey("e1")
        assert world.made[0].asked == ["restart e1 02:00:00:00:00:02", "rekey e1"]
