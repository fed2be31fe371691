# SPDX-License-Identifier: Apache-2.0
"""The configured services: is the process there, and does it answer?

`read` waits at most `PATIENCE` for all services together: a probe not decided then goes on until the next
reading, so that a hung service delays nobody.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Container, Sequence
from typing import ClassVar, Literal

from agent.config import Config
from agent.configservices import Service as Wanted
from agent.readings import Service
from agent.sensors.base import Sensor
from agent.services import process as ps
from agent.services.control import Controller
from agent.services.errors import ServiceError
from agent.services.probe import Probe
from agent.services.process import Process

PERIOD = 1.0  # s between two probes of a service
PENDING_PERIOD = 0.2  # s between two looks while a probe is undecided, or one is not well and suspected
PATIENCE = 0.02  # s `read` waits for answers; a healthy service on loopback takes 1 to 5 ms
HUNG_AFTER = 3  # unanswered probes in a row; one or two may be a garbage collection or a full core
STARTING_S = 5.0  # s a new process may take until its first answer
SETTLED_S = 10.0  # s after which a service that is not well is looked at as seldom as a good one
TRIM_EVERY = 60.0  # s between two looks at the size of the services' output
NETWORK_KINDS = frozenset({"tcp", "mqtt", "unix", "http"})
State = Literal["running", "gone", "hung", "unknown"]


class _Watch:
    """What is known of one service; monotonic seconds."""

    def __init__(self, wanted: Wanted, now: float) -> None:
        self.wanted = wanted
        self.kind, self.target = wanted.probe.target() if wanted.probe else ("", "")
        self.state: State = "unknown"
        self.since = self.due = now
        self.process: Process | None = None
        self.probe: Probe | None = None
        self.error = self.detail = ""
        self.by_hand = False  # gone, because its unit was told to stop
        self.failing_since: float | None = None
        self.forget_answers()

    def forget_answers(self) -> None:
        """Another process (or none) is there: it is judged by its own answers."""
        self.ok: bool | None = None  # the last answer
        self.answered = False  # did this process ever answer
        self.failures = 0  # in a row
        self.said = ""
        if self.probe is not None:
            self.probe.close()
            self.probe = None

    def answer(self, ok: bool, said: str, now: float) -> None:
        self.ok, self.said = ok, said
        self.answered = self.answered or ok
        self.failures = 0 if ok else self.failures + 1
        self.failing_since = None if ok else now if self.failing_since is None else self.failing_since

    def become(self, state: State, detail: str, now: float) -> None:
        if state != self.state:
            self.state, self.since = state, now
        self.detail = detail

    def pending(self, now: float) -> bool:
        """Is an answer being waited for that may change the state?"""
        if self.failing_since is not None and now - self.failing_since > SETTLED_S:
            return False
        return bool(self.probe or self.failures)

    def reading(self, now: float) -> Service:
        return Service(
            name=self.wanted.name,
            state=self.state,
            pid=self.process.pid if self.process else None,
            detail=self.detail,
            state_age=max(0.0, now - self.since),
            slow_age=0.0 if self.failing_since is None else max(0.0, now - self.failing_since),
            by_hand=self.by_hand and self.state == "gone",
        )


class ServicesSensor:
    """Looks at every configured service."""

    name: ClassVar[str] = "services"

    def __init__(
        self,
        services: Sequence[Wanted],
        controller: Controller,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._controller, self._clock = controller, clock
        self._watches = [_Watch(wanted, clock()) for wanted in services]
        self._trimmed = clock()
        self._lock = threading.Lock()  # a reload closes while another thread reads

    def period(self, attention: bool) -> float:
        """Seconds until the next look. A doubt about a link is none about services that run."""
        now = self._clock()
        unwell = attention and any(watch.state != "running" for watch in self._watches)
        pending = unwell or any(watch.pending(now) for watch in self._watches)
        return PENDING_PERIOD if pending else PERIOD

    def read(self, now: float) -> tuple[Service, ...]:
        """One Service for each configured one, in the configuration's order."""
        with self._lock:
            return self._read(now)

    def _read(self, now: float) -> tuple[Service, ...]:
        for watch in self._watches:
            self._look(watch, now)
        self._wait()
        now = self._clock()
        for watch in self._watches:
            self._judge(watch, now)
        if now - self._trimmed > TRIM_EVERY:
            self._trimmed = now
            self._controller.trim_logs()
        return tuple(watch.reading(now) for watch in self._watches)

    def close(self) -> None:
        """Give up probes under way."""
        with self._lock:
            for watch in self._watches:
                watch.forget_answers()

    def _look(self, watch: _Watch, now: float) -> None:
        """Find the process and begin a probe where one is due."""
        before, kind, target = watch.process, watch.kind, watch.target
        try:
            if kind == "process":
                watch.process = _again(before) or ps.named(target)
            else:
                watch.process = self._controller.process(watch.wanted.name)
            watch.error = ""
        except ServiceError as error:
            watch.process, watch.error = None, str(error)
        process = watch.process
        if (process is None) != (before is None) or (process and not process.same(before)):
            watch.forget_answers()
            watch.due = now
        if watch.probe is not None or now < watch.due:
            return
        watch.due = now + PERIOD
        if kind in NETWORK_KINDS:
            watch.probe = Probe(kind, target, now)
        elif process is not None:
            watch.answer(not process.stopped, "is there", now)

    def _wait(self) -> None:
        """Let answers come in, at most `PATIENCE` for all together."""
        end = self._clock() + PATIENCE
        while True:
            open_probes = [w.probe for w in self._watches if w.probe and not w.probe.done]
            now = self._clock()
            for probe in open_probes:
                probe.advance(now)
            open_probes = [probe for probe in open_probes if not probe.done]
            if not open_probes or now >= end:
                return
            poll = select.poll()
            for probe in open_probes:
                poll.register(probe, probe.events)
            poll.poll(max(1.0, (end - now) * 1000))

    def _judge(self, watch: _Watch, now: float) -> None:
        """Take a decided probe's result and say what state that is."""
        probe, process = watch.probe, watch.process
        if probe is not None and probe.done:
            watch.probe = None
            stopped = (
                process is not None and process.stopped
            )  # for which the kernel still accepts connections
            watch.answer(probe.ok and not stopped, probe.detail, now)
        if watch.error:
            watch.become("unknown", watch.error, now)
        elif process is None:
            if watch.kind not in NETWORK_KINDS or watch.ok is False:
                self._vanished(watch, now)
            elif watch.ok:
                watch.become("running", f"{watch.said}, though it is no process of ours", now)
        elif watch.failures >= HUNG_AFTER and (watch.answered or process.age() > STARTING_S):
            stopped_text = " is stopped (SIGSTOP) and" if process.stopped else ""
            text = f"process {process.pid}{stopped_text} did not answer {watch.failures} times: {watch.said}"
            watch.become("hung", text, now)
        elif watch.answered:
            watch.become("running", f"process {process.pid} {watch.said}", now)
        else:
            watch.become(
                "unknown", f"process {process.pid} is starting, {watch.said or 'not asked yet'}", now
            )

    def _vanished(self, watch: _Watch, now: float) -> None:
        """Gone; asked once whether somebody told it to stop."""
        if watch.state != "gone":
            try:
                watch.by_hand = self._controller.stopped_by_hand(watch.wanted.name)
            except ServiceError:
                watch.by_hand = False
        words = "no process, its unit was told to stop" if watch.by_hand else "no process"
        watch.become("gone", f"{words}; {watch.said}" if watch.said else words, now)


