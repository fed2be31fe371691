# SPDX-License-Identifier: Apache-2.0
"""One tick of healing: view in, what to do out. No clock, no I/O, no thread: every safety rule is tested
here.

The executor carries out what a Tick asks for and reports with `acted`, `withdrawn` and `undone`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from agent.faults.base import View
from agent.mapek.analyse import Analyser
from agent.mapek.course import Course
from agent.mapek.deciding import Deciding
from agent.mapek.episodes import Book, Memory
from agent.mapek.explaining import Explaining
from agent.mapek.health import Health
from agent.mapek.limits import Limits
from agent.mapek.opening import Opening
from agent.mapek.plan import Planner
from agent.mapek.policy import Policy
from agent.mapek.rollback import Rollback
from agent.mapek.standing import Standing
from agent.mapek.suspicions import Suspicions
from agent.mapek.tick import Draft, Emit, Tick


class Healing:
    """Analyse, plan and the life of the episodes."""

    def __init__(
        self,
        policy: Policy,
        analyser: Analyser,
        planner: Planner,
        emit: Emit,
        new_id: Callable[[], str],
        *,
        memory: Memory,
        limits: Limits,
        health: Health,
    ) -> None:
        self.analyser = analyser
        self.book = Book()
        self.memory = memory
        self.limits = limits
        self.standing = Standing(policy, health)
        self._draft = Draft(emit)
        self._suspicions = Suspicions(emit)
        self._explaining = Explaining(analyser, planner, self.book)
        self._opening = Opening(analyser, self._explaining, self.book, memory, self._draft, new_id)
        shared = (self.book, memory, limits, self.standing, self._draft)
        deciding = Deciding(analyser, planner, self._explaining, *shared)
        self._personal = deciding.personal
        self._course = Course(analyser, deciding, Rollback(planner, self._draft), *shared)

    def step(self, view: View) -> Tick:
        """Everything that follows from this view, in one go: a diagnosis is acted on in its own tick."""
        suspicions = self.analyser.suspicions(view)
        fresh = self._suspicions.fresh(suspicions, view.now)
        symptoms = self.analyser.symptoms(view)
        self.standing.health.look(view, symptoms)
        self.book.seen(symptoms, view.now)
        for cause in self.analyser.causes(symptoms, view, partial(self._explaining.lets_go, view=view)):
            self._opening.take(cause, view)
        for episode in tuple(self.book.open.values()):
            self._course.advance(episode, view)
        return self._draft.finish(suspicions, fresh)

    def may_act(self, now: float, subject: str = "") -> str:
        """Why nothing may be begun now on this subject (else on the mesh), "" where it may."""
        return self.standing.closed(now, subject)[1]

    def relapses(self, now: float) -> dict[str, int]:
        """View.relapses: by subject, counting those under treatment."""
        counts = self.memory.by_subject(now)
        for episode in self.book.open.values():
            for subject in episode.subjects if episode.relapses else ():
                counts[subject] = max(counts.get(subject, 0), episode.relapses)
        return counts

    def treated(self) -> dict[str, str]:
        """View.episodes: subject > fault of what is under treatment."""
        treated: dict[str, str] = {}
        for episode in self.book.open.values():
            for subject in (*sorted(episode.subjects), episode.diagnosis.subject):
                treated[subject] = episode.diagnosis.fault
        return treated

    def resume(self) -> None:
        """A person wants healing to go on, also where somebody had undone it."""
        self._personal.resume(tuple(self.book.open.values()))

    # what the executor reports

    def acted(self, episode_id: str, seq: int | None, error: str, now: float) -> None:
        """The act ended; `seq` is its journal record, if any."""
        episode = self.book.open.get(episode_id)
        if episode is not None and episode.remedy is not None:
            self._course.acted(episode, episode.remedy, seq, error, now)

    def withdrawn(self, episode_id: str, now: float) -> None:
        """Nothing was done: acting was forbidden (paused, reloaded) between the decision and the act.

        Rung, budget and move are given back.
        """
        episode = self.book.open.get(episode_id)
        if episode is not None and episode.remedy is not None:
            self._course.withdrawn(episode, episode.remedy)

    def undone(self, episode_id: str, seqs: tuple[int, ...], error: str, now: float) -> None:
        """These records were put back; with an error the others were not and are tried again."""
        episode = self.book.open.get(episode_id)
        if episode is not None:
            self._course.undone(episode, seqs, error, now)
