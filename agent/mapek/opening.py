# SPDX-License-Identifier: Apache-2.0
"""From a cause to an episode: a new one, a better name for an open one, or none because one explains it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agent.events import Diagnosis, Result, Symptom
from agent.faults.base import View
from agent.mapek.analyse import Analyser, Cause, related
from agent.mapek.episodes import Book, Episode, Memory, Phase
from agent.mapek.explaining import Explaining
from agent.mapek.tick import Draft


class Opening:
    """Opens episodes in the book."""

    def __init__(
        self,
        analyser: Analyser,
        explaining: Explaining,
        book: Book,
        memory: Memory,
        draft: Draft,
        new_id: Callable[[], str],
    ) -> None:
        self._analyser = analyser
        self._explaining = explaining
        self._book = book
        self._memory = memory
        self._draft = draft
        self._new_id = new_id

    def take(self, cause: Cause, view: View) -> None:
        """What this cause means for the book."""
        symptom = cause.symptom
        spent = self._book.find(symptom.fault, symptom.subject)
        if spent is not None:
            if spent.phase is not Phase.DECIDING or spent.retry_at is None or view.now < spent.retry_at:
                return  # contained meanwhile, it is none to be tried again
            spent.result = Result.FAILED  # said when its last rung had failed
            self._book.close(spent, view.now)
        again = spent is not None and not spent.resumed
        asked = again or self._failed(symptom, view)
        near = [
            episode
            for episode in self._book.open.values()
            if any(related(subject, symptom.subject, view) for subject in episode.subjects)
        ]
        near.sort(key=lambda episode: not episode.held)  # what one holds, its root takes over
        for episode in near:
            if self._analyser.explains(symptom.fault, episode.diagnosis.fault):
                self._reclassify(episode, symptom, cause, view)
                episode.asked = episode.asked or asked
                return
        if any(self._explaining.covers(episode, symptom, view) for episode in near):
            return  # an open episode is the root of it, even while its own sign does not show
        relapses = spent.relapses + 1 if spent is not None and again else self._relapses(symptom, view)
        episode = Episode(self._diagnose(self._new_id(), symptom, cause, view), relapses)
        episode.asked = asked
        if self._book.add(episode):
            self._draft.say("diagnosis", episode.diagnosis.sentence, episode)

    def _relapses(self, symptom: Symptom, view: View) -> int:
        last = self._memory.last(symptom.fault, symptom.subject, view.now)
        return last.count + 1 if last else 0

    def _failed(self, symptom: Symptom, view: View) -> bool:
        """Had no rung helped when the agent ended?"""
        last = self._memory.last(symptom.fault, symptom.subject, view.now)
        return last is not None and last.failed

    def _diagnose(self, name: str, symptom: Symptom, cause: Cause, view: View) -> Diagnosis:
        return Diagnosis(
            id=name,
            fault=symptom.fault,
            subject=symptom.subject,
            onset=symptom.onset,
            at=view.now,
            evidence=symptom.evidence,
            explains=tuple(sorted({other.fault for other in cause.explained})),
            sentence=self._analyser.sentence(symptom),
        )

    def _reclassify(self, episode: Episode, symptom: Symptom, cause: Cause, view: View) -> None:
        """The same episode under a better name: its rungs stay used, its records stay its own."""
        before = episode.diagnosis
        better = self._diagnose(before.id, symptom, cause, view)
        episode.diagnosis = msgspec.structs.replace(
            better,
            onset=min(before.onset, better.onset),
            evidence={**before.evidence, **better.evidence},
            explains=tuple(sorted({*better.explains, before.fault})),
        )
        episode.subjects.add(symptom.subject)
        episode.decided_as = ()
        episode.helpless, episode.seen_at = False, view.now
        episode.relapses = max(episode.relapses, self._relapses(symptom, view))
        self._draft.say(
            "reclassified",
            f"{before.fault} on {before.subject} is {better.fault}: {better.sentence}",
            episode,
            was=before.fault,
        )
