# SPDX-License-Identifier: Apache-2.0
"""Faults of link security in the real loop: who is needed for them, and what is done first."""

from __future__ import annotations

from typing import Any

from agent import faults, remedies
from agent.events import Snapshot, Verdict
from agent.faults.base import View
from agent.mapek.policy import HEAL, Policy
from tests.unit.faults.hand import echo, neighbours, view, without
from tests.unit.faults.securehand import WALL, failure, interface, link, other, secured, unsecured
from tests.unit.faults.wires import KBIT, told, wires
from tests.unit.mapek.world import Rig


class Site(Rig):
    """The whole catalogue over hand-written views of secured links."""

    def __init__(self) -> None:
        super().__init__(
            lambda _: faults.discover(),
            lambda _: remedies.discover(),
            Policy(mode=HEAL, hardifs_wanted=("e1", "e3")),
            auto=False,
        )
        self.security: Any = secured()
        self._past: tuple[Snapshot, ...] = ()
        world: Any = self.world
        world.view = self._view

    def done(self) -> None:
        """The newest act ended well."""
        self.healing.acted(self.acts[-1].diagnosis.id, None, "", self.world.now)

    def _view(self, *_: object) -> View:
        at = self.world.now
        mesh = told(KBIT, neighbours_at=at, originators_at=at)
        snapshot = wires(at=at, wall=WALL, mesh=mesh, security=self.security)
        made = view(snapshot, now=at, history=self._past)
        self._past = (*self._past[-60:], snapshot)
        return made


def test_a_stranger_in_clear_or_expelled_calls_nobody_and_breaks_nothing() -> None:
    site = Site()
    site.run(2)
    site.security = secured(unsecured=(unsecured(),), failures=(failure("revoked"),))
    site.run(20, 1.0)
    open_now = {episode.diagnosis.fault: episode for episode in site.healing.book.open.values()}
    assert set(open_now) == {"neighbour-unsecured", "node-revoked"}
    assert not site.acts
    assert {episode.phase.value for episode in open_now.values()} == {"contained"}
    site.security = secured()
    site.run(5)
    assert not site.healing.book.open


def test_a_key_that_gets_too_old_is_changed_and_once_changed_it_is_over() -> None:
    site = Site()
    site.run(2)
    site.security = secured(interfaces=(interface(key_age=2000.0), interface("e3")))
    site.run(1)
    assert [act.remedy.action for act in site.acts] == ["rekey-link"]
    site.done()
    site.security = secured()
    site.run(3)
    assert site.results() == ["healed"]


def test_a_restarted_neighbour_is_met_anew_before_a_person_is_called() -> None:
    site = Site()
    site.run(2)
    site.security = secured(links=(link(held=True, restarted_age=9.0), other()))
    site.run(1)
    assert [act.remedy.action for act in site.acts] == ["renew-link"]
    site.done()
    site.security = secured(links=(other(),))
    site.run(12, 1.0)
    last = [one for one in site.decisions if one.verdict is Verdict.NOTHING]
    assert "every rung was tried once" in last[-1].sentence
    site.security = secured()
    site.run(3)
    assert not site.healing.book.open


class Mismatch(Site):
    """The link e1 whose packets cannot be read any more: silent to all, while its channel stands."""

    def __init__(self) -> None:
        super().__init__()
        self.broken_at = float("inf")
        self.mended_at = float("inf")
        self.detached = False

    def _view(self, *_: object) -> View:
        at = self.world.now
        dead = self.broken_at <= at < self.mended_at
        silent = at - self.broken_at if dead else 0.05
        mesh = told(KBIT, neighbours=neighbours(e1=silent, e3=0.05), neighbours_at=at, originators_at=at)
        if self.detached:
            mesh = without("e1", mesh)
        asked = echo(unanswered_for=silent, unanswered=8 if dead else 0, ever_answered=True, streak=0)
        if not dead:
            well = at - self.mended_at if self.mended_at <= at else 100.0
            asked = echo(unanswered_for=0.0, unanswered=0, ever_answered=True, streak=99, streak_age=well,
                         answer_age=0.05)  # fmt: skip
        looked = (
            max(0.0, (at - self.broken_at) // 10 * 10) if dead else 0.0
        )  # the kernel's numbers: every 10 s
        first = link(rx_ok=1000, rx_bad=round(looked * 3), age=900.0)
        if at >= self.mended_at:
            first = link(rx_ok=50, rx_bad=0, age=at - self.mended_at)
        snapshot = wires(
            at=at, wall=WALL, mesh=mesh, echoes=(asked,), security=secured(links=(first, other()))
        )
        out = frozenset({"e1"}) if self.detached else frozenset[str]()
        made = view(snapshot, now=at, history=self._past, detached=out)
        self._past = (*self._past[-60:], snapshot)
        return made


def test_a_dead_link_that_was_left_turns_out_to_have_other_keys_and_is_mended_and_used_again() -> None:
    site = Mismatch()
    site.run(2)
    site.broken_at = site.world.now
    site.run(3)
    assert [act.remedy.action for act in site.acts] == ["detach-hardif"], "traffic comes first"
    site.detached = True
    site.healing.acted(site.acts[-1].diagnosis.id, 1, "", site.world.now)
    site.run(40, 0.5)
    assert [act.remedy.action for act in site.acts] == ["detach-hardif", "renew-link"]
    assert site.acts[-1].diagnosis.fault == "key-mismatch"
    site.healing.acted(site.acts[-1].diagnosis.id, None, "", site.world.now)
    site.mended_at = site.world.now
    site.run(10, 0.5)
    assert [undo.seqs for undo in site.undos] == [(1,)], "it is put back into the mesh"
    site.detached = False
    site.healing.undone(site.undos[-1].episode, (1,), "", site.world.now)
    site.run(5)
    assert site.results()[-1] == "healed"
    assert not site.healing.book.open
