# SPDX-License-Identifier: Apache-2.0
"""The loop: monitor, analyse, plan, execute, over knowledge. Ties them together and does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from random import random

import msgspec

from agent.events import Decision, Diagnosis, Outcome, Remedy, Snapshot, Suspicion
from agent.faults.base import Fault, View
from agent.mapek.analyse import Analyser
from agent.mapek.changes import Change, Changes, Subscription
from agent.mapek.episodes import Episode
from agent.mapek.execute import Done, Executor
from agent.mapek.healing import Act, Healing, Tick
from agent.mapek.health import Health
from agent.mapek.journal import DETACHING, Journal, JournalError
from agent.mapek.knowledge import Knowledge, Rate
from agent.mapek.limits import REBOOTS
from agent.mapek.monitor import Monitor
from agent.mapek.plan import Planner
from agent.mapek.policy import Policy
from agent.mapek.view import Viewer
from agent.mapek.worker import Worker
from agent.remedies.base import Action, Effector
from agent.sensors.base import Sensor

FLUSH_EVERY = 30.0  # s between writes of what nobody waits for
PROBE_EVERY = 0.5  # s between probe requests for a link under treatment
MEND_EVERY = 5.0  # s between two tries to write a journal or store that could not be written
MAX_PAUSE = 86400.0  # s: a pause somebody forgot must end
STOP_LIMIT = 5.0  # s an action under way may take while the agent stops
MAX_ERRORS_LOGGED = 5  # of the loop's own code; the count goes on

_log = logging.getLogger("agent.mapek")


class LoopError(Exception):
    """A request to the loop that makes no sense; text says what is allowed."""


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What the loop tells others; none of them may block."""

    probe: Callable[[str, str], None] = lambda hardif, mac: None  # ask this neighbour by ICMPv6 echo
    suspect: Callable[[Suspicion], None] = lambda suspicion: None  # a new suspicion: announce it
    intend: Callable[[Diagnosis, Remedy], None] = lambda diagnosis, remedy: None  # before an act
    give_back: Callable[[str], None] = lambda hardif: None  # before a detached interface returns
    withdraw: Callable[[str], None] = lambda diagnosis: None  # an intended act was not begun
    settle: Callable[[Outcome], None] = lambda outcome: None
    tick: Callable[[Snapshot], None] = lambda snapshot: None  # the loop is alive: watchdog, page
    setup_done: Callable[[], bool] = lambda: True  # the configured mesh stands


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


