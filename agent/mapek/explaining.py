# SPDX-License-Identifier: Apache-2.0
"""Which open episodes make another fault superfluous now.

A root that nothing is done about lets go of what can be treated by itself: an interface that loses packets
and serves too many to be touched must not keep one neighbour, gone deaf, from being left out. What could be
done no more about than about its root stays explained: it would be the same said twice.
"""

from __future__ import annotations

from agent.events import Diagnosis, Symptom
from agent.faults.base import View
from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Book, Episode, Rung
from agent.mapek.plan import Planner


class Explaining:
    """Asks the catalogue and the book; keeps nothing itself."""

    def __init__(self, analyser: Analyser, planner: Planner, book: Book) -> None:
        self._analyser = analyser
        self._planner = planner
        self._book = book

    def covers(self, root: Episode, symptom: Symptom, view: View) -> bool:
        """Does this open episode, on a related subject, make a fault without one superfluous?"""
        if not self._analyser.explains(root.diagnosis.fault, symptom.fault):
            return False
        return not (root.idle and self._own_rung(root, _named(symptom, view), view))

    def waits(self, root: Episode, episode: Episode, view: View) -> bool:
        """The same of an open one. What was begun beside an idle root is carried through."""
        if not self._analyser.explains(root.diagnosis.fault, episode.diagnosis.fault):
            return False
        begun = episode.acted_at is not None
        return not (root.idle and (begun or self._own_rung(root, episode.diagnosis, view)))

    def lets_go(self, root: Symptom, other: Symptom, view: View) -> bool:
        """Is the second to be treated although the first, which explains it, shows?"""
        episode = self._book.find(root.fault, root.subject)
        return episode is not None and episode.idle and not self.covers(episode, other, view)

    def _own_rung(self, root: Episode, diagnosis: Diagnosis, view: View) -> bool:
        """May anything be done about it now that is no rung of its root's?"""
        of_root = root.used | {Rung.of(remedy) for remedy in self._analyser.ladder(root.diagnosis, view)}
        return any(
            Rung.of(remedy) not in of_root and self._planner.helps(remedy, view)
            for remedy in self._analyser.ladder(diagnosis, view)
        )


def _named(symptom: Symptom, view: View) -> Diagnosis:
    """As its diagnosis would be, to ask for its ladder."""
    return Diagnosis("", symptom.fault, symptom.subject, symptom.onset, view.now, symptom.evidence)
