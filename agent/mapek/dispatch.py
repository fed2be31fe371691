# SPDX-License-Identifier: Apache-2.0
"""Hands what a tick asks for to those who do it: executor, knowledge, hooks, probes, sensors."""

from __future__ import annotations

from agent.faults import liveness as lv
from agent.faults.base import View
from agent.mapek.execute import Executor
from agent.mapek.healing import Healing
from agent.mapek.hooks import Fence, Hooks
from agent.mapek.knowledge import Knowledge
from agent.mapek.limits import REBOOTS
from agent.mapek.monitor import Monitor
from agent.mapek.tick import Tick

MEET_EVERY = 1.0  # s between two looks at who is well: a newcomer is asked soon enough
PROBE_EVERY = 0.5  # s between probe requests for a link under treatment


class Dispatch:
    """Never waits: what takes time runs in the executor."""

    def __init__(
        self,
        healing: Healing,
        executor: Executor,
        knowledge: Knowledge,
        monitor: Monitor,
        hooks: Hooks,
        fence: Fence,
    ) -> None:
        self._healing = healing
        self._executor = executor
        self._knowledge = knowledge
        self._monitor = monitor
        self._hooks = hooks
        self._fence = fence
        self._probed = -PROBE_EVERY
        self._met = -MEET_EVERY

    def carry_out(self, tick: Tick, view: View) -> None:
        """Everything that follows from this view."""
        self._begin(tick, view.now)
        self._record(tick, view.snapshot.wall)
        for suspicion in tick.fresh:
            self._fence.tell(self._hooks.suspect, suspicion)
        self._probe(tick, view.now)
        self._meet(view)
        self._monitor.suspect([(suspicion.fault, suspicion.subject) for suspicion in tick.suspicions])

    def _begin(self, tick: Tick, now: float) -> None:
        for act in tick.acts:
            self._knowledge.save_action(self._healing.limits, now, reboot=act.remedy.action in REBOOTS)
            self._executor.act(act)
        for undo in tick.undos:
            self._executor.undo(undo)

    def _record(self, tick: Tick, wall: float) -> None:
        for decision in tick.decisions:
            episode = self._healing.book.named(decision.diagnosis)
            if episode is not None:
                self._knowledge.record_decision(episode.diagnosis, decision, wall)
        for outcome in tick.outcomes:
            self._knowledge.record_outcome(outcome, wall)
            self._fence.tell(self._hooks.settle, outcome)
        if tick.outcomes:
            self._knowledge.save_memory(self._healing.memory)

    def _probe(self, tick: Tick, now: float) -> None:
        """Ask the neighbours in doubt, and now and then those under treatment: do they answer again?"""
        wanted = {suspicion.probe for suspicion in tick.suspicions if suspicion.probe is not None}
        if now - self._probed >= PROBE_EVERY:
            self._probed = now
            for subject in self._healing.treated():
                kind, _, rest = subject.partition("/")
                hardif, _, mac = rest.partition("/")
                if kind == "hardif" and mac:
                    wanted.add((hardif, mac))
        for hardif, mac in sorted(wanted):
            self._fence.tell(self._hooks.probe, hardif, mac)

    def _meet(self, view: View) -> None:
        """Which neighbours are well: whether they answer an echo is learnt now, not when in doubt."""
        if view.now - self._met < MEET_EVERY:
            return
        self._met = view.now
        well = [
            (hardif, mac)
            for hardif in lv.attached(view)
            for mac in lv.neighbours(view, hardif)
            if lv.heard(view, hardif, mac)
        ]
        self._fence.tell(self._hooks.meet, well)
