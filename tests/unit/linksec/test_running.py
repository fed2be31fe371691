# SPDX-License-Identifier: Apache-2.0
"""Link security of a whole node: begun when device and identity are there, anew with another device."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec import running
from agent.linksec.errors import Reason
from agent.linksec.nodetrust import News
from agent.linksec.report import Kind, LinkEvent
from agent.linksec.running import Given, Running
from agent.meshdevices import MeshDevices
from agent.securityreadings import OwnIdentity, SecuredInterface, SecuredLink, Security, UnsecuredNeighbour
from tests.unit.linksec.pretend import PretendMacsec

PEER = "spiffe://tal/node/berta"


class Trust:
    """Identity and trust that change when a test says so."""

    def __init__(self) -> None:
        self.trust_domain, self.problem = "tal", ""
        self.news: list[News] = []

    def look(self) -> News:
        return self.news.pop() if self.news else News()

    def own(self) -> OwnIdentity:
        return OwnIdentity("spiffe://tal/node/anna", problem=self.problem)


class Interface:
    """In place of Secured."""

    def __init__(self, settings: Any, device: str, found: SecY, *, run: Any, on_event: Any, **_: Any) -> None:
        self.hardif, self.device, self.index, self.run_of = settings.interface, device, found.index, run
        self.settings, self.on_event = settings, on_event
        self.service, self.done = self, False
        self.strangers: tuple[UnsecuredNeighbour, ...] = ()
        self.problem, self.renewed, self.rechecked, self.listened = "", 0, 0, 0
        self.asked: list[str] = []

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.done = True

    def renew(self) -> None:
        self.renewed += 1

    def recheck(self) -> tuple[str, ...]:
        self.rechecked += 1
        return (PEER,)

    def restart(self, mac: str) -> bool:
        self.asked.append(f"restart {mac}")
        return True

    def rekey(self) -> bool:
        self.asked.append("rekey")
        return True

    def listen(self) -> None:
        self.listened += 1

    def interface(self) -> SecuredInterface:
        return SecuredInterface(self.hardif, self.device, there=True)

    def links(self) -> tuple[SecuredLink, ...]:
        return (SecuredLink(self.hardif, "02:00:00:00:00:02", PEER, "post-quantum"),)

    def unsecured(self) -> tuple[UnsecuredNeighbour, ...]:
        return self.strangers


class World:
    """Kernel, identity, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.indices: dict[str, int] = {}
        self.trust, self.made, self.readings = Trust(), [], []  # type: ignore[var-annotated]
        self.told: list[list[int]] = []  # rechecks of each interface when a change of trust was told
        given = Given(
            ("e1", "e3"), MeshDevices.of(("e1", "e3"), secured=True), folder, folder, "hybrid", 60.0
        )
        self.running = Running(
            given,
            self.readings.append,
            trust=self.trust,  # type: ignore[arg-type]
            state=self._state,
            index=self.indices.get,
            make=self._make,
            on_trust=lambda: self.told.append([one.rechecked for one in self.living()]),
        )

    def _state(self, device: str) -> SecY:
        if device not in self.indices:
            raise KernelError(f"{device} is not there", "")
        state = PretendMacsec(Sci(f"02:00:00:00:00:{self.indices[device]:02x}")).state()
        return SecY(
            **{name: getattr(state, name) for name in state.__struct_fields__}
            | {"index": self.indices[device]}
        )

    def _make(self, *args: Any, **kwargs: Any) -> Any:
        self.made.append(Interface(*args, **kwargs))
        return self.made[-1]

    def living(self) -> list[Interface]:
        return [one for one in self.made if not one.done]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not true():
                self.running.look()
                await asyncio.sleep(0.005)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    task = asyncio.create_task(made.running.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert made.living() == []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOK", 0.02)


async def test_an_interface_is_secured_once_its_device_is_there_and_the_others_do_not_wait(
    world: World,
) -> None:
    world.indices["macsec0"] = 7
    await world.until(lambda: len(world.living()) == 1)
    assert (world.made[0].hardif, world.made[0].settings.trust_domain) == ("e1", "tal")
    await world.until(lambda: world.running.problems().get("e3"))
    assert "macsec1 is not there" in world.running.problems()["e3"]
    world.indices["macsec1"] = 8
    await world.until(lambda: len(world.living()) == 2)
    assert world.made[0].run_of is world.made[1].run_of  # one run: told from two nodes with one identity
    assert world.running.problems() == {}


async def test_without_an_identity_nothing_is_begun_and_that_is_said(world: World) -> None:
    world.trust.trust_domain, world.trust.problem = "", "the node must be enrolled"
    world.indices["macsec0"] = 7
    await world.until(lambda: world.running.problems().get("e1") == "the node must be enrolled")
    assert world.made == []
    world.trust.trust_domain = "tal"
    await world.until(lambda: world.living())


async def test_a_device_that_is_another_one_begins_a_new_run_everywhere(world: World) -> None:
    """The keys of it are gone: neighbours must not take us for the run that had them."""
    world.indices.update(macsec0=7, macsec1=8)
    await world.until(lambda: len(world.living()) == 2)
    before = world.made[0].run_of
    world.indices["macsec0"] = 9
    await world.until(lambda: len(world.living()) == 2 and world.living()[0].run_of is not before)
    assert {one.index for one in world.living()} == {9, 8}
    assert len({id(one.run_of) for one in world.living()}) == 1


async def test_another_certificate_is_shown_and_other_trust_is_judged_by(world: World) -> None:
    world.indices["macsec0"] = 7
    await world.until(lambda: world.living())
    (one,) = world.made
    world.trust.news.append(News(identity=True))
    await world.until(lambda: one.renewed == 1)
    assert one.rechecked == 0
    world.trust.news.append(News(trust=True))
    await world.until(lambda: one.rechecked == 1)
    await world.until(lambda: world.told)
    assert world.told == [[1]], "told once, when all were judged"


async def test_what_happens_is_told_once_and_kept(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.indices["macsec0"] = 7
    await world.until(lambda: world.living())
    event = LinkEvent(Kind.FAILED, "e1", PEER, "02:00:00:00:00:02", Reason.REVOKED, "it is revoked")
    world.made[0].on_event(event)
    world.made[0].on_event(event)
    said = [record.levelname for record in caplog.records if getattr(record, "event", "") == "link-security"]
    assert [level for level in said if level != "DEBUG"] == ["WARNING"]
    await world.until(lambda: world.readings and world.readings[-1].failures)
    reading: Security = world.readings[-1]
    assert [(one.peer, one.reason, one.count) for one in reading.failures] == [(PEER, "revoked", 2)]
    assert [(one.hardif, one.there) for one in reading.interfaces] == [("e1", True), ("e3", False)]
    assert [link.peer for link in reading.links] == [PEER]
    assert reading.identity.id == "spiffe://tal/node/anna"


async def test_a_neighbour_without_security_is_said_once_when_it_has_had_its_time(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.indices["macsec0"] = 7
    await world.until(lambda: world.living())
    (one,) = world.made
    for refused in (False, True, True):
        one.strangers, seen = (UnsecuredNeighbour("e1", "02:00:00:00:00:77", refused=refused),), one.listened
        await world.until(lambda seen=seen: one.listened > seen + 1)  # type: ignore[misc]
    said = [record for record in caplog.records if getattr(record, "event", "") == "unsecured-neighbour"]
    assert ["02:00:00:00:00:77" in record.getMessage() for record in said] == [True]


async def test_a_link_or_a_key_is_made_anew_on_the_interface_that_is_meant(world: World) -> None:
    world.indices["macsec0"] = 7
    await world.until(lambda: len(world.living()) == 1)
    assert world.running.restart("e1", "02:00:00:00:00:02")
    assert world.running.rekey("e1")
    assert not world.running.restart("e3", "02:00:00:00:00:02"), "it is not secured yet"
    assert not world.running.rekey("e9")
    assert world.made[0].asked == ["restart 02:00:00:00:00:02", "rekey"]
