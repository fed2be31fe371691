# SPDX-License-Identifier: Apache-2.0
"""What an earlier run left changed is put back once the mesh stands, however often that fails first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.events import Snapshot
from agent.mapek import leftovers as module
from agent.mapek.holding import BACK_S
from agent.mapek.journal import Journal
from agent.mapek.leftovers import RETRY_FIRST, RETRY_MAX, Leftovers
from agent.mapek.replay import undo_records
from agent.readings import Hardif, Link, Mesh
from agent.remedies.base import UndoRecord
from tests.integration.mapek.bench import Bench, running, until
from tests.unit.mapek.world import Mechanism, World, journal_path, standard_actions

HELD = UndoRecord("detach-hardif", {"mesh": "bat0", "hardif": "e2"})


def left(folder: Path, boot: str = "boot-1") -> None:
    """A killed agent's journal."""
    journal = Journal(journal_path(folder))
    journal.open(boot)
    journal.begin(HELD, "e1", 0.0)
    journal.close()


class Stand:
    """Leftovers with a clock and a mechanism in the test's hands."""

    def __init__(self, folder: Path) -> None:
        left(folder)
        self.world = World()
        self.mechanism = Mechanism()
        self.mechanism.detached = {"e2"}
        self.actions: Any = {action.id: action for action in standard_actions(self.world)}
        self.ready = True
        self.events: list[tuple[str, str]] = []
        self.tries: list[float] = []
        self.journal = Journal(journal_path(folder))
        self.journal.open("boot-1")
        self.leftovers = Leftovers(
            self.journal,
            self._replay,
            lambda: self.ready,
            lambda event, sentence, fields: self.events.append((event, sentence)),
            lambda: self.world.now,
        )
        self.leftovers.found()

    async def _replay(self, only: set[int] | None) -> tuple[int, list[str]]:
        self.tries.append(self.world.now)
        put_back, errors = undo_records(self.journal, self.actions, self.mechanism, only)
        return len(put_back), errors

    async def run(self, seconds: float, *, attached: bool | None = None) -> None:
        """Ticks four times a second; `attached`: what they show of e2, None: no mesh."""
        for _ in range(round(seconds / 0.25)):
            self.world.now += 0.25
            self.leftovers.look(self.world.view(self._snapshot(attached)))
            self.leftovers.go_on()
            await self.leftovers.settle()

    def _snapshot(self, attached: bool | None) -> Snapshot:
        empty = Snapshot(at=self.world.now, wall=0.0)
        if attached is None:
            return empty
        mesh = Mesh("bat0", 9, "02:00:00:00:00:03", "BATMAN_V", 300, 15, "off", False, False)
        e2 = Hardif("e2", 2, "02:00:00:00:00:02", True)
        mesh = msgspec.structs.replace(mesh, hardifs=(e2,) if attached else (), hardifs_at=self.world.now)
        link = Link("e2", 2, e2.mac, 1532, True, True, master=9 if attached else 0)
        return msgspec.structs.replace(empty, mesh=mesh, links=(link,))


async def test_no_link_is_put_back_before_the_mesh_stands(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.ready = False
    await stand.run(30)
    assert not stand.tries
    stand.ready = True
    await stand.run(0.25)
    assert stand.mechanism.did == ["attach e2"]
    assert not stand.journal.open_records()


async def test_a_replay_that_failed_is_tried_again_until_it_succeeds_and_is_said_once(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.actions["detach-hardif"].undo_fails = 9
    await stand.run(400)
    assert not stand.journal.open_records()
    assert stand.mechanism.did == ["attach e2"]
    waits = [after - before for before, after in zip(stand.tries, stand.tries[1:], strict=False)]
    assert len(waits) == 9
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (RETRY_FIRST, RETRY_MAX)
    assert len([event for event, _ in stand.events if event == "undo-failed"]) == 1
    assert stand.leftovers.trouble == ""


async def test_what_is_not_put_back_yet_is_a_trouble_that_can_be_read(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.actions["detach-hardif"].undo_fails = 1
    await stand.run(0.25)
    assert "the kernel said no" in stand.leftovers.trouble
    await stand.run(RETRY_FIRST)
    assert stand.leftovers.trouble == ""


async def test_a_record_is_void_soon_after_its_interface_is_in_the_mesh_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.actions["detach-hardif"].undo_fails = 6
    await stand.run(40, attached=False)
    assert stand.journal.detached() == {"e2"}
    due_by_itself = stand.world.now + RETRY_MAX / 3
    await stand.run(BACK_S + 0.5, attached=True)
    assert stand.journal.detached() == frozenset()
    assert stand.world.now < due_by_itself
    assert ("note", "e2 in bat0 again without our doing: its hold is void") in stand.events


async def test_one_odd_reading_voids_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    stand.actions["detach-hardif"].undo_fails = 99
    await stand.run(40, attached=False)
    tries = len(stand.tries)
    await stand.run(0.5, attached=True)
    await stand.run(BACK_S, attached=False)
    assert len(stand.tries) == tries
    await stand.run(20, attached=True)  # an undo that fails all the same is not hurried a second time
    assert len([event for event, _ in stand.events if event == "note"]) == 1


async def test_the_loop_retries_what_it_could_not_put_back_at_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST", 0.05)
    left(tmp_path)
    bench = Bench(tmp_path)
    bench.mechanism.detached = {"e2"}
    bench.actions[0].undo_fails = 2
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: bench.mechanism.did == ["attach e2"])
        await until(loop, lambda: "undo" not in loop.status().errors)
        assert loop.status().detached == ()


async def test_after_a_reboot_the_loop_neither_holds_nor_attaches_what_was_detached_before(
    tmp_path: Path,
) -> None:
    left(tmp_path, "boot-0")
    bench = Bench(tmp_path)
    loop = bench.build()
    async with running(loop):
        await until(loop, lambda: loop.status().healthy)
        assert loop.status().detached == ()
    assert bench.mechanism.did == []


async def test_what_could_not_be_put_back_is_tried_once_more_at_the_end(tmp_path: Path) -> None:
    left(tmp_path)
    bench = Bench(tmp_path)
    bench.mechanism.detached = {"e2"}
    loop = bench.build(setup_done=lambda: False)
    async with running(loop):
        await until(loop, lambda: loop.snapshot is not None)
        assert bench.mechanism.did == []
    assert bench.mechanism.did == ["attach e2"]
