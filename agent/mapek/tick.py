# SPDX-License-Identifier: Apache-2.0
"""What follows from one view: the Tick, and its draft, which says everything as it is written down."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Suspicion
from agent.mapek.episodes import Episode

MAX_EVIDENCE_SAID = 8  # pairs of a diagnosis' evidence in one event: an event stays one readable line

Emit = Callable[[str, str, dict[str, object]], None]  # event name, sentence, fields


class Act(msgspec.Struct, frozen=True):
    """Carry this out."""

    diagnosis: Diagnosis
    remedy: Remedy


class Undo(msgspec.Struct, frozen=True):
    """Put these journal records back, the newest first."""

    episode: str
    seqs: tuple[int, ...]


class Tick(msgspec.Struct, frozen=True):
    """What follows from one view."""

    acts: tuple[Act, ...] = ()
    undos: tuple[Undo, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()  # every one that holds
    fresh: tuple[Suspicion, ...] = ()  # those that are new
    decisions: tuple[Decision, ...] = ()  # new ones
    outcomes: tuple[Outcome, ...] = ()


class Draft:
    """The tick in the making; outcomes the executor's reports bring between two ticks go into the next."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit
        self._acts: list[Act] = []
        self._undos: list[Undo] = []
        self._decisions: list[Decision] = []
        self._outcomes: list[Outcome] = []

    def finish(self, suspicions: list[Suspicion], fresh: list[Suspicion]) -> Tick:
        """The tick; the draft is empty afterwards."""
        tick = Tick(
            tuple(self._acts),
            tuple(self._undos),
            tuple(suspicions),
            tuple(fresh),
            tuple(self._decisions),
            tuple(self._outcomes),
        )
        for done in (self._acts, self._undos, self._decisions, self._outcomes):
            done.clear()
        return tick

    def say(self, event: str, sentence: str, episode: Episode, **more: object) -> None:
        """An event of this episode."""
        self.emit(event, sentence, {**_about(episode), **more})

    def act(self, episode: Episode, remedy: Remedy) -> None:
        """This remedy begins."""
        self._acts.append(Act(episode.diagnosis, remedy))
        self.say("action", f"begins: {remedy.action} on {remedy.subject}", episode)

    def undo(self, episode: Episode, seqs: tuple[int, ...]) -> None:
        """These records are to be put back."""
        self._undos.append(Undo(episode.id, seqs))

    def decision(self, episode: Episode, decision: Decision) -> None:
        """A new decision."""
        episode.decision = decision
        episode.decisions.append(decision)
        self._decisions.append(decision)
        remedy = decision.remedy
        on: dict[str, object] = {"action": remedy.action, "on": remedy.subject} if remedy else {}
        self.say("decision", decision.sentence, episode, verdict=decision.verdict.value, **on)

    def outcome(self, episode: Episode, action: str, result: Result, why: str, now: float) -> None:
        """What an action, or the episode without one (""), came to."""
        diagnosis = episode.diagnosis
        outcome = Outcome(
            diagnosis=diagnosis.id,
            fault=diagnosis.fault,
            subject=diagnosis.subject,
            action=action,
            result=result,
            sentence=f"{diagnosis.fault} on {diagnosis.subject} {result.value}: {why}"
            + (f" ({action})" if action else ""),
            at=now,
            after_onset=max(0.0, now - diagnosis.onset),
            evidence=diagnosis.evidence,
        )
        episode.outcomes.append(outcome)
        self._outcomes.append(outcome)
        after_onset = round(outcome.after_onset, 3)
        self.say(
            "outcome", outcome.sentence, episode, result=result.value, action=action, after_onset=after_onset
        )


def _about(episode: Episode) -> dict[str, object]:
    diagnosis = episode.diagnosis
    return {
        "episode": diagnosis.id,
        "fault": diagnosis.fault,
        "subject": diagnosis.subject,
        "phase": episode.phase.value,
        "relapses": episode.relapses,
        **{f"seen {key}": value for key, value in list(diagnosis.evidence.items())[:MAX_EVIDENCE_SAID]},
    }
