# SPDX-License-Identifier: Apache-2.0
"""The composition root: builds the node's services from the configuration and runs them under supervision."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from agent import faults, remedies, sensors
from agent.config import Config, host_port
from agent.control import ControlServer
from agent.controlcommands import handlers
from agent.effector import KernelEffector
from agent.events import Outcome, Snapshot
from agent.hello.service import Change, Hello
from agent.herald import Herald
from agent.kernel.errors import KernelError
from agent.kernel.events import LinkEvents
from agent.mapek.journal import NAME as JOURNAL
from agent.mapek.journal import Journal
from agent.mapek.knowledge import Knowledge
from agent.mapek.loop import EpisodeStatus, Hooks, Loop
from agent.mapek.policy import policy_of
from agent.mesh.keeper import Keeper
from agent.readings import Peer, Report
from agent.reload import Reload
from agent.sensors.echoes import Echoes
from agent.sensors.peers import PeersSensor, ReportsSensor
from agent.status import Episode, build, state_of
from agent.status import Loop as LoopState
from agent.store import Store
from agent.supervise import Supervisor
from agent.systemd import Notifier
from agent.telemetry import metrics

log = logging.getLogger("x0.node")

HEARTBEAT_MAX = (
    10.0  # s between two ticks of the loop before the watchdog starves; calm sensors read every second
)
KNOWLEDGE = "knowledge.db"
HASTY_REPORTS = frozenset({"link-dead", "one-way", "node-dead", "hasten"})


class NodeError(Exception):
    """The node cannot start: what is missing and how to mend it."""


class Node:
    """One node. Build it inside the event loop; `run` until SIGTERM or until it cannot go on."""

    def __init__(self, config: Config, path: Path, boot_id: str) -> None:
        self.config, self._boot_id = config, boot_id
        self._clock, self._wall = time.monotonic, time.time
        self._began = self._clock()
        self._heartbeat = float("-inf")
        self._state, self._state_since = "starting", self._began
        self._loop: Loop | None = None
        self._counters = metrics.Counters()
        self._changed = asyncio.Event()
        self.supervisor = Supervisor()
        self.notifier = Notifier()
        self.reload = Reload(path, config, self._take_over)
        self.keeper = Keeper(config)
        self.hello = self._new_hello()
        self.echoes = Echoes(
            lambda hardif, mac: self.hello.address(hardif, mac), on_return=lambda *_: self._wake()
        )
        self.sensors = (
            *sensors.discover(config),
            self.echoes,
            PeersSensor(self),
            ReportsSensor(self),
        )
        self.effector = KernelEffector(
            settings=self.keeper.hardif_settings,
            restart=_no_restart,
            rest_ogm_ms=self.keeper.rest_ogm_ms,
            on_ogm=self.keeper.ogm_changed,
        )
        self.herald = Herald(
            lambda: self.hello if self.config.mesh.enabled else None,
            self.keeper.hasten,
            lambda: self._loop.healing.treated() if self._loop else (),
            self._clock,
        )
        self._web = _Web(self) if config.web.enabled else None

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT; raises SuperviseError where a task cannot be kept running."""
        running = asyncio.get_running_loop()
        # Blocking work runs in the lanes' and workers' own threads; the keeper alone uses this one.
        running.set_default_executor(ThreadPoolExecutor(2, "x0-block"))
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._stop)
        running.add_signal_handler(signal.SIGHUP, self.reload.run)
        mesh = self.config.mesh
        add = self.supervisor.add
        add("kernel-events", self._kernel_events, essential=False)
        if mesh.enabled:
            add("mesh", self.keeper.run)
            add("hello", self._run_hello)
            add("echoes", self._run_echoes)
        add("loop", self._run_loop)
        add("changes", self._follow_changes)
        commands = handlers(self.status, self._pause, self._resume)
        add("control", ControlServer(self.config.node.control_socket, commands).run, essential=False)
        if self._web:
            add("web", self._web.server.serve, essential=False)
            add("stream", self._web.pages.publish, essential=False)
        add("watchdog", self._watch)
        await self.supervisor.run()

    # tasks

    async def _run_loop(self) -> None:
        """A fresh loop over the same sensors each time it is (re)started; state comes back from disk."""
        state = Path(self.config.node.state_dir)
        self._loop = Loop(
            policy_of(self.config),
            self.sensors,
            faults.discover(),
            remedies.discover(),
            self.effector,
            Journal(state / JOURNAL),
            Knowledge(Store(state / KNOWLEDGE), self._boot_id),
            Hooks(
                probe=lambda hardif, mac: _ignore(self.echoes.probe(hardif, mac)),
                suspect=self.herald.suspect,
                intend=self.herald.intend,
                settle=self._settle,
                tick=self._tick,
                setup_done=lambda: self.keeper.ready,
            ),
        )
        await self._loop.run()

    async def _follow_changes(self) -> None:
        while self._loop is None:
            await asyncio.sleep(0)
        subscription = self._loop.subscribe()
        try:
            async for change in subscription:
                if change.event == "diagnosis":
                    self._counters.found(str(change.fields.get("fault", "")))
                self._changed.set()
        finally:
            subscription.close()

    async def _run_hello(self) -> None:
        self.hello.start()
        try:
            await asyncio.Event().wait()
        finally:
            self.hello.stop()

    async def _run_echoes(self) -> None:
        self.echoes.start()
        try:
            await asyncio.Event().wait()
        finally:
            self.echoes.stop()

    async def _kernel_events(self) -> None:
        """Wakes loop, keeper and hello as soon as the kernel says that an interface changed."""
        events = LinkEvents()
        running = asyncio.get_running_loop()
        failed: asyncio.Future[None] = running.create_future()

        def readable() -> None:
            try:
                changed = events.drain()
            except KernelError as error:
                if not failed.done():
                    failed.set_exception(error)
                return
            if changed or events.overruns:
                events.overruns = 0
                self._wake()
                if self.config.mesh.enabled:
                    self.keeper.wake()
                    self.hello.refresh()

        running.add_reader(events.fileno(), readable)
        try:
            await failed
        finally:
            running.remove_reader(events.fileno())
            events.close()

    async def _watch(self) -> None:
        while self._heartbeat == float("-inf"):
            await asyncio.sleep(0.05)
        gc.collect()
        gc.freeze()  # what was imported lives as long as the process: later collections need not look at it
        log.info(
            "ready after %.2f s, mode %s",
            self._clock() - self._began,
            self.config.mode,
            extra={"event": "ready"},
        )
        await self.notifier.watch(lambda: self._heartbeat, HEARTBEAT_MAX, self._sentence)

    # what the loop and others tell

    def _tick(self, snapshot: Snapshot) -> None:
        self._heartbeat = self._clock()
        self.herald.tick(snapshot)
        state = self.state()
        if state != self._state:
            self._state, self._state_since = state, self._heartbeat
            self.herald.health(state)
            self._changed.set()

    def _settle(self, outcome: Outcome) -> None:
        self._counters.ended(outcome.fault, outcome.action, str(outcome.result))
        self.herald.settle(outcome)

    def _heard(self, change: Change) -> None:
        """A hello or a report brought news: look at once; a report of a dead link hastens our OGMs, too."""
        if change.what == "report" and change.word in HASTY_REPORTS:
            self.keeper.hasten(f"{change.node} reports {change.word}")
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            self._loop.monitor.wake(("links", "mesh", "peers", "reports", "echoes"))

    def _stop(self) -> None:
        log.info("stopping: what was changed is put back", extra={"event": "stop"})
        self.notifier.send(STOPPING="1")
        self.supervisor.stop()

    def _take_over(self, config: Config) -> None:
        """A checked configuration, of which only what can be taken over differs."""
        before, self.config = self.config, config
        if self._loop is not None:
            self._loop.reload(policy_of(config))
        if before.mode != config.mode:
            self.keeper.reconfigure(config)
        if before.hello != config.hello and config.mesh.enabled:
            self.hello.stop()
            self.hello = self._new_hello()
            self.hello.start()
        self._changed.set()

    def _pause(self, seconds: float) -> float:
        loop = self._running_loop()
        self._changed.set()
        return self._wall() + loop.pause(seconds) - self._clock()

    def _resume(self) -> bool:
        loop = self._running_loop()
        paused = loop.status().paused_until is not None
        loop.resume()
        self._changed.set()
        return paused

    # what is asked

    def peers(self) -> tuple[Peer, ...]:
        """Of the hello of this moment (a reload may have replaced it)."""
        return self.hello.peers()

    def reports(self) -> tuple[Report, ...]:
        """As `peers`."""
        return self.hello.reports()

    def status(self) -> dict[str, Any]:
        """The document of agent/status.py."""
        return build(self._loop_state(), self._loop.snapshot if self._loop else None)

    def state(self) -> str:
        """Its one word."""
        return state_of(self._loop_state(), self._loop.snapshot if self._loop else None)

    def metrics(self) -> str:
        """The answer to a scrape."""
        return metrics.text(
            metrics.Inputs(
                status=self.status(),
                snapshot=self._loop.snapshot if self._loop else None,
                counters=self._counters,
                heartbeat_age=max(0.0, self._clock() - max(self._heartbeat, self._began)),
                restarts={task.name: task.restarts for task in self.supervisor.states()},
                streams=self._web.pages.stream.clients if self._web else 0,
                refused=self._web.server.refused if self._web else 0,
            )
        )

    def _sentence(self) -> str:
        return f"{self._state}: {self.status()['verdict']['sentence']}"

    def _running_loop(self) -> Loop:
        if self._loop is None:
            raise NodeError("the loop has not started yet; try again in a moment")
        return self._loop

    def _loop_state(self) -> LoopState:
        now, wall = self._clock(), self._wall()
        errors = {
            f"task {task.name}": task.error
            for task in self.supervisor.states()
            if task.error and not task.running
        }
        if self.reload.error:
            errors["configuration"] = self.reload.error
        errors |= {f"mesh set-up {n}": text for n, text in enumerate(self.keeper.problems, 1)}
        base = LoopState(
            mesh_wanted=self.config.mesh.enabled,
            now=now, wall=wall, node=self.config.node.name, mode=self.config.mode, started=self._began,
            healthy_once=False, state_since=self._state_since, errors=errors,
        )  # fmt: skip
        if self._loop is None:
            return base
        known = self._loop.status()
        until = known.paused_until
        return msgspec.structs.replace(
            base,
            healthy_once=known.healthy_once,
            paused_until=None if until is None else round(wall + until - now, 3),
            episodes=tuple(_episode(episode) for episode in (*known.ended, *known.episodes)),
            errors={**errors, **known.errors},
            starting=known.waiting_for,
        )

    def _new_hello(self) -> Hello:
        config = self.config
        return Hello(
            node=config.node.name,
            interfaces=[interface.name for interface in config.mesh.interfaces],
            mesh=config.mesh.name,
            port=config.hello.port,
            interval=config.hello.interval,
            originator=self._originator,
            heard=self._heard_by_kernel,
            on_change=self._heard,
        )

    def _originator(self) -> str:
        snapshot = self._loop.snapshot if self._loop else None
        return snapshot.mesh.mac if snapshot and snapshot.mesh else ""

    def _heard_by_kernel(self, hardif: str) -> list[tuple[str, float]]:
        """(MAC, age in s) of the neighbours batman-adv hears on this interface."""
        snapshot = self._loop.snapshot if self._loop else None
        if snapshot is None or snapshot.mesh is None:
            return []
        since = max(0.0, self._clock() - snapshot.mesh.neighbours_at)
        return [
            (row.mac, row.last_seen_age + since) for row in snapshot.mesh.neighbours if row.hardif == hardif
        ]


class _Web:
    """Page and server, imported only where they are wanted."""

    def __init__(self, node: Node) -> None:
        from agent.web.app import Pages
        from agent.web.server import Server

        host, port = host_port(node.config.web.listen)
        self.pages = Pages(node.status, node.metrics, node._changed)
        self.server = Server(self.pages.app, host, port)


def _episode(episode: EpisodeStatus) -> Episode:
    return Episode(
        diagnosis=episode.diagnosis, title=episode.title, by_hand=episode.by_hand, decision=episode.decision,
        outcome=episode.outcome, open=episode.open,
    )  # fmt: skip


def _no_restart(name: str) -> None:
    raise NodeError(name)


def _ignore(_: object) -> None:
    return
