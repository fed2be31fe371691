# SPDX-License-Identifier: Apache-2.0
"""Episodes: one fault on one subject from its diagnosis to its end, and what is remembered of those that
ended.

deciding > acting > verifying > contained > undoing > closed
   ^          |error     |deadline   |gone      |
   +----------+----------+-> undoing -----------+ next rung

With no rung left it stays open, deciding, and says that it needs a person (`retry_at`). It ends when its
cause is gone or its sign shows no more. If it still shows when its wait is over, it is closed as failed and
opened anew as a relapse, from the first rung.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterable

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Remedy, Result, Subject, Symptom

MAX_OPEN = 64  # faults treated at once; a flood of symptoms beyond it is counted and said
MAX_CLOSED = 20  # ended episodes kept for the page; older ones stand in the knowledge store
MAX_MEMORIES = 256  # subjects whose relapses are remembered
MAX_HISTORY = 16  # decisions and outcomes kept with one episode
RELAPSE_QUIET = 3600.0  # s without a return after which a fault counts as new (View.relapses)
STEADY = 10.0  # s without a flaw: what comes and goes every few seconds is never so long well
MAX_EXPONENT = 16  # 2^16 s exceeds every cool-down; keeps the arithmetic finite


class Phase(enum.StrEnum):
    """Where an episode stands."""

    DECIDING = "deciding"
    ACTING = "acting"
    VERIFYING = "verifying"
    CONTAINED = "contained"
    UNDOING = "undoing"
    CLOSED = "closed"


class Rung(msgspec.Struct, frozen=True):
    """What makes two remedies the same rung: never a measured value, which is another one at each look.

    A fault that tries one thing more than once numbers its tries by the argument `attempt`.
    """

    action: str
    subject: str
    attempt: str

    @staticmethod
    def of(remedy: Remedy) -> Rung:
        """The rung a remedy stands for."""
        return Rung(remedy.action, remedy.subject, remedy.args.get("attempt", ""))


class Episode:
    """A fault under treatment. Times are monotonic seconds, None where it did not come to that."""

    def __init__(self, diagnosis: Diagnosis, relapses: int) -> None:
        self.diagnosis = diagnosis
        self.relapses = relapses
        self.phase = Phase.DECIDING
        self.used: set[Rung] = set()
        self.remedy: Remedy | None = None  # the one in hand
        self.left_alone = False  # somebody undid the remedy: agent/mapek/personal.py
        self.retry_at: float | None = None  # no rung is left: when it is opened anew
        self.seen_at = diagnosis.at  # when its sign showed last
        self.asked = False  # a person was asked: a ladder ran out, here or before, and nothing helped since
        self.resumed = False  # a person wants it treated as if it came first now: agent/mapek/personal.py
        self.helpless = False  # since its last action it was found that nothing can be done: Deciding
        self.begun_at = 0.0  # when that one was said to begin: what the limits counted
        self.decision: Decision | None = None
        self.result: Result | None = None
        self.subjects: set[str] = {diagnosis.subject}  # of every diagnosis and remedy it had
        self.held: dict[int, str] = {}  # open undo records, in the order made > their action
        self.refused_at: float | None = None  # since when every rung is refused without a time to wait for
        self.decided_as: tuple[str, ...] = ()  # what the last decision was, to say only what is new
        self.deadline = 0.0
        self.undo_at = 0.0  # not before: back-off of a failing undo
        self.undo_failures = 0
        self.undo_as: Result = Result.FAILED  # why it is being undone
        self.undo_why = ""
        self.undo_running = False
        self.lost_at: float | None = None  # since when a contained fault shows again
        self.well_at: float | None = None  # since when the cause of a contained fault is gone
        self.wavers = 0  # times it came back while it was contained
        self.back_at: float | None = None  # since when what it holds out is in the mesh all the same
        self.acted_at: float | None = None
        self.contained_at: float | None = None
        self.healed_at: float | None = None
        self.closed_at: float | None = None
        self.decisions: deque[Decision] = deque(maxlen=MAX_HISTORY)
        self.outcomes: deque[Outcome] = deque(maxlen=MAX_HISTORY)

    @property
    def id(self) -> str:
        """The diagnosis' id."""
        return self.diagnosis.id

    @property
    def spent(self) -> bool:
        """Is no rung left?"""
        return self.retry_at is not None

    @property
    def idle(self) -> bool:
        """Is nothing done about it that could help what it explains?"""
        return self.spent or (self.helpless and self.phase is Phase.DECIDING and not self.held)

    @property
    def busy(self) -> bool:
        """Is something being done or checked on its subjects?"""
        return self.phase in (Phase.ACTING, Phase.VERIFYING, Phase.UNDOING) or bool(self.held)

    def touches(self, subjects: Iterable[str]) -> bool:
        """Does one of its subjects overlap one of these?"""
        return any(Subject.overlap(mine, other) for other in subjects for mine in self.subjects)


