# SPDX-License-Identifier: Apache-2.0
"""The loop: monitor, analyse, plan, execute, over knowledge. Ties them together and does nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from random import random

import msgspec

from agent.authz.authoriser import Authoriser
from agent.events import Snapshot
from agent.faults.base import Fault
from agent.mapek.analyse import Analyser
from agent.mapek.changes import Change, Changes, Subscription
from agent.mapek.dispatch import Dispatch
from agent.mapek.execute import Done, Executor
from agent.mapek.healing import Healing
from agent.mapek.health import Health
from agent.mapek.hooks import Fence, Hooks
from agent.mapek.journal import Journal
from agent.mapek.knowledge import Knowledge
from agent.mapek.limits import REBOOTS
from agent.mapek.loopstatus import LoopStatus, episode_status, errors_of, titled
from agent.mapek.monitor import Monitor
from agent.mapek.permit import Permit
from agent.mapek.persistence import Persistence
from agent.mapek.plan import Planner
from agent.mapek.policy import OBSERVE, Policy
from agent.mapek.tick import Act
from agent.mapek.view import Viewer
from agent.remedies.base import Action, Effector
from agent.sensors.base import Sensor

MAX_PAUSE = 86400.0  # s: a pause somebody forgot must end
STOP_LIMIT = 5.0  # s an action under way may take while the agent stops

_log = logging.getLogger("agent.mapek")


class LoopError(Exception):
    """A request to the loop that makes no sense; text says what is allowed."""


class Loop:
    """Build it in a running event loop; `run` until `stop`."""

    def __init__(
        self,
        policy: Policy,
        sensors: Sequence[Sensor],
        faults: Sequence[Fault],
        actions: Sequence[Action],
        effector: Effector,
        journal: Journal,
        knowledge: Knowledge,
        hooks: Hooks | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random,
        authoriser: Authoriser | None = None,
    ) -> None:
        self.hooks = hooks or Hooks()
        self.knowledge = knowledge
        self.journal = journal
        self.snapshot: Snapshot | None = None
        self._policy = policy
        self._clock = clock
        self._wall = wall
        self._titles = {fault.id: (fault.title, fault.by_hand) for fault in faults}
        permit = Permit(actions, authoriser)
        self._fence = Fence()
        self._viewer = Viewer()
        self._changes = Changes()
        self._started = clock()
        self._ids = 0
        self._stopping = False
        self.monitor = Monitor(sensors, clock, wall)
        health = Health(
            lambda: self._fence.ask(self.hooks.setup_done),
            self._first_healthy,
            was_healthy=knowledge.was_healthy(),
        )
        self.healing = Healing(
            policy,
            Analyser(faults),
            Planner(actions, permit),
            self._emit,
            self._new_id,
            memory=knowledge.load_memory(),
            limits=knowledge.load_limits(),
            health=health,
        )
        self.healing.standing.paused_until = knowledge.pause_until(clock())
        self.executor = Executor(
            actions,
            effector,
            journal,
            jitter=jitter,
            wall=wall,
            forbidden=lambda act: (
                self.healing.may_act(clock(), act.diagnosis.subject) or permit.forbidden(act.remedy)
            ),
            announce=lambda act: self.hooks.intend(act.diagnosis, act.remedy),
            before=self._before_act,
            acted=self._acted,
            undone=self._undone,
        )
        self._disk = Persistence(
            journal,
            knowledge.store,
            self.executor.replay,
            health.setup_done,
            self._emit,
            clock,
            boot=knowledge.boot_id,
        )
        self._dispatch = Dispatch(
            self.healing, self.executor, knowledge, self.monitor, self.hooks, self._fence
        )

    async def run(self) -> None:
        """Until `stop` or cancellation. At the end everything the remedies changed is put back."""
        try:
            self._disk.start()
            while not self._stopping:
                self._tick(await self.monitor.next())
                self._disk.mend()
        finally:
            await self._finish()

    def stop(self) -> None:
        """Ends `run` soon."""
        self._stopping = True
        self.monitor.wake()

    def wake(self) -> None:
        """A kernel event: read links and mesh at once."""
        self.monitor.wake()

    def pause(self, seconds: float) -> float:
        """No remedy is begun for so long; what was begun is verified and put back. Monotonic end."""
        if not 0 < seconds <= MAX_PAUSE:
            raise LoopError(f"a pause of {seconds:g} s; allowed are 1 s to {MAX_PAUSE / 3600:.0f} h")
        now = self._clock()
        self.healing.standing.paused_until = now + seconds
        self.knowledge.save_pause(now, seconds)
        self._disk.write()
        self._emit("pause", f"healing is paused for {seconds:.0f} s", {"seconds": seconds})
        return self.healing.standing.paused_until

    def resume(self) -> None:
        """Healing goes on."""
        self.healing.standing.paused_until = 0.0
        self.healing.resume()
        self.knowledge.clear_pause()
        self._disk.write()
        self._emit("resume", "healing goes on", {})

    def reload(self, policy: Policy) -> None:
        """A checked configuration takes effect; switched to observe, what remedies changed is put back."""
        self._policy = self.healing.standing.policy = policy
        self._emit("reload", f"configuration reloaded, mode {policy.mode}", {"mode": policy.mode})
        self.monitor.wake()

    def subscribe(self) -> Subscription:
        """Every change from now on."""
        return self._changes.subscribe()

    def status(self) -> LoopStatus:
        """For page, API and `x0`."""
        now = self._clock()
        healing, standing = self.healing, self.healing.standing
        return LoopStatus(
            now=now,
            wall=self._wall(),
            mode=self._policy.mode,
            started=self._started,
            healthy=standing.health.healthy,
            healthy_once=standing.health.complete,
            waiting_for=titled(standing.health.awaiting, self._titles),
            paused_until=standing.paused_until if standing.paused_until > now else None,
            budget_left=healing.limits.budget_left(self._policy.budget_per_hour, now),
            episodes=tuple(episode_status(episode, self._titles) for episode in healing.book.open.values()),
            ended=tuple(episode_status(episode, self._titles) for episode in healing.book.closed),
            detached=tuple(sorted(self.journal.detached())),
            errors=errors_of(healing, self._fence, self._disk, self.executor),
            rates={f"{fault}/{action}": rate for (fault, action), rate in self.knowledge.rates.items()},
        )

    # tick and end

    def _tick(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._disk.look()
        try:
            view = self._viewer.view(
                snapshot,
                self.monitor.history,
                self._policy,
                detached=self.journal.detached(),
                avoided=self.journal.avoided(),
                muted=self.journal.muted(),
                resting=self.journal.resting(),
                episodes=self.healing.treated(),
                relapses=self.healing.relapses(snapshot.at),
            )
            self._disk.leftovers.look(view)
            self.healing.standing.stopped = self._disk.trouble or self.executor.stopped()
            self._dispatch.carry_out(self.healing.step(view), view)
        except Exception as error:  # noqa: BLE001 - a mistake here must not leave the node without its healer
            self._fence.failed("loop", error)
        self._fence.tell(self.hooks.tick, snapshot)
        self._disk.write_if_due(snapshot.at)

    async def _finish(self) -> None:
        """Nothing new; what runs may end; then the network is as good as without us."""
        self._stopping = True
        self.healing.standing.policy = msgspec.structs.replace(self._policy, mode=OBSERVE)
        await self.executor.drain(STOP_LIMIT)
        await self._disk.put_back(STOP_LIMIT)
        self.monitor.close()
        self.executor.close()
        self._disk.close()

    # call-backs

    def _before_act(self, act: Act) -> None:
        """In the worker: budget and reboot must be known even if the act ends us."""
        self.knowledge.store.flush(durable=act.remedy.action in REBOOTS)

    def _acted(self, episode: str, done: Done) -> None:
        now = self._clock()
        if done.withdrawn:
            self.healing.withdrawn(episode, now)
            self.knowledge.save_withdrawn(self.healing.limits)
            self._fence.tell(self.hooks.withdraw, episode)
        else:
            self.healing.acted(episode, done.seq, done.error, now)
        self._disk.say_notes()
        self.monitor.wake()  # see at once what it changed

    def _undone(self, episode: str, seqs: tuple[int, ...], error: str) -> None:
        self.healing.undone(episode, seqs, error, self._clock())
        self._disk.say_notes()
        self.monitor.wake()

    def _first_healthy(self) -> None:
        self.knowledge.save_healthy()
        self._disk.write()
        self._emit("healthy", "the node is healthy for the first time since it started", {})

    def _emit(self, event: str, sentence: str, fields: dict[str, object]) -> None:
        # the sentence is the template: the log drops lines that repeat one template too often
        _log.info(sentence, extra={"event": event, "fields": fields})
        self._changes.publish(Change(event, sentence, fields, self._clock(), self._wall()))

    def _new_id(self) -> str:
        """Unique over restarts as far as people and the store need it."""
        self._ids += 1
        return f"{int(self._wall()):x}-{self._ids}"
