# SPDX-License-Identifier: Apache-2.0
"""A person undid it: what somebody takes down by hand is restored once, then left alone and said.

A fault whose cause is somebody's hand says so by `by_person`: True, or a method of the diagnosis. When it
comes again soon after its remedy healed it (`healing.undone_within`), somebody has undone the remedy on
purpose. It is left alone until it is put right by hand, healing is resumed (`x0 resume`), or the agent starts
anew and sets up what is configured.
"""

from __future__ import annotations

from agent.mapek.analyse import Analyser
from agent.mapek.episodes import Episode, Memory
from agent.mapek.standing import Standing

LEFT_ALONE = (
    "somebody undid what the node had put right; left alone until it is put back by hand, `x0 resume` is run "
    "or the agent restarts"
)


class Personal:
    """Which open episodes are left alone. Decided once for each, by what is remembered of the last one."""

    def __init__(self, analyser: Analyser, memory: Memory, standing: Standing) -> None:
        self._analyser = analyser
        self._memory = memory
        self._standing = standing

    def why(self, episode: Episode, now: float) -> str:
        """Why this one is left alone, "" where it is not."""
        if not episode.left_alone and episode.acted_at is None and self._undone(episode, now):
            episode.left_alone = True
        return LEFT_ALONE if episode.left_alone else ""

    def resume(self, episodes: tuple[Episode, ...]) -> None:
        """A person wants them treated after all, also where no rung helped: as if they came first now."""
        for episode in episodes:
            if episode.left_alone or episode.spent or episode.asked:
                episode.left_alone = episode.asked = False
                episode.resumed, episode.relapses = True, 0
                episode.retry_at = 0.0 if episode.spent else None
                episode.decided_as = ()
                for subject in episode.subjects:
                    self._memory.forget(episode.diagnosis.fault, subject)

    def _undone(self, episode: Episode, now: float) -> bool:
        if not self._analyser.by_person(episode.diagnosis):
            return False
        last = self._memory.last(episode.diagnosis.fault, episode.diagnosis.subject, now)
        within = self._standing.policy.undone_within
        return last is not None and last.healed and now - last.ended < within
