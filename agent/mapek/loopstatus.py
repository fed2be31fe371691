# SPDX-License-Identifier: Apache-2.0
"""What the loop says of itself: everything the page and `x0` ask. Times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Verdict
from agent.mapek.awaited import Awaited
from agent.mapek.episodes import Episode, Phase
from agent.mapek.execute import Executor
from agent.mapek.healing import Healing
from agent.mapek.hooks import Fence
from agent.mapek.knowledge import Rate
from agent.mapek.persistence import Persistence


class EpisodeStatus(msgspec.Struct, frozen=True):
    """An episode for the page."""

    diagnosis: Diagnosis
    title: str
    by_hand: str
    phase: str
    result: str  # "" while open
    open: bool
    relapses: int
    decision: Decision | None
    outcome: Outcome | None
    acted_at: float | None
    contained_at: float | None
    healed_at: float | None
    closed_at: float | None
    next_try: float | None = None  # when it acts or puts back again, where that is known
    check_by: float | None = None  # when what was done must have helped; else it is put back
    held: tuple[str, ...] = ()  # actions whose changes stand and will be put back
    needs_person: bool = False


class LoopStatus(msgspec.Struct, frozen=True):
    """The loop at one moment."""

    now: float
    wall: float
    mode: str
    started: float
    healthy: bool
    healthy_once: bool
    waiting_for: Awaited | None  # what keeps it from being healthy
    paused_until: float | None
    budget_left: int
    episodes: tuple[EpisodeStatus, ...]  # open ones, newest last
    ended: tuple[EpisodeStatus, ...]  # newest last
    detached: tuple[str, ...]
    errors: dict[str, str]
    rates: dict[str, Rate]  # "fault/action"


def episode_status(episode: Episode, titles: Mapping[str, tuple[str, str]]) -> EpisodeStatus:
    """`titles`: fault > its title and what a person does about it."""
    title, by_hand = titles.get(episode.diagnosis.fault, (episode.diagnosis.fault, ""))
    return EpisodeStatus(
        diagnosis=episode.diagnosis,
        title=title,
        by_hand=by_hand,
        phase=episode.phase.value,
        result=episode.result.value if episode.result else "",
        open=episode.closed_at is None,
        relapses=episode.relapses,
        decision=episode.decision,
        outcome=episode.outcomes[-1] if episode.outcomes else None,
        acted_at=episode.acted_at,
        contained_at=episode.contained_at,
        healed_at=episode.healed_at,
        closed_at=episode.closed_at,
        next_try=_next_try(episode),
        check_by=episode.deadline if episode.phase is Phase.VERIFYING else None,
        held=tuple(dict.fromkeys(episode.held.values())) if episode.closed_at is None else (),
        needs_person=needs_person(episode),
    )


def needs_person(episode: Episode) -> bool:
    """Is nothing left, or nothing allowed, that the node could do about it? Also while it tries again.

    A pause, a start and a set-up end by themselves: only the mode `observe` leaves everything to a person.
    """
    if episode.decision is None or episode.closed_at is not None:
        return False
    verdict, reason = episode.decision.verdict, episode.decision.reason
    if episode.phase is Phase.CONTAINED or reason == "explained":
        return False
    return episode.asked or verdict is Verdict.NOTHING or reason == "observe"


def titled(awaited: Awaited | None, titles: Mapping[str, tuple[str, str]]) -> Awaited | None:
    """With its fault's title."""
    if awaited is None or not awaited.fault:
        return awaited
    return msgspec.structs.replace(awaited, title=titles.get(awaited.fault, (awaited.fault, ""))[0])


def _next_try(episode: Episode) -> float | None:
    if episode.phase is Phase.UNDOING:
        return episode.undo_at if episode.undo_failures else None
    if episode.phase is Phase.DECIDING and episode.decision is not None:
        return episode.decision.not_before if episode.retry_at is None else episode.retry_at
    return None


def errors_of(healing: Healing, fence: Fence, disk: Persistence, executor: Executor) -> dict[str, str]:
    """What is wrong with the loop itself: part > sentence."""
    failures = [*healing.analyser.errors.items(), *fence.errors.items()]
    errors = {f"fault {name}": f"{text} ({count} times)" for name, (count, text) in failures}
    troubles = {"store": disk.store.trouble, "journal": disk.trouble, "undo": disk.leftovers.trouble}
    errors |= {name: trouble for name, trouble in troubles.items() if trouble}
    errors |= {f"action {episode}": f"{name} overran" for episode, name in executor.stuck.items()}
    if healing.book.refused:
        errors["episodes"] = f"{healing.book.refused} faults beyond the limit were not treated"
    return errors
