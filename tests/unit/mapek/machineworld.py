# SPDX-License-Identifier: Apache-2.0
"""One machine, all real faults and actions; the test says what it reads, what is done to it is pretended."""

from __future__ import annotations

from agent import faults, remedies
from agent.events import Decision, Outcome, Snapshot
from agent.hostreadings import Host
from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Episode, Memory
from agent.mapek.healing import Healing
from agent.mapek.health import Health
from agent.mapek.limits import Limits
from agent.mapek.plan import Planner
from agent.mapek.policy import HEAL, Policy
from agent.mapek.view import Viewer
from agent.readings import Service

STEP = 5.0  # s: the host sensor's period
HELD = ("rest", "raise-neighbour-limit")  # actions with something to put back


class MachineWorld:
    """Every act and undo works at once, and changes nothing of what the machine reads."""

    def __init__(self, host: Host, services: tuple[Service, ...] = ()) -> None:
        self.host, self.services = host, services
        self.now = 1000.0
        self.acts: list[tuple[float, str]] = []
        self.undone: list[str] = []
        self.decisions: list[Decision] = []
        self.outcomes: list[Outcome] = []
        self.limits = Limits()
        self.held: dict[int, str] = {}
        self._policy = Policy(mode=HEAL, services_wanted=tuple(each.name for each in services))
        self._viewer, self._history = Viewer(), list[Snapshot]()
        self._seq = self._ids = 0
        self.healing = Healing(
            self._policy,
            Analyser(faults.discover()),
            Planner(remedies.discover()),
            lambda event, sentence, fields: None,
            self._id,
            memory=Memory(),
            limits=self.limits,
            health=Health(lambda: True, lambda: None, was_healthy=True),
        )

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.tick()

    def tick(self) -> None:
        self.now += STEP
        snapshot = Snapshot(self.now, 1.79e9 + self.now, host=self.host, services=self.services)
        view = self._viewer.view(
            snapshot,
            self._history[-16:],
            self._policy,
            detached=frozenset(),
            resting="rest" in self.held.values(),
            episodes=self.healing.treated(),
            relapses=self.healing.relapses(self.now),
        )
        self._history.append(snapshot)
        told = self.healing.step(view)
        self.decisions += told.decisions
        self.outcomes += told.outcomes
        for act in told.acts:
            self.acts.append((self.now, act.remedy.action))
            seq = None
            if act.remedy.action in HELD:
                seq = self._seq = self._seq + 1
                self.held[seq] = act.remedy.action
            self.healing.acted(act.diagnosis.id, seq, "", self.now)
        for undo in told.undos:
            self.undone += [self.held.pop(seq) for seq in undo.seqs]
            self.healing.undone(undo.episode, undo.seqs, "", self.now)

    @property
    def episode(self) -> Episode:
        """The one that is open."""
        [found] = self.healing.book.open.values()
        return found

    def _id(self) -> str:
        self._ids += 1
        return f"e{self._ids}"
