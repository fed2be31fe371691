# SPDX-License-Identifier: Apache-2.0
"""Faults of link security in the real loop: who is needed for them, and what is done first."""

from __future__ import annotations

from typing import Any

from agent import faults, remedies
from agent.events import Snapshot, Verdict
from agent.faults.base import View
from agent.mapek.policy import HEAL, Policy
from tests.unit.faults.hand import view
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
