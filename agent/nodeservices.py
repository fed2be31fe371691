# SPDX-License-Identifier: Apache-2.0
"""The configured services of a running node: controller, sensor and their start, exchangeable on a reload."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from agent.sensors.services import ServicesSensor, ensure_started
from agent.services.control import Controller

if TYPE_CHECKING:
    from agent.config import Config
    from agent.configservices import Service as Wanted
    from agent.readings import Service

RETRY_FIRST = 2.0  # s until a service that did not start is tried again
RETRY_MAX = 60.0

log = logging.getLogger("x0.services")


class NodeServices:
    """Sensor `services` of this moment's configuration; `run` starts what must run (set-up, not a remedy)."""

    name: ClassVar[str] = "services"

    def __init__(self, config: Config, *, paused: Callable[[], bool] = lambda: False) -> None:
        """`paused`: does a person work here? Then what was tried once is left to them until the pause ends.

        What was tried never is started all the same: a node that reboots in a pause shall have its services.
        """
        self._paused = paused
        self._tried: set[str] = set()  # services that were to be started once since the agent's start
        self.problems: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._ran: set[str] = set()  # seen running since the agent's start
        self._hung: set[str] = set()  # at the last look
        self._take(config)

    def reconfigure(self, config: Config) -> None:
        """Another list of services; those no longer named go on unwatched."""
        old = self._sensor
        self._take(config)
        old.close()
        self._changed.set()

    def restart(self, name: str) -> None:
        """For the effector; blocking. ServiceError."""
        self._controller.restart(name)

    def period(self, attention: bool) -> float:
        """As agent/sensors/services.py."""
        return self._sensor.period(attention)

    def read(self, now: float) -> tuple[Service, ...]:
        """As agent/sensors/services.py."""
        found = self._sensor.read(now)
        self._ran.update(service.name for service in found if service.state == "running")
        self._hung = {service.name for service in found if service.state == "hung"}
        return found

    async def run(self) -> None:
        """Starts what is configured, again until each was seen running; from then on healing keeps it so.

        Nothing in observe mode; in a pause once.
        """
        wait = RETRY_FIRST
        while True:
            self._changed.clear()
            missing = [service for service in self._services if service.name not in self._ran]
            paused = self._paused()
            left = {service.name for service in missing if paused and service.name in self._tried}
            due = [service for service in missing if service.name not in left]
            problems: dict[str, str] = {}
            if self._active:
                problems = {name: text for name, text in self.problems.items() if name in left}
                if due or not paused:
                    problems |= await self._start(due)
            for name in problems.keys() - self.problems.keys():
                log.warning("%s", problems[name], extra={"event": "service-start", "fields": {"name": name}})
            self.problems = problems
            if paused:
                wait = RETRY_FIRST  # its end is seen soon
            try:
                async with asyncio.timeout(wait if self._active and missing else None):
                    await self._changed.wait()
                wait = RETRY_FIRST
            except TimeoutError:
                wait = min(RETRY_MAX, wait * 2)

    async def _start(self, due: Sequence[Wanted]) -> dict[str, str]:
        """Name > what failed."""
        self._tried.update(service.name for service in due)
        return await asyncio.to_thread(ensure_started, due, self._controller, frozenset(self._hung))

    def _take(self, config: Config) -> None:
        self._active = config.mode == "heal"
        self._services = config.services
        self._controller = Controller(config.services, config.node.state_dir)
        self._sensor = ServicesSensor(config.services, self._controller)