def _again(process: Process | None) -> Process | None:
    now = ps.look(process.pid) if process else None
    return now if now and now.same(process) else None


def ensure_started(
    services: Sequence[Wanted], controller: Controller, hung: Container[str] = ()
) -> dict[str, str]:
    """Start those that do not run, afresh those that hang (set-up, no remedy); name > what failed. Blocks."""
    problems: dict[str, str] = {}
    for service in services:
        try:
            if service.name in hung:
                controller.restart(service.name)
            elif controller.process(service.name) is None and not (service.command and _answers(service)):
                controller.start(service.name)
        except ServiceError as error:
            problems[service.name] = str(error)
    return problems


def _answers(service: Wanted) -> bool:
    """Does somebody answer its probe, e.g. one whose pidfile was lost? A second one could not bind."""
    kind, target = service.probe.target() if service.probe else ("process", "")
    if kind == "process":
        return False
    probe = Probe(kind, target, time.monotonic())
    while not probe.done:
        probe.advance(time.monotonic())
        if not probe.done:
            poll = select.poll()
            poll.register(probe, probe.events)
            poll.poll(50)
    return probe.ok


def make(config: Config, controller: Controller | None = None) -> Sensor | None:
    """Applicable where services are configured. The node gives its own controller; alone it makes one."""
    if not config.services:
        return None
    return ServicesSensor(config.services, controller or Controller(config.services, config.node.state_dir))
