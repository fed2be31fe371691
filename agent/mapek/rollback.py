# SPDX-License-Identifier: Apache-2.0
"""Putting an episode's changes back: which records, when to try again, and whether all of them are."""

from __future__ import annotations

from agent.events import Result
from agent.mapek.episodes import Episode, Phase
from agent.mapek.plan import Planner
from agent.mapek.tick import Draft

UNDO_BACKOFF = 1.0  # s after the first undo that failed, doubled each time
UNDO_BACKOFF_MAX = 60.0  # s; an undo is never given up
UNDO_BACKOFF_STEPS = 8  # doublings looked at: 2^8 s exceeds the longest back-off already


class Rollback:
    """One undo of an episode at a time, until every record wanted is back."""

    def __init__(self, planner: Planner, draft: Draft) -> None:
        self._planner = planner
        self._draft = draft

    def serves_for_now(self, action: str) -> bool:
        """Is what this action changed put back as soon as the fault is contained?"""
        return self._planner.temporary(action)

    def cured(self, episode: Episode) -> bool:
        """Is nothing of what it holds to be taken back, only its records to be closed?"""
        return all(self._planner.cures(action) for action in episode.held.values())

    def begin(self, episode: Episode, result: Result, why: str, now: float) -> None:
        """What it holds is put back; afterwards the episode goes on as `result` says."""
        episode.phase = Phase.UNDOING
        episode.undo_as, episode.undo_why, episode.undo_at = result, why, now
        self.again(episode, now)

    def again(self, episode: Episode, now: float) -> None:
        """Asks for the undo, unless one is under way or its back-off is not over."""
        if not episode.undo_running and now >= episode.undo_at:
            episode.undo_running = True
            self._draft.undo(episode, self._wanted(episode))

    def reported(self, episode: Episode, seqs: tuple[int, ...], error: str, now: float) -> bool:
        """These records are back. Are all that were wanted? If not, the others are tried again later."""
        episode.undo_running = False
        wanted = self._wanted(episode)
        episode.held = {seq: action for seq, action in episode.held.items() if seq not in seqs}
        if not set(wanted) - set(seqs):
            episode.undo_failures = 0
            return True
        wait = min(UNDO_BACKOFF_MAX, UNDO_BACKOFF * 2.0 ** min(episode.undo_failures, UNDO_BACKOFF_STEPS))
        episode.undo_failures += 1
        episode.undo_at = now + wait
        self._draft.say("undo-failed", f"putting back failed, next try in {wait:.0f} s: {error}", episode)
        return False

    def _wanted(self, episode: Episode) -> tuple[int, ...]:
        """The records to put back now, newest first: once contained only what served to get there."""
        seqs = tuple(reversed(episode.held))
        if episode.undo_as is not Result.CONTAINED:
            return seqs
        return tuple(seq for seq in seqs if self._planner.temporary(episode.held[seq]))
