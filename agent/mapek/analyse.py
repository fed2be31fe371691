# SPDX-License-Identifier: Apache-2.0
"""Asks the faults for suspicions and symptoms and finds the root causes. Pure over the View.

A fault whose code raises is counted, named and left out of that tick; the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence, Set
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from agent.events import Diagnosis, Remedy, Subject, Suspicion, Symptom
from agent.faults.base import Fault, State, View

MAX_PER_FAULT = 128  # symptoms or suspicions one fault may report at once: a radio hears no more neighbours
# s between two questions to a fault that may be asked seldom (`seldom`) and had nothing to report: clocks,
# disks and gateways change slowly, and all faults asked at every reading cost more than the readings.
SELDOM = 1.0
MAX_ERRORS_LOGGED = 3  # a fault failing on every tick must not fill the flash; the count goes on

_log = logging.getLogger("agent.mapek.analyse")
_T = TypeVar("_T")


def _never(_root: Symptom, _other: Symptom) -> bool:
    return False


class Cause(msgspec.Struct, frozen=True):
    """A root cause: a symptom nothing better explains, and what it explains."""

    symptom: Symptom
    explained: tuple[Symptom, ...] = ()


_Question = tuple[str, Callable[[View], Sequence[_T]]]


class _Questions(Generic[_T]):
    """One question to every fault, and which of them are asked now."""

    def __init__(self, asked: Sequence[_Question[_T]], seldom: Set[str]) -> None:
        self._all = tuple(asked)
        self._always = tuple(one for one in asked if one[0] not in seldom)
        self._seldom = tuple(one for one in asked if one[0] in seldom)
        self._showing: set[str] = set()  # of those asked seldom: they have something to report
        self._since = float("-inf")  # when all were asked

    def due(self, now: float) -> Sequence[_Question[_T]]:
        """All once in SELDOM seconds; else those that are always asked, and who had something to report."""
        if not 0.0 <= now - self._since < SELDOM:
            self._since = now
            return self._all
        if not self._showing:
            return self._always
        return (*self._always, *(one for one in self._seldom if one[0] in self._showing))

    def put_off(self, now: float) -> Sequence[_Question[_T]]:
        """Those `due` left out at this time, now asked as well."""
        if self._since == now:
            return ()
        self._since = now
        return [one for one in self._seldom if one[0] not in self._showing]

    def answered(self, name: str, something: bool) -> None:
        """Did this fault have anything to report?"""
        if something:
            self._showing.add(name)
        else:
            self._showing.discard(name)


class Analyser:
    """The catalogue, asked with every fault's own code fenced in."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = {fault.id: fault for fault in faults}
        seldom = {fault.id for fault in faults if getattr(fault, "seldom", False)}
        # bound once: they are asked a hundred times a second while something is suspected
        self._doubts = _Questions([(fault.id, fault.suspicions) for fault in faults], seldom)
        self._signs = _Questions([(fault.id, fault.symptoms) for fault in faults], seldom)
        self._shown: frozenset[tuple[str, str]] = frozenset()  # (fault, subject) of the last tick's symptoms
        self.errors: dict[str, tuple[int, str]] = {}  # fault > (how often, the last one)
        self.dropped = 0  # reports beyond MAX_PER_FAULT

    def suspicions(self, view: View) -> list[Suspicion]:
        """Early signs of every fault."""
        found: list[Suspicion] = []
        self._collect(self._doubts.due(view.now), self._doubts, view, found.extend)
        return found

    def symptoms(self, view: View) -> list[Symptom]:
        """Believed signs of every fault, one for each fault and subject.

        Those asked seldom are asked at once when something shows that did not show before: what explains it
        must be known before anything is done about it.
        """
        found: dict[tuple[str, str], Symptom] = {}

        def keep(symptoms: Sequence[Symptom]) -> None:
            for symptom in symptoms:
                found.setdefault((symptom.fault, symptom.subject), symptom)

        self._collect(self._signs.due(view.now), self._signs, view, keep)
        if found.keys() - self._shown:
            self._collect(self._signs.put_off(view.now), self._signs, view, keep)
        self._shown = frozenset(found)
        return list(found.values())

    def _collect(
        self,
        due: Sequence[_Question[_T]],
        questions: _Questions[_T],
        view: View,
        keep: Callable[[Sequence[_T]], None],
    ) -> None:
        for name, ask in due:
            answer = self._asked(name, ask, view)
            questions.answered(name, bool(answer))
            if answer:
                keep(answer)

    def causes(
        self, symptoms: Sequence[Symptom], view: View, lets_go: Callable[[Symptom, Symptom], bool] = _never
    ) -> list[Cause]:
        """The symptoms no other explains; of two that explain each other the one that explains more.

        Never empty where there is a symptom. `lets_go`: is the second a cause of its own although the first
        explains it (nothing is done about that)?
        """
        by_fault: dict[str, list[Symptom]] = {}
        for symptom in symptoms:
            by_fault.setdefault(symptom.fault, []).append(symptom)
        explained: dict[int, list[Symptom]] = {}
        for symptom in symptoms:
            fault = self.faults.get(symptom.fault)
            if fault is None:
                continue
            explained[id(symptom)] = [
                other
                for other_id in fault.explains
                if other_id != symptom.fault
                for other in by_fault.get(other_id, ())
                if related(symptom.subject, other.subject, view)
            ]
        ranked = sorted(symptoms, key=lambda s: (-len(explained.get(id(s), ())), s.onset, s.fault, s.subject))
        rank = {id(symptom): place for place, symptom in enumerate(ranked)}
        superfluous: set[int] = set()
        for symptom in ranked:
            for other in explained.get(id(symptom), ()):
                mutual = any(symptom is back for back in explained.get(id(other), ()))
                if (not mutual or rank[id(symptom)] < rank[id(other)]) and not lets_go(symptom, other):
                    superfluous.add(id(other))
        roots = [symptom for symptom in ranked if id(symptom) not in superfluous] or ranked[:1]
        return [Cause(symptom, tuple(explained.get(id(symptom), ()))) for symptom in roots]

    def sentence(self, symptom: Symptom) -> str:
        """The diagnosis in one sentence; the bare fact where the fault's own words fail."""
        plain = f"{symptom.fault} on {symptom.subject}"
        fault = self.faults.get(symptom.fault)
        return plain if fault is None else self._fenced(fault.id, lambda: fault.sentence(symptom), plain)

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """The rungs, cheapest first; none where the fault's code fails."""
        fault = self.faults.get(diagnosis.fault)
        return () if fault is None else self._fenced(fault.id, lambda: fault.ladder(diagnosis, view), ())

    def state(self, diagnosis: Diagnosis, view: View) -> State | None:
        """What the view says about it; None where that cannot be told."""
        fault = self.faults.get(diagnosis.fault)
        return None if fault is None else self._fenced(fault.id, lambda: fault.state(diagnosis, view), None)

    def by_person(self, diagnosis: Diagnosis) -> bool:
        """Is its cause somebody's hand? Where the fault says so: always (True), or of this diagnosis."""
        said: bool | Callable[[Diagnosis], bool] = getattr(
            self.faults.get(diagnosis.fault), "by_person", False
        )
        if isinstance(said, bool):
            return said
        return self._fenced(diagnosis.fault, lambda: said(diagnosis), False)

    def explains(self, fault: str, other: str) -> bool:
        """Does the one make the other superfluous on a related subject?"""
        return fault in self.faults and other != fault and other in self.faults[fault].explains

    def _asked(self, fault: str, ask: Callable[[View], Sequence[_T]], view: View) -> Sequence[_T]:
        try:
            found = ask(view)
            if isinstance(found, tuple) and len(found) <= MAX_PER_FAULT:
                return found
            answers = iter(found)
            first = list(islice(answers, MAX_PER_FAULT))
            self.dropped += sum(1 for _ in islice(answers, MAX_PER_FAULT * 1000))
        except Exception as error:  # noqa: BLE001 - one fault's mistake must not stop the others
            self._failed(fault, error)
            return ()
        return first

    def _fenced(self, fault: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - one fault's mistake must not stop the others
            self._failed(fault, error)
            return otherwise

    def _failed(self, fault: str, error: Exception) -> None:
        count = self.errors.get(fault, (0, ""))[0] + 1
        self.errors[fault] = (count, f"{type(error).__name__}: {error}")
        if count <= MAX_ERRORS_LOGGED:
            _log.error(
                "fault %s failed in its own code and is left out of this tick",
                fault,
                exc_info=error,
                extra={"event": "fault-error", "fields": {"fault": fault, "count": count}},
            )


def related(a: str, b: str, view: View) -> bool:
    """Do two subjects concern one thing: one within the other, or a link and the node at its far end?"""
    return Subject.overlap(a, b) or _far_end(a, b, view) or _far_end(b, a, view)


def _far_end(node: str, link: str, view: View) -> bool:
    if not node.startswith("node/") or not link.startswith("hardif/"):
        return False
    return view.last_neighbours.get(link.removeprefix("hardif/")) == node.removeprefix("node/")
