# SPDX-License-Identifier: Apache-2.0
"""The configured services of a running node: controller, sensor and their start, exchangeable on a reload."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar

from agent.sensors.services import ServicesSensor, ensure_started
from agent.services.control import Controller

if TYPE_CHECKING:
    from agent.config import Config
    from agent.readings import Service

RETRY_FIRST = 2.0  # s until a service that did not start is tried again
RETRY_MAX = 60.0

log = logging.getLogger("x0.services")


class NodeServices:
    """Sensor `services` of this moment's configuration; `run` starts what must run (set-up, not a remedy)."""

    name: ClassVar[str] = "services"

    def __init__(self, config: Config) -> None:
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

        Nothing in observe mode.
        """
        wait = RETRY_FIRST
        while True:
            self._changed.clear()
            missing = [service for service in self._services if service.name not in self._ran]
            problems: dict[str, str] = {}
            if self._active:
                hung = frozenset(self._hung)
                problems = await asyncio.to_thread(ensure_started, missing, self._controller, hung)
            for name in problems.keys() - self.problems.keys():
                log.warning("%s", problems[name], extra={"event": "service-start", "fields": {"name": name}})
            self.problems = problems
            try:
                async with asyncio.timeout(wait if self._active and missing else None):
                    await self._changed.wait()
                wait = RETRY_FIRST
            except TimeoutError:
                wait = min(RETRY_MAX, wait * 2)

    def _take(self, config: Config) -> None:
        self._active = config.mode == "heal"
        self._services = config.services
        self._controller = Controller(config.services, config.node.state_dir)
        self._sensor = ServicesSensor(config.services, self._controller)
