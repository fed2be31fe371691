# SPDX-License-Identifier: Apache-2.0
"""The safety rules as invariants over every order of events hypothesis finds."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.events import Subject
from agent.mapek.episodes import MAX_OPEN, Phase, Rung
from agent.mapek.limits import HOUR, MAX_ACTS, MAX_MOVES, MOVE_WINDOW, reserve
from agent.mapek.policy import HEAL, OBSERVE, Policy
from agent.mapek.tick import Act, Undo
from tests.unit.mapek.world import LINK, OTHER, SAME_HARDIF, Rig, ScriptedFault, World

BUDGET = 6
FAULTS = ("link-dead", "node-dead", "hardif-missing", "service-dead")
SUBJECTS = (LINK, SAME_HARDIF, OTHER, "hardif/e2", "service/broker", "service/dhcp")
TRIED = st.tuples(st.sampled_from(FAULTS), st.sampled_from(SUBJECTS))


def catalogue(world: World) -> list[ScriptedFault]:
    ladder: list[tuple[str, dict[str, str]]] = [("detach-hardif", {}), ("hasten-ogms", {})]
    return [
        ScriptedFault(world, "link-dead", ladder),
        ScriptedFault(world, "node-dead", ladder, ["link-dead"]),
        ScriptedFault(world, "hardif-missing", [("hasten-ogms", {"attempt": "1"})]),
        ScriptedFault(
            world, "service-dead", [("restart-service", {}), ("restart-service", {"attempt": "2"})]
        ),
    ]


def move(act: Act) -> str:
    """What the bound on moves counts as one: the thing and, on a link, whether its traffic moves."""
    thing, action = "/".join(act.remedy.subject.split("/")[:2]), act.remedy.action
    return f"{thing} {action}" if thing.startswith("hardif/") else thing


class SafetyRules(RuleBasedStateMachine):
    """Faults come, go and are contained; acts end, fail, hang; people pause, resume and reload."""

    @initialize(healthy=st.booleans())
    def start(self, healthy: bool) -> None:
        self.rig = Rig(
            catalogue, policy=Policy(mode=HEAL, budget_per_hour=BUDGET), healthy=healthy, auto=False
        )
        self.acting: list[Act] = []
        self.undoing: list[Undo] = []
        self.act_times: list[float] = []
        self.began: dict[str, float] = {}  # when the act of an episode was decided
        self.moves: list[tuple[float, str]] = []
        self.rungs: set[tuple[str, Rung]] = set()

    @rule(which=TRIED)
    def breaks(self, which: tuple[str, str]) -> None:
        self.rig.world.breaks(*which)

    @rule(which=TRIED)
    def is_contained(self, which: tuple[str, str]) -> None:
        if which in self.rig.world.states:
            self.rig.world.contained(*which)

    @rule(which=TRIED)
    def mends(self, which: tuple[str, str]) -> None:
        self.rig.world.mends(*which)

    @rule()
    def everything_mends(self) -> None:
        self.rig.world.states.clear()

    @rule(seconds=st.floats(0.1, 300))
    def pauses(self, seconds: float) -> None:
        self.rig.healing.standing.paused_until = self.rig.world.now + seconds

    @rule()
    def resumes(self) -> None:
        self.rig.healing.standing.paused_until = 0.0

    @rule(mode=st.sampled_from([HEAL, OBSERVE]))
    def reloads(self, mode: str) -> None:
        self.rig.healing.standing.policy = msgspec.structs.replace(
            self.rig.healing.standing.policy, mode=mode
        )

    @rule(action=st.sampled_from(["detach-hardif", "hasten-ogms", "restart-service"]), refused=st.booleans())
    def refuses(self, action: str, refused: bool) -> None:
        self.rig.world.refusals[action] = "not now" if refused else ""

    @rule(seconds=st.sampled_from([0.01, 0.25, 1.0, 6.0, 130.0, 700.0]), times=st.integers(1, 4))
    def ticks(self, seconds: float, times: int) -> None:
        for _ in range(times):
            self.one_tick(seconds)

    def one_tick(self, seconds: float) -> None:
        rig = self.rig
        tick = rig.tick(seconds)
        now = rig.world.now
        for act in tick.acts:
            assert rig.healing.standing.policy.mode == HEAL, "acted in observe"
            assert now >= rig.healing.standing.paused_until, "acted while paused"
            assert rig.health.was_healthy, "acted before the first healthy state"
            key = (act.diagnosis.id, Rung.of(act.remedy))
            assert key not in self.rungs, "a rung was used twice in an episode"
            self.rungs.add(key)
            self.act_times.append(now)
            self.began[act.diagnosis.id] = now
            self.moves.append((now, move(act)))
            self.acting.append(act)
        self.undoing += tick.undos
        assert sum(1 for at in self.act_times if now - at <= HOUR) <= BUDGET, "the budget was exceeded"
        of_services = sum(1 for at, key_ in self.moves if key_.startswith("service/") and now - at <= HOUR)
        assert of_services <= BUDGET - reserve(BUDGET), "what is kept for the links was used"
        for _, key_ in self.moves:
            most = MAX_MOVES if key_.endswith("detach-hardif") else MAX_ACTS
            assert sum(1 for at, k in self.moves if k == key_ and now - at <= MOVE_WINDOW) <= most

    @precondition(lambda self: self.acting)
    @rule(data=st.data(), error=st.sampled_from(["", "EBUSY"]))
    def an_act_ends(self, data: Any, error: str) -> None:
        act = data.draw(st.sampled_from(self.acting))
        self.acting.remove(act)
        self.rig.acted(act, error)

    @precondition(lambda self: self.acting)
    @rule(data=st.data())
    def an_act_is_withdrawn(self, data: Any) -> None:
        act = data.draw(st.sampled_from(self.acting))
        self.acting.remove(act)
        self.rungs.discard((act.diagnosis.id, Rung.of(act.remedy)))
        began = self.began[act.diagnosis.id]
        self.act_times.remove(began)
        self.moves.remove((began, move(act)))
        self.rig.healing.withdrawn(act.diagnosis.id, self.rig.world.now)

    @precondition(lambda self: self.undoing)
    @rule(data=st.data(), error=st.sampled_from(["", "EPERM"]))
    def an_undo_ends(self, data: Any, error: str) -> None:
        undo = data.draw(st.sampled_from(self.undoing))
        self.undoing.remove(undo)
        self.rig.undone(undo, error)

    @invariant()
    def no_two_acts_overlap(self) -> None:
        under_way = [act.remedy.subject for act in getattr(self, "acting", [])]
        for place, subject in enumerate(under_way):
            assert not any(Subject.overlap(subject, other) for other in under_way[place + 1 :])

    @invariant()
    def every_record_belongs_to_an_open_episode(self) -> None:
        if hasattr(self, "rig"):
            held = {seq for episode in self.rig.healing.book.open.values() for seq in episode.held}
            assert held == set(self.rig.open_seqs), "a change nobody will put back"

    @invariant()
    def an_episode_under_way_waits_for_someone(self) -> None:
        if hasattr(self, "rig"):
            book = self.rig.healing.book
            assert len(book.open) <= MAX_OPEN
            acting = {act.diagnosis.id for act in self.acting}
            assert acting == {e.id for e in book.open.values() if e.phase is Phase.ACTING}

    def teardown(self) -> None:
        """Whatever happened: once everything mends and undoing works, nothing stays changed."""
        if not hasattr(self, "rig"):
            return
        rig = self.rig
        for act in self.acting:
            rig.acted(act)
        for undo in self.undoing:
            rig.undone(undo)
        rig.world.states.clear()
        rig.auto = True
        rig.run(3600, step=20)
        assert not rig.open_seqs
        assert not rig.healing.book.open


TestSafetyRules = SafetyRules.TestCase
TestSafetyRules.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