class Relapse(msgspec.Struct, frozen=True):
    """What is remembered of a fault on a subject."""

    count: int  # times it came back
    ended: float  # monotonic seconds of the last end
    contained: bool  # its remedy was a containment, which no cool-down may delay
    healed: bool = False  # its remedy put it right
    failed: bool = False  # no rung of its ladder helped


class Memory:
    """Relapses by fault and subject; bounded, forgotten after RELAPSE_QUIET."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Relapse] = {}

    def load(self, items: Iterable[tuple[str, str, Relapse]]) -> None:
        """What a former run of the agent knew."""
        for fault, subject, relapse in items:
            self._put((fault, subject), relapse)

    def items(self) -> tuple[tuple[str, str, Relapse], ...]:
        """For the knowledge store."""
        return tuple((fault, subject, relapse) for (fault, subject), relapse in self._by_key.items())

    def last(self, fault: str, subject: str, now: float) -> Relapse | None:
        """The last end of this fault here, None where there was none or it is forgotten."""
        relapse = self._by_key.get((fault, subject))
        if relapse is not None and now - relapse.ended > RELAPSE_QUIET:
            del self._by_key[(fault, subject)]
            return None
        return relapse

    def ended(self, episode: Episode, now: float) -> None:
        """An episode with an action ended, or has no rung left: its next coming is a relapse."""
        failed = episode.spent and episode.result is None
        contained = episode.contained_at is not None and not failed
        healed = episode.result is Result.HEALED
        relapse = Relapse(episode.relapses, now, contained, healed, failed)
        for subject in episode.subjects:
            self._put((episode.diagnosis.fault, subject), relapse)

    def forget(self, fault: str, subject: str) -> None:
        """Its next coming counts as the first."""
        self._by_key.pop((fault, subject), None)

    def by_subject(self, now: float) -> dict[str, int]:
        """Subject > times the next fault on it will have come back (0 is left out)."""
        counts: dict[str, int] = {}
        for (_, subject), relapse in self._by_key.items():
            if now - relapse.ended <= RELAPSE_QUIET:
                counts[subject] = max(counts.get(subject, 0), relapse.count)
        return {subject: count for subject, count in counts.items() if count}

    def _put(self, key: tuple[str, str], relapse: Relapse) -> None:
        self._by_key.pop(key, None)
        self._by_key[key] = relapse
        while len(self._by_key) > MAX_MEMORIES:
            del self._by_key[next(iter(self._by_key))]


def cooldown(relapses: int, first: float, longest: float) -> float:
    """Seconds to wait before the n-th relapse is treated: first, doubled each time, at most `longest`."""
    if relapses <= 0:
        return 0.0
    return min(longest, first * 2.0 ** min(relapses - 1, MAX_EXPONENT))


def hold_down(relapses: int, reattach_after: float, longest: float) -> float:
    """Seconds a contained subject stays out at least before it is put back."""
    return min(max(longest, reattach_after), reattach_after * 2.0 ** min(relapses, MAX_EXPONENT))


def steady_for(wavers: int, longest: float) -> float:
    """Seconds a contained subject must be well to be put back before its moves' window ends."""
    return min(max(longest, STEADY), STEADY * 2.0 ** min(wavers, MAX_EXPONENT))


class Book:
    """Open and lately ended episodes."""

    def __init__(self) -> None:
        self.open: dict[str, Episode] = {}
        self.closed: deque[Episode] = deque(maxlen=MAX_CLOSED)
        self.refused = 0  # symptoms beyond MAX_OPEN

    def find(self, fault: str, subject: str) -> Episode | None:
        """The open episode of this very fault and subject."""
        for episode in self.open.values():
            if episode.diagnosis.fault == fault and (
                episode.diagnosis.subject == subject or subject in episode.subjects
            ):
                return episode
        return None

    def seen(self, symptoms: Iterable[Symptom], now: float) -> None:
        """The signs that show now, also those another fault explains."""
        for symptom in symptoms:
            episode = self.find(symptom.fault, symptom.subject)
            if episode is not None:
                episode.seen_at = now

    def named(self, name: str) -> Episode | None:
        """By its id: an open episode, else a lately ended one."""
        return self.open.get(name) or next((ended for ended in self.closed if ended.id == name), None)

    def add(self, episode: Episode) -> bool:
        """False where too many are open."""
        if len(self.open) >= MAX_OPEN:
            self.refused += 1
            return False
        self.open[episode.id] = episode
        return True

    def close(self, episode: Episode, now: float) -> None:
        """Ended: out of the open ones, into the last few."""
        episode.phase = Phase.CLOSED
        episode.closed_at = now
        del self.open[episode.id]
        self.closed.append(episode)

    def blocker(self, episode: Episode, subjects: Iterable[str]) -> Episode | None:
        """Another episode that is at work on an overlapping subject."""
        wanted = (*episode.subjects, *subjects)
        for other in self.open.values():
            if other is not episode and other.busy and other.touches(wanted):
                return other
        return None
