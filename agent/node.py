# SPDX-License-Identifier: Apache-2.0
"""The composition root: builds the node's services from the configuration and runs them under supervision."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent import faults, remedies, sensors
from agent.authz import commands as policy_commands
from agent.authz.authoriser import Authoriser
from agent.config import Config
from agent.control import ControlError, ControlServer
from agent.controlcommands import handlers
from agent.effector import KernelEffector
from agent.effects.host import KernelHost
from agent.effects.links import LoopLinks
from agent.events import Outcome, Snapshot
from agent.faults import liveness
from agent.herald import Herald
from agent.kernelwatch import watch_links
from agent.mapek.changes import Subscription
from agent.mapek.hooks import Hooks
from agent.mapek.journal import NAME as JOURNAL
from agent.mapek.knowledge import Knowledge
from agent.mapek.loop import Loop
from agent.mapek.policy import policy_of
from agent.mapek.sparejournal import SpareJournal, spare_of
from agent.mesh.gatewaybalance import GatewayBalance
from agent.mesh.keeper import Keeper
from agent.mesh.layered import LayeredBatAdv, LayeredChannel, LayeredInject, LayeredLinks
from agent.mesh.metering import Metering
from agent.mesh.secondneighbour import SecondNeighbour
from agent.meshdevices import MeshDevices
from agent.nodeechoes import NodeEchoes
from agent.nodeenrolment import NodeEnrolment
from agent.nodehearing import Hearing
from agent.nodehello import NodeHello
from agent.nodelinks import NodeLinks
from agent.nodepolicy import NodePolicy
from agent.nodeservices import NodeServices
from agent.nodestatus import NodeStatus
from agent.priority import Priority
from agent.reload import Reload
from agent.sensors.mesh import MeshSensor
from agent.sensors.names import NamesSensor
from agent.sensors.peers import PeersSensor, ReportsSensor, TwinsSensor
from agent.sensors.security import SecuritySensor
from agent.sensors.wanted import WantedSensor
from agent.store import Record, Store
from agent.supervise import Supervisor, TaskState
from agent.systemd import Notifier
from agent.telemetry import metrics

if TYPE_CHECKING:
    from agent.nodeweb import NodeWeb

log = logging.getLogger("x0.node")

HEARTBEAT_MAX = 10.0  # s between two ticks of the loop before the watchdog starves; calm it is 1 s
# Of asyncio's own pool, each made only while all others are busy. As many as may block at once: the keeper
# (hastens OGMs, must never wait), gateways, metering, starts of services, the PIN's check, two files, a name,
# this node's identity files, its keys and lists while they are made or written.
BLOCKING_THREADS = 10
KNOWLEDGE = "knowledge.db"


class Node:
    """One node. Build it inside the event loop; `run` until SIGTERM or until it cannot go on."""

    def __init__(self, config: Config, path: Path, boot_id: str) -> None:
        self.config, self._boot_id = config, boot_id
        self.began, self.heartbeat = time.monotonic(), float("-inf")
        self.loop: Loop | None = None
        self.counters = metrics.Counters()
        self._first_tick, self._page_changed = asyncio.Event(), asyncio.Event()
        self._supervisor = Supervisor()
        self._notifier = Notifier()
        self.authoriser = Authoriser(config.policy.rules)
        self._policy = policy = NodePolicy(self.authoriser)
        self._reload = Reload(path, config, self._take_over)
        self._status = NodeStatus(self)
        names = tuple(interface.name for interface in config.mesh.interfaces)
        self._devices = MeshDevices.of(names)
        self._links = NodeLinks(
            config, self._devices, self._wake, self.authoriser, grace=lambda: self._enrolment.grace()
        )
        self._enrolment = NodeEnrolment(config, self._links.security, self._links.refresh)
        self._metering = Metering(
            config,
            peers=lambda: self._hello.peers(),
            closed=policy.may("measure-link", self._closed),
            changed=lambda: self._keeper.wake(),
        )
        self._keeper = Keeper(
            config,
            measured=self._metering.kbit,
            may_act=self._closed,
            paused=self._is_paused,
            devices=self._devices,
        )
        self._balance = GatewayBalance(config, may_act=policy.may("share-gateways", self._closed))
        self._services = NodeServices(config, paused=self._is_paused)
        found = [sensor for sensor in sensors.discover(config) if sensor.name != self._services.name]
        self._hasten = policy.hastening(self._keeper.hasten)
        self._hearing = Hearing(
            SecondNeighbour(
                may_act=policy.may("second-neighbour", self._closed),
                receive=LayeredInject(self._devices),
            ),
            self._hasten,
            self._wake,
            lambda hardif, mac: self._echoes.probe(hardif, mac),
            time.monotonic,
            radios_read=any(sensor.name == "radios" for sensor in found),
            radios=frozenset(one.name for one in config.mesh.interfaces if one.kind == "radio"),
            takes=policy.takes,
        )
        self._priority = Priority()
        self._hello = NodeHello(
            config,
            self._status.snapshot,
            self._hearing.heard,
            partial(LayeredChannel, self._devices),
            policy.takes,
        )
        self._echoes = NodeEchoes(self._address, self._wake, self._devices.device)
        told = (PeersSensor, ReportsSensor, TwinsSensor, NamesSensor)
        hellos = tuple(sensor(self._hello) for sensor in told)
        wanted = WantedSensor(config.mesh, self._metering.kbit, devices=self._devices)
        security = SecuritySensor(self._links.security)
        self._glancing = next((sensor for sensor in found if isinstance(sensor, MeshSensor)), None)
        self._sensors = (*found, self._services, *self._echoes.sensors, *hellos, wanted, security)
        self._effector = KernelEffector(
            settings=self._keeper.hardif_settings,
            restart=self._services.restart,
            rest_ogm_ms=self._keeper.rest_ogm_ms,
            on_ogm=self._keeper.ogm_changed,
            set_up=self._keeper.set_up_now,
            host=KernelHost(Path(config.node.state_dir), self._shrink, self._rest),
            links=LayeredLinks(self._devices),
            batadv=LayeredBatAdv(self._devices),
            secured=LoopLinks(asyncio.get_running_loop(), self._links.restart, self._links.rekey),
        )
        self._herald = Herald(
            lambda: self._hello.current if self.config.mesh.enabled else None,
            self._hasten,
            lambda: self.loop.healing.treated() if self.loop else (),
            time.monotonic,
            lambda: self.config.hello.interval,
        )
        self._web = self._page() if config.web.enabled else None

    async def run(self) -> None:
        """Returns after SIGTERM or SIGINT; raises SuperviseError where a task cannot be kept running."""
        running = asyncio.get_running_loop()
        running.set_default_executor(ThreadPoolExecutor(BLOCKING_THREADS, "x0-block"))
        for number in (signal.SIGTERM, signal.SIGINT):
            running.add_signal_handler(number, self._stop)
        running.add_signal_handler(signal.SIGHUP, self._reload.run)
        self._add_tasks()
        await self._supervisor.run()

    def _page(self) -> NodeWeb:
        from agent.nodeactions import Powers  # both only where a page is wanted
        from agent.nodeweb import NodeWeb

        powers = Powers(
            lambda: self.config, self._status.document, self._status.snapshot,
            lambda hardif, mac: self._hello.current.address(hardif, mac),
            self._pause, self._resume, self._stop, self.began, self._devices.device,
        )  # fmt: skip
        status = self._status
        return NodeWeb(
            self.config,
            self._boot_id,
            powers,
            status.metrics,
            self._page_changed,
            self._remember,
            self.authoriser,
        )

    # tasks

    def _add_tasks(self) -> None:
        """Essential are only those without which nothing heals: without IPv6 services still are."""
        add = self._supervisor.add
        add("kernel-events", lambda: watch_links(self._links_changed), essential=False)
        if self.config.mesh.enabled:
            add("mesh", self._keeper.run)
            add("links", self._links.run, essential=False)
            add("hello", self._hello.run, essential=False)
            add("echoes", self._echoes.run, essential=False)
            if self._metering.names:
                add("metering", self._metering.run, essential=False)
        if self.config.identity.mesh is not None:
            add("identity", self._enrolment.run, essential=False)
        add("services", self._services.run, essential=False)
        add("loop", self._run_loop)
        commands = handlers(self._status.document, self._pause, self._resume)
        commands |= policy_commands.handlers(self.authoriser)
        control = ControlServer(
            self.config.node.control_socket, commands, permit=policy_commands.permit(self.authoriser)
        )
        add("control", control.run, essential=False)
        if self._web:
            add("web", self._web.server.serve, essential=False)
            add("stream", self._web.pages.publish, essential=False)
        add("watchdog", self._watch)

    async def _run_loop(self) -> None:
        """A fresh loop over the same sensors each time it is (re)started; state comes back from disk."""
        state = Path(self.config.node.state_dir)
        self.loop = loop = Loop(
            policy_of(self.config),
            self._sensors,
            faults.discover(),
            remedies.discover(),
            self._effector,
            SpareJournal(state / JOURNAL, spare_of(self.config.node.control_socket)),
            Knowledge(Store(state / KNOWLEDGE), self._boot_id),
            Hooks(
                probe=self._echoes.probe,
                meet=self._echoes.meet,
                suspect=self._herald.suspect,
                intend=self._herald.intend,
                withdraw=self._herald.withdraw,
                settle=self._settle,
                tick=self._tick,
                setup_done=lambda: self._keeper.ready,
            ),
            authoriser=self.authoriser,
        )
        following = asyncio.create_task(self._follow(loop.subscribe()))
        try:
            await loop.run()
        finally:
            following.cancel()

    async def _follow(self, changes: Subscription) -> None:
        async for change in changes:
            if change.event == "diagnosis":
                self.counters.found(str(change.fields.get("fault", "")))
            self._page_changed.set()

    async def _watch(self) -> None:
        await self._first_tick.wait()
        gc.collect()
        gc.freeze()  # what was imported lives as long as the process: later collections need not look at it
        seconds = time.monotonic() - self.began
        log.info("ready after %.2f s, mode %s", seconds, self.config.mode, extra={"event": "ready"})
        await self._notifier.watch(lambda: self.heartbeat, HEARTBEAT_MAX, self._status.sentence)

    # what the loop, the neighbours, the kernel and people tell

    def _tick(self, snapshot: Snapshot) -> None:
        self.heartbeat = time.monotonic()
        self._first_tick.set()
        if self.loop is not None:
            self._priority.hurry(self.loop.monitor.timetable.attention.bursting(snapshot.at))
        if self._glancing is not None:
            self._glancing.expect(liveness.doubtful_after(snapshot, self.config.hello.interval))
        self._herald.tick(snapshot)
        self._hearing.tick(snapshot)
        self._balance.tick(snapshot)
        if self._status.changed():
            self._herald.health(self._status.word)
            self._page_changed.set()

    def _settle(self, outcome: Outcome) -> None:
        self.counters.ended(outcome.fault, outcome.action, str(outcome.result))
        self._herald.settle(outcome)

    def _shrink(self) -> int:
        """For a full disk, in a worker thread: bytes the knowledge store gave up."""
        return self.loop.knowledge.store.shrink() if self.loop else 0

    def _rest(self, resting: bool) -> None:
        """For a hot machine, in a worker thread."""
        if self.loop is not None:
            self.loop.monitor.timetable.attention.resting = resting

    def _address(self, hardif: str, mac: str) -> str:
        return self._hello.current.address(hardif, mac)

    def _closed(self) -> str:
        """Why nothing may be done now, "" where it may: for what acts beside the loop."""
        return self.loop.healing.may_act(time.monotonic()) if self.loop else "the loop has not started yet"

    def _is_paused(self) -> bool:
        return self.loop is not None and self.loop.healing.standing.paused_until > time.monotonic()

    def _links_changed(self) -> None:
        self._wake()
        if self.config.mesh.enabled:
            self._keeper.wake()
            self._links.refresh()
            self._hello.current.refresh()

    def _wake(self) -> None:
        if self.loop is not None:
            self.loop.monitor.wake(("links", "mesh", "peers", "reports", "echoes", "security"))

    def _stop(self) -> None:
        log.info("stopping: what was changed is put back", extra={"event": "stop"})
        self._notifier.send(STOPPING="1")
        self._supervisor.stop()

    def _take_over(self, config: Config) -> None:
        """A checked configuration, of which only what a running agent can take over differs."""
        before, self.config = self.config, config
        if before.policy != config.policy:
            self.authoriser.reload(config.policy.rules)
        if self.loop is not None:
            self.loop.reload(policy_of(config))
        layered = self._devices.secured
        self._links.reconfigure(config)
        if before.mode != config.mode or layered != self._devices.secured:
            self._keeper.reconfigure(config)
            self._hello.current.refresh()
        if before.mode != config.mode:
            self._balance.reconfigure(config)
        if (before.mode, before.services) != (config.mode, config.services):
            self._services.reconfigure(config)
        if before.hello != config.hello and config.mesh.enabled:
            self._hello.reconfigure(config)
        self._page_changed.set()

    def _pause(self, seconds: float) -> float:
        until = self._running_loop().pause(seconds)
        self._page_changed.set()
        return time.time() + until - time.monotonic()

    def _resume(self) -> bool:
        loop = self._running_loop()
        paused = loop.status().paused_until is not None
        loop.resume()
        self._keeper.wake()  # what it left alone during the pause
        self._page_changed.set()
        return paused

    def _remember(self, body: bytes) -> None:
        if self.loop is not None:
            self.loop.knowledge.store.add(Record(time.time(), "audit", "", body))

    def _running_loop(self) -> Loop:
        if self.loop is None:
            raise ControlError("the loop has not started yet", "try again in a moment")
        return self.loop

    # what is asked of it

    def task_states(self) -> tuple[TaskState, ...]:
        """Of the supervised tasks."""
        return self._supervisor.states()

    def troubles(self) -> dict[str, str]:
        """What is wrong beside the loop: part > sentence."""
        found = {f"service {name}": text for name, text in self._services.problems.items()}
        found |= {f"mesh set-up {n}": text for n, text in enumerate(self._keeper.problems, 1)}
        found |= {f"hello {name}": text for name, text in self._hello.current.troubles().items()}
        found |= {f"link security {n}".rstrip(): text for n, text in self._links.problems().items()}
        found |= self._enrolment.problems()
        return found | ({"configuration": self._reload.error} if self._reload.error else {})

    def web_load(self) -> tuple[int, int]:
        """Streams open now, connections refused since the start."""
        return (self._web.pages.stream.clients, self._web.server.refused) if self._web else (0, 0)
