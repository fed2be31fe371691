# SPDX-License-Identifier: Apache-2.0
"""Deciding about an episode: what the planner needs is gathered, what is new in its answer is said."""

from __future__ import annotations

from agent.events import Verdict
from agent.faults.base import View
from agent.mapek.analyse import Analyser, related
from agent.mapek.episodes import Book, Episode, Memory
from agent.mapek.explaining import Explaining
from agent.mapek.limits import Limits
from agent.mapek.personal import Personal
from agent.mapek.plan import Gate, Plan, Planner, relapse_cooldown
from agent.mapek.standing import Standing
from agent.mapek.tick import Draft


class Deciding:
    """The planner, asked with everything that is known now."""

    def __init__(
        self,
        analyser: Analyser,
        planner: Planner,
        explaining: Explaining,
        book: Book,
        memory: Memory,
        limits: Limits,
        standing: Standing,
        draft: Draft,
    ) -> None:
        self._analyser = analyser
        self.personal = Personal(analyser, memory, standing)
        self._planner = planner
        self._explaining = explaining
        self._book = book
        self._memory = memory
        self._limits = limits
        self._standing = standing
        self._draft = draft

    def root_of(self, episode: Episode, view: View) -> Episode | None:
        """An open episode that makes this one superfluous."""
        explains = self._analyser.explains
        for other in self._book.open.values():
            if other is episode or not explains(other.diagnosis.fault, episode.diagnosis.fault):
                continue
            if explains(episode.diagnosis.fault, other.diagnosis.fault):
                continue  # each explains the other: neither may wait for the other
            if not related(other.diagnosis.subject, episode.diagnosis.subject, view):
                continue
            if self._explaining.waits(other, episode, view):
                return other
        return None

    def decide(self, episode: Episode, root: Episode | None, view: View) -> Plan:
        """What to do about it now; a decision that differs from its last one is said."""
        policy = self._standing.policy
        ladder = self._analyser.ladder(episode.diagnosis, view)
        closed_as, closed = self._standing.closed(view.now, episode.diagnosis.subject)
        last = self._memory.last(episode.diagnosis.fault, episode.diagnosis.subject, view.now)
        blocker = self._book.blocker(episode, [remedy.subject for remedy in ladder])
        gate = Gate(
            closed_as=closed_as,
            closed=closed,
            cooling_until=relapse_cooldown(episode.relapses, last, episode.diagnosis.subject, policy)
            if last
            else 0.0,
            explained_by=root.diagnosis.sentence if root else "",
            blocked_by=blocker.diagnosis.fault if blocker else "",
            left_alone=self.personal.why(episode, view.now),
            stopped=self._standing.stopped,
        )
        plan = self._planner.decide(episode, ladder, view, policy, self._limits, gate)
        if plan.kind[1] != "refused" or plan.decision.not_before is not None:
            episode.refused_at = None
        elif episode.refused_at is None:
            episode.refused_at = view.now
        if plan.decision.verdict is Verdict.NOTHING:  # what follows from a person's wish is that wish, too
            episode.helpless = not gate.left_alone
        elif plan.decision.verdict is Verdict.ACT:
            episode.helpless = False
        if plan.kind != episode.decided_as:
            episode.decided_as = plan.kind
            self._draft.decision(episode, plan.decision)
        return plan
