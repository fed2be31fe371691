# SPDX-License-Identifier: Apache-2.0
"""What the running node says of itself: status document, one-word state and metrics, from its live parts."""

from __future__ import annotations

import time
from typing import Any, Protocol

import msgspec

from agent.authz.authoriser import Authoriser
from agent.config import Config
from agent.events import Snapshot
from agent.mapek.loop import Loop
from agent.mapek.loopstatus import EpisodeStatus
from agent.status import Episode, build, state_of
from agent.status import Loop as LoopState
from agent.supervise import TaskState
from agent.telemetry import metrics

LOOK_EVERY = 0.25  # s between two looks at the state's word: it is for people, and for neighbours' hellos


class Parts(Protocol):
    """What of agent/node.py is looked at."""

    config: Config
    loop: Loop | None
    counters: metrics.Counters
    authoriser: Authoriser
    began: float
    heartbeat: float

    def task_states(self) -> tuple[TaskState, ...]: ...
    def troubles(self) -> dict[str, str]: ...
    def web_load(self) -> tuple[int, int]: ...


class NodeStatus:
    """Made anew at each question; only the time of the last change of state is kept."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.word = "starting"
        self._since = parts.began
        self._looked = float("-inf")

    def document(self) -> dict[str, Any]:
        """The document of agent/status.py."""
        return build(self._loop_state(), self.snapshot())

    def snapshot(self) -> Snapshot | None:
        """The newest."""
        loop = self._parts.loop
        return loop.snapshot if loop else None

    def changed(self) -> bool:
        """Looks at the state's word, not at every reading; is it another than at the last look?"""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return False
        self._looked = now
        word = state_of(self._loop_state(), self.snapshot())
        if word == self.word:
            return False
        self.word, self._since = word, time.monotonic()
        return True

    def sentence(self) -> str:
        """One line for `systemctl status`."""
        return f"{self.word}: {self.document()['verdict']['sentence']}"

    def metrics(self) -> str:
        """The answer to a scrape."""
        streams, refused = self._parts.web_load()
        heartbeat = max(self._parts.heartbeat, self._parts.began)
        return metrics.text(
            metrics.Inputs(
                status=self.document(),
                snapshot=self.snapshot(),
                counters=self._parts.counters,
                heartbeat_age=max(0.0, time.monotonic() - heartbeat),
                restarts={task.name: task.restarts for task in self._parts.task_states()},
                streams=streams,
                refused=refused,
                decisions=self._parts.authoriser.tally.series(),
                watched=self._parts.authoriser.open,
                cut=self._parts.authoriser.cut,
            )
        )

    def _loop_state(self) -> LoopState:
        parts, now, wall = self._parts, time.monotonic(), time.time()
        errors = {f"task {t.name}": t.error for t in parts.task_states() if t.error and not t.running}
        errors |= parts.troubles()
        state = LoopState(
            now=now,
            wall=wall,
            node=parts.config.node.name,
            mode=parts.config.mode,
            started=parts.began,
            healthy_once=False,
            state_since=self._since,
            errors=errors,
            mesh_wanted=parts.config.mesh.enabled,
            location=parts.config.node.location,
        )
        if parts.loop is None:
            return state
        known = parts.loop.status()
        until = known.paused_until
        return msgspec.structs.replace(
            state,
            healthy_once=known.healthy_once,
            paused_until=None if until is None else round(wall + until - now, 3),
            episodes=tuple(_episode(episode) for episode in (*known.ended, *known.episodes)),
            errors=errors | known.errors,
            awaited=msgspec.to_builtins(known.waiting_for) or {},
        )


def _episode(episode: EpisodeStatus) -> Episode:
    return Episode(
        diagnosis=episode.diagnosis,
        title=episode.title,
        by_hand=episode.by_hand,
        decision=episode.decision,
        outcome=episode.outcome,
        phase=episode.phase,
        next_try=episode.next_try,
        check_by=episode.check_by,
        held=episode.held,
        needs_person=episode.needs_person,
        open=episode.open,
    )