class LoopStatus(msgspec.Struct, frozen=True):
    """Everything the page and `x0` ask of the loop. Times are monotonic seconds."""

    now: float
    wall: float
    mode: str
    started: float
    healthy: bool
    healthy_once: bool
    waiting_for: str  # what keeps it from being healthy
    paused_until: float | None
    budget_left: int
    episodes: tuple[EpisodeStatus, ...]  # open ones, newest last
    ended: tuple[EpisodeStatus, ...]  # newest last
    detached: tuple[str, ...]
    errors: dict[str, str]
    rates: dict[str, Rate]  # "fault/action"


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
    ) -> None:
        self.hooks = hooks or Hooks()
        self.knowledge = knowledge
        self.journal = journal
        self.snapshot: Snapshot | None = None
        self._policy = policy
        self._clock = clock
        self._wall = wall
        self._titles = {fault.id: (fault.title, fault.by_hand) for fault in faults}
        self._analyser = Analyser(faults)
        self._viewer = Viewer()
        self._changes = Changes()
        self._started = clock()
        self._ids = 0
        self._errors: dict[str, tuple[int, str]] = {}
        self._notes: list[str] = []
        self._journal_trouble = ""
        self._opened = False  # the journal
        self._mended = clock()
        self._probed = -PROBE_EVERY
        self._flushed = clock()
        self._stopping = False
        self.monitor = Monitor(sensors, clock, wall)
        self._writer = Worker("x0-store")
        self._flush: asyncio.Future[bool] | None = None
        health = Health(
            lambda: self._ask(self.hooks.setup_done), self._first_healthy, was_healthy=knowledge.was_healthy()
        )
        self.healing = Healing(
            policy,
            self._analyser,
            Planner(actions),
            self._emit,
            self._new_id,
            memory=knowledge.load_memory(),
            limits=knowledge.load_limits(),
            health=health,
        )
        self.healing.paused_until = knowledge.pause_until(clock())
        self.executor = Executor(
            actions,
            effector,
            journal,
            jitter=jitter,
            wall=wall,
            forbidden=lambda: self.healing.may_act(clock()),
            announce=lambda act: self.hooks.intend(act.diagnosis, act.remedy),
            before=self._before_act,
            acted=self._acted,
            undone=self._undone,
        )

    async def run(self) -> None:
        """Until `stop` or cancellation. At the end everything the remedies changed is put back."""
        try:
            await self._start()
            while not self._stopping:
                self._tick(await self.monitor.next())
                await self._mend()
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
        self.healing.paused_until = now + seconds
        self.knowledge.save_pause(now, seconds)
        self._write()
        self._emit("pause", f"healing is paused for {seconds:.0f} s", {"seconds": seconds})
        return self.healing.paused_until

    def resume(self) -> None:
        """Healing goes on."""
        self.healing.paused_until = 0.0
        self.knowledge.clear_pause()
        self._write()
        self._emit("resume", "healing goes on", {})

    def reload(self, policy: Policy) -> None:
        """A checked configuration takes effect; switched to observe, what remedies changed is put back."""
        self._policy = self.healing.policy = policy
        self._emit("reload", f"configuration reloaded, mode {policy.mode}", {"mode": policy.mode})
        self.monitor.wake()

    def subscribe(self) -> Subscription:
        """Every change from now on."""
        return self._changes.subscribe()

    def status(self) -> LoopStatus:
        """For page, API and `x0`."""
        now = self._clock()
        healing = self.healing
        health = healing.health
        errors = {f"fault {name}": f"{text} ({count} times)" for name, (count, text) in self._all_errors()}
        troubles = {"store": self.knowledge.store.trouble, "journal": self._journal_trouble}
        errors |= {name: trouble for name, trouble in troubles.items() if trouble}
        errors |= {f"action {episode}": f"{name} overran" for episode, name in self.executor.stuck.items()}
        if healing.book.refused:
            errors["episodes"] = f"{healing.book.refused} faults beyond the limit were not treated"
        return LoopStatus(
            now=now,
            wall=self._wall(),
            mode=self._policy.mode,
            started=self._started,
            healthy=health.healthy,
            healthy_once=health.was_healthy,
            waiting_for=health.reason,
            paused_until=healing.paused_until if healing.paused_until > now else None,
            budget_left=healing.limits.budget_left(self._policy.budget_per_hour, now),
            episodes=tuple(self._status_of(episode) for episode in healing.book.open.values()),
            ended=tuple(self._status_of(episode) for episode in healing.book.closed),
            detached=tuple(sorted(self.journal.detached())),
            errors=errors,
            rates={f"{fault}/{action}": rate for (fault, action), rate in self.knowledge.rates.items()},
        )

    # start, tick, end

    async def _start(self) -> None:
        self._mended = self._clock()
        try:
            self.journal.open()
        except JournalError as error:
            self._say_trouble(str(error))
            return
        self._opened = True
        self._say_notes()
        if self.journal.open_records():
            count, failed = await self.executor.replay()
            self._emit("replay", f"{count} changes of a former run were put back", {"failed": len(failed)})
            for text in failed:
                self._emit("undo-failed", text, {})

    async def _mend(self) -> None:
        """Now and then: is the journal's trouble over? Then what an earlier run left is put back, too."""
        if not self._journal_trouble or self._clock() - self._mended < MEND_EVERY:
            return
        if self._opened:
            self._mended = self._clock()
            self._writer.submit(self.journal.mend)
        else:
            await self._start()

    def _say_trouble(self, trouble: str) -> None:
        before, self._journal_trouble = self._journal_trouble, trouble
        if trouble and trouble != before:
            self._emit("journal-trouble", f"nothing will be repaired: {trouble}", {})
        elif before and not trouble:
            self._emit("journal-ready", "the undo journal can be written: repairs are possible again", {})

    def _tick(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        if self._opened:
            self._say_trouble(self.journal.trouble)
        try:
            view = self._viewer.view(
                snapshot,
                self.monitor.history,
                self._policy,
                detached=self.journal.detached(),
                episodes=self.healing.treated(),
                relapses=self.healing.relapses(snapshot.at),
            )
            self.healing.stopped = self._journal_trouble or self.executor.stopped()
            self._carry_out(self.healing.step(view), view)
        except Exception as error:  # noqa: BLE001 - a mistake here must not leave the node without its healer
            self._failed("loop", error)
        self._tell(self.hooks.tick, snapshot)
        if snapshot.at - self._flushed >= (MEND_EVERY if self.knowledge.store.trouble else FLUSH_EVERY):
            self._write()

    def _carry_out(self, tick: Tick, view: View) -> None:
        for act in tick.acts:
            self.knowledge.save_action(self.healing.limits, view.now, reboot=act.remedy.action in REBOOTS)
            self.executor.act(act)
        for undo in tick.undos:
            self._say_returns(undo.seqs)
            self.executor.undo(undo)
        for decision in tick.decisions:
            episode = self.healing.book.open.get(decision.diagnosis) or self._ended(decision.diagnosis)
            if episode is not None:
                self.knowledge.record_decision(episode.diagnosis, decision, view.snapshot.wall)
        for outcome in tick.outcomes:
            self.knowledge.record_outcome(outcome, view.snapshot.wall)
            self._tell(self.hooks.settle, outcome)
        if tick.outcomes:
            self.knowledge.save_memory(self.healing.memory)
        for suspicion in tick.fresh:
            self._tell(self.hooks.suspect, suspicion)
        self._probe(tick, view.now)
        self.monitor.suspect([(suspicion.fault, suspicion.subject) for suspicion in tick.suspicions])

    def _say_returns(self, seqs: Sequence[int]) -> None:
        for entry in self.journal.open_records():
            if entry.seq in seqs and entry.record.action in DETACHING:
                self._tell(self.hooks.give_back, entry.record.args.get("hardif", ""))

    def _probe(self, tick: Tick, now: float) -> None:
        """Ask the neighbours in doubt, and now and then those under treatment: do they answer again?"""
        wanted = {suspicion.probe for suspicion in tick.suspicions if suspicion.probe is not None}
        if now - self._probed >= PROBE_EVERY:
            self._probed = now
            for subject in self.healing.treated():
                kind, _, rest = subject.partition("/")
                hardif, _, mac = rest.partition("/")
                if kind == "hardif" and mac:
                    wanted.add((hardif, mac))
        for hardif, mac in sorted(wanted):
            self._tell(self.hooks.probe, hardif, mac)

    async def _finish(self) -> None:
        """Nothing new; what runs may end; then the network is as good as without us."""
        self._stopping = True
        self.healing.policy = msgspec.structs.replace(self._policy, mode="observe")
        await self.executor.drain(STOP_LIMIT)
        if self._opened and self.journal.open_records():
            with contextlib.suppress(TimeoutError):
                count, failed = await asyncio.wait_for(self.executor.replay(), STOP_LIMIT)
                self._emit("replay", f"{count} changes were put back", {"failed": len(failed)})
        self.monitor.close()
        self.executor.close()
        self._writer.close()
        self.knowledge.store.close()
        self.journal.close()

    # call-backs

    def _before_act(self, act: Act) -> None:
        """In the worker: budget and reboot must be known even if the act ends us."""
        self.knowledge.store.flush(durable=act.remedy.action in REBOOTS)

    def _acted(self, episode: str, done: Done) -> None:
        now = self._clock()
        if done.withdrawn:
            self.healing.withdrawn(episode, now)
            self.knowledge.save_withdrawn(self.healing.limits)
            self._tell(self.hooks.withdraw, episode)
        else:
            self.healing.acted(episode, done.seq, done.error, now)
        self._say_notes()
        self.monitor.wake()  # see at once what it changed

    def _undone(self, episode: str, seqs: tuple[int, ...], error: str) -> None:
        self.healing.undone(episode, seqs, error, self._clock())
        self._say_notes()
        self.monitor.wake()

    def _first_healthy(self) -> None:
        self.knowledge.save_healthy()
        self._write()
        self._emit("healthy", "the node is healthy for the first time since it started", {})

    def _emit(self, event: str, sentence: str, fields: dict[str, object]) -> None:
        # the sentence is the template: the log drops lines that repeat one template too often
        _log.info(sentence, extra={"event": event, "fields": fields})
        self._changes.publish(Change(event, sentence, fields, self._clock(), self._wall()))

    def _new_id(self) -> str:
        """Unique over restarts as far as people and the store need it."""
        self._ids += 1
        return f"{int(self._wall()):x}-{self._ids}"

    # small services

    def _write(self) -> None:
        """The store's queue to disk, in its own thread."""
        self._flushed = self._clock()
        if self._flush is None or self._flush.done():
            self._flush = self._writer.submit(self.knowledge.store.flush)

    def _say_notes(self) -> None:
        for notes in (self.journal.notes, self.knowledge.store.notes):
            for note in notes:
                self._emit("note", note, {})
            notes.clear()

    def _tell(self, hook: Callable[..., None], *values: object) -> None:
        try:
            hook(*values)
        except Exception as error:  # noqa: BLE001 - who listens must not stop the loop
            self._failed("hook", error)

    def _ask(self, hook: Callable[[], bool]) -> bool:
        try:
            return hook()
        except Exception as error:  # noqa: BLE001 - as above; an answer that fails is a no
            self._failed("hook", error)
            return False

    def _failed(self, where: str, error: Exception) -> None:
        count = self._errors.get(where, (0, ""))[0] + 1
        self._errors[where] = (count, f"{type(error).__name__}: {error}")
        if count <= MAX_ERRORS_LOGGED:
            _log.error(
                "%s failed in its own code, the loop goes on",
                where,
                exc_info=error,
                extra={"event": "loop-error", "fields": {"where": where, "count": count}},
            )

    def _all_errors(self) -> list[tuple[str, tuple[int, str]]]:
        return [*self._analyser.errors.items(), *self._errors.items()]

    def _ended(self, name: str) -> Episode | None:
        return next((episode for episode in self.healing.book.closed if episode.id == name), None)

    def _status_of(self, episode: Episode) -> EpisodeStatus:
        title, by_hand = self._titles.get(episode.diagnosis.fault, (episode.diagnosis.fault, ""))
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
        )
