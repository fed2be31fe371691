# SPDX-License-Identifier: Apache-2.0
"""One node with two wires, e1 and e3, and all real faults and actions; the world is pretended.

The wire e1 loses what the test says, in each direction; n1 behind it is reached by e3 as well. What the node
reads follows from that: ELPs, echoes, hellos, batman-adv's ways. What its actions change holds at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from agent import faults, remedies
from agent.events import Snapshot
from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Memory
from agent.mapek.healing import Healing
from agent.mapek.health import Health
from agent.mapek.limits import Limits
from agent.mapek.plan import Planner
from agent.mapek.policy import HEAL, Policy
from agent.mapek.view import Viewer
from agent.readings import Hardif, Link, Mesh, Originator
from agent.sensors.echotarget import Target
from agent.sensors.lossmeter import LossMeter
from tests.unit.faults.hand import N1, N3, O1, O3, OURS, link, mesh, neighbours, peer

BAT0 = Link("bat0", 5, "02:00:00:00:00:99", 1500, True, True, "batadv")
PRIMARY = Link("x0prim", 6, "02:00:00:00:00:02", 1532, True, True, "dummy", master=5)
STEP = 0.1
ELP_S = 0.15
FULL_KBIT, LOW_KBIT = 1_000_000, 10_000


class WireWorld:
    """`loss(seconds)`: share of packets e1 loses in each direction, so long after the beginning."""

    def __init__(
        self,
        loss: Callable[[float], float],
        policy: Policy | None = None,
        seed: int = 1,
        *,
        other_way: bool = True,
    ) -> None:
        self.loss, self.chance = loss, random.Random(seed)
        self._other_way = other_way  # does e3 lead to n1, too
        self.begun = self.now = 1000.0
        self.detached: dict[int, str] = {}
        self.avoided: dict[int, str] = {}
        self.acts: list[tuple[float, str]] = []
        self.moves: list[float] = []
        self.said: list[str] = []
        self.named: dict[str, float] = {}  # fault > seconds until it was said first
        self._policy = policy or Policy(
            mode=HEAL, hardifs_wanted=("e1", "e3"), budget_per_hour=1000, services_wanted=()
        )
        self._heard = self.now  # last ELP by e1
        self._elp_due = self.now
        self._hello, self._hello_due, self._streak = self.now, self.now, 50
        self._target = Target("e1", N1, self.now)
        self._meter = LossMeter("e1", N1, self.now)
        self._echo_due = self.now
        self._known = False
        self._viewer, self._seq, self._ids = Viewer(), 0, 0
        self._history: list[Snapshot] = []
        self.healing = Healing(
            self._policy,
            Analyser(faults.discover()),
            Planner(remedies.discover()),
            self._emit,
            self._id,
            memory=Memory(),
            limits=Limits(),
            health=Health(lambda: True, lambda: None, was_healthy=True),
        )

    @property
    def age(self) -> float:
        return self.now - self.begun

    @property
    def uses(self) -> bool:
        """Do the best ways lead over e1?"""
        return not self.detached and not self.avoided

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.tick()

    def tick(self) -> None:
        self.now += STEP
        self._pass()
        snapshot = self._snapshot()
        view = self._viewer.view(
            snapshot,
            self._history[-64:],
            self._policy,
            detached=frozenset(self.detached.values()),
            avoided=frozenset(self.avoided.values()),
            episodes=self.healing.treated(),
            relapses=self.healing.relapses(self.now),
        )
        if not self._history or self.now - self._history[-1].at >= 0.5:
            self._history.append(snapshot)
        told = self.healing.step(view)
        if any(s.probe for s in told.suspicions) or self.healing.treated():
            if self.now >= self._target.fast_until:
                self._target.fast_since = self.now
            self._target.fast_until = self.now + 3.0
            self._meter.treat(self.now)
        for act in told.acts:
            self._do(act.diagnosis.id, act.remedy.action, act.remedy.args.get("hardif", ""))
        for undo in told.undos:
            for seq in undo.seqs:
                if self.detached.pop(seq, None) is not None:
                    self._attached()
                self.avoided.pop(seq, None)
            self.moves.append(self.age)
            self.healing.undone(undo.episode, undo.seqs, "", self.now)

    def _do(self, episode: str, action: str, hardif: str) -> None:
        self.acts.append((self.age, action))
        seq = None
        if action in ("detach-hardif", "avoid-link"):
            self._seq += 1
            seq = self._seq
            self.moves.append(self.age)
            (self.detached if action == "detach-hardif" else self.avoided)[seq] = hardif
        self.healing.acted(episode, seq, "", self.now)

    def _attached(self) -> None:
        self._heard = self._elp_due = self.now

    # what crosses the wire

    def _arrives(self, times: int = 1) -> bool:
        return all(self.chance.random() >= self.loss(self.age) for _ in range(times))

    def _pass(self) -> None:
        while self._elp_due <= self.now:
            if not self.detached and self._arrives():
                self._heard = self._elp_due
            self._elp_due += ELP_S
        if self.now >= self._hello_due:
            if self._arrives():
                gap = self.now - self._hello
                self._streak = self._streak + 1 if gap < 2.5 else 1
                self._hello = self.now
            self._hello_due += 1.0
        self._ask()
        self._measure()

    def _ask(self) -> None:
        """Echoes of the doubt: fast ones every 40 ms, two to three in a step."""
        target = self._target
        if self.now > target.fast_until:
            return
        fast = target.fast(self.now)
        if not fast and self.now < self._echo_due:
            return
        self._echo_due = self.now + 0.5
        for number in range(3 if fast else 1):
            at = self.now - STEP + number * 0.04
            target.asked(at)
            if self._arrives(2):
                target.answer(at, at + 0.001, True)
                self._known = True
            else:
                target.lost()

    def _measure(self) -> None:
        self._meter.judge(self.now)
        if self._meter.due <= self.now:
            self._seq += 1
            self._meter.asked(self._seq, self.now)
            if self._arrives(2):
                self._meter.answer(self._seq, self.now)
                self._known = True

    # what the node reads

    def _snapshot(self) -> Snapshot:
        asked = self._target.reading(self.now, self.now, self._known) if self._target.sent else None
        return Snapshot(
            at=self.now,
            wall=1.7e9 + self.now,
            links=(BAT0, PRIMARY, link("e1", master=0 if self.detached else 5), link("e3")),
            mesh=self._mesh(),
            peers=(
                peer(hello_age=self.now - self._hello, hello_streak=self._streak),
                peer("e3", N3, node="n3", originator=O3),
            ),
            echoes=(asked,) if asked else (),
            losses=(self._meter.reading(self.now),),
        )

    def _mesh(self) -> Mesh:
        told = LOW_KBIT if self.avoided else FULL_KBIT
        rows = [
            Hardif("x0prim", 6, "02:00:00:00:00:02", True),
            Hardif("e3", 13, OURS["e3"], True, 150, FULL_KBIT),
        ]
        ages: dict[str, float] = {"e3": 0.05}
        ways = [Originator(O3, N3, "e3", 0.1, 10000, best=True)]
        if self._other_way:
            ways.append(Originator(O1, N3, "e3", 0.1, 9000, best=not self.uses))
        if not self.detached:
            rows.append(Hardif("e1", 11, OURS["e1"], True, 150, told))
            ages["e1"] = max(0.0, self.now - self._heard)
            ways.append(Originator(O1, N1, "e1", ages["e1"], 10000, best=self.uses))
        return mesh(
            hardifs=tuple(rows),
            hardifs_at=self.now,
            neighbours=neighbours(**ages),
            neighbours_at=self.now,
            originators=tuple(ways),
            originators_at=self.now,
        )

    def _emit(self, event: str, sentence: str, fields: dict[str, object]) -> None:
        self.said.append(f"{self.age:.1f} {event}: {sentence}")
        if event in ("diagnosis", "reclassified"):
            self.named.setdefault(str(fields["fault"]), self.age)

    def _id(self) -> str:
        self._ids += 1
        return f"e{self._ids}"
