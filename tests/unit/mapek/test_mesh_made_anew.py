# SPDX-License-Identifier: Apache-2.0
"""While the mesh is made anew nothing is begun or put back; afterwards what was held out of it is void."""

from __future__ import annotations

import msgspec

from agent.faults.base import State, View
from agent.mapek.episodes import Phase
from agent.mapek.holding import BACK_S
from agent.readings import Hardif, Link, Mesh
from tests.unit.mapek.world import LINK, Rig

PRIMARY = Hardif("x0prim", 3, "02:00:00:00:00:03", True)
E2 = Hardif("e2", 2, "02:00:00:00:00:02", True)


def test_nothing_is_begun_while_the_mesh_is_being_set_up() -> None:
    rig = Rig()
    rig.setup = False
    rig.world.breaks("link-dead")
    rig.run(5)
    assert not rig.acts
    assert len(rig.decisions) == 1
    assert "but the mesh is being set up" in rig.decisions[0].sentence
    rig.setup = True
    rig.tick()
    assert [act.remedy.action for act in rig.acts] == ["detach-hardif"]


class Bed(Rig):
    """A rig whose views show bat0: `attached` or not is e2, whose hold the journal shows."""

    def __init__(self) -> None:
        super().__init__()
        self.index = 9
        self.attached = True
        self.read_at: float | None = None  # of the hardifs; None: now
        plain = self.world.view

        def view() -> View:
            now = self.world.now
            mesh = Mesh("bat0", self.index, PRIMARY.mac, "BATMAN_V", 300, 15, "off", False, False)
            mesh = msgspec.structs.replace(
                mesh,
                hardifs=(PRIMARY, E2) if self.attached else (PRIMARY,),
                hardifs_at=now if self.read_at is None else self.read_at,
            )
            link = Link("e2", 2, E2.mac, 1532, True, True, master=self.index if self.attached else 0)
            before = plain()
            return msgspec.structs.replace(
                before,
                snapshot=msgspec.structs.replace(before.snapshot, mesh=mesh, links=(link,)),
                detached=frozenset({"e2"} if self.open_seqs else ()),
            )

        self.world.view = view  # type: ignore[method-assign,assignment]

    def contain(self) -> None:
        """e2 is dead and held out of the mesh."""
        self.world.breaks("link-dead")
        self.tick()
        self.attached = False
        self.world.contained("link-dead")
        self.run(BACK_S)
        assert [episode.phase for episode in self.healing.book.open.values()] == [Phase.CONTAINED]


def test_what_was_held_out_of_a_mesh_made_anew_is_void() -> None:
    bed = Bed()
    bed.contain()
    bed.index, bed.attached = 10, True
    bed.run(BACK_S + 0.5)
    assert not bed.open_seqs
    assert not bed.healing.book.open
    assert bed.results() == ["contained", "gone"]
    assert "e2 is in bat0 again without our doing" in bed.named("note")[0]


def test_a_link_that_is_in_use_again_though_dead_is_taken_out_again() -> None:
    bed = Bed()
    bed.contain()
    bed.attached = True
    bed.world.breaks("link-dead")
    bed.run(BACK_S + 0.5)
    assert [act.remedy.action for act in bed.acts] == ["detach-hardif"] * 2


def test_a_hold_is_not_void_by_one_odd_reading_nor_by_one_of_before_the_act() -> None:
    bed = Bed()
    bed.contain()
    bed.attached = True
    bed.tick()
    bed.attached = False
    bed.run(BACK_S)
    bed.attached, bed.read_at = True, bed.world.now
    bed.run(2 * BACK_S)
    assert bed.open_seqs
    assert not bed.named("note")


def test_nothing_is_put_back_while_the_mesh_is_being_set_up() -> None:
    bed = Bed()
    bed.contain()
    bed.setup = False
    bed.world.states["link-dead", LINK] = State.NEEDED
    bed.run(5)
    assert bed.open_seqs
    assert not bed.undos
    bed.setup = True
    bed.tick()
    assert not bed.open_seqs


def test_an_undo_that_failed_is_not_tried_again_while_the_mesh_is_being_set_up() -> None:
    bed = Bed()
    bed.contain()
    bed.auto = False
    bed.world.mends("link-dead")
    bed.run(3)
    assert len(bed.undos) == 1
    bed.undone(bed.undos[0], "no such device")
    bed.setup = False
    bed.run(5)
    assert len(bed.undos) == 1
    bed.setup = True
    bed.tick()
    assert len(bed.undos) == 2
