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
        return self._sensor.read(now)

    async def run(self) -> None:
        """Starts configured commands, again until each was started once. Nothing in observe mode."""
        wait = RETRY_FIRST
        while True:
            self._changed.clear()
            if self._active:
                problems = await asyncio.to_thread(ensure_started, self._services, self._controller)
                for name in problems.keys() - self.problems.keys():
                    log.warning(
                        "%s", problems[name], extra={"event": "service-start", "fields": {"name": name}}
                    )
                self.problems = problems
            try:
                async with asyncio.timeout(wait if self.problems else None):
                    await self._changed.wait()
                wait = RETRY_FIRST
            except TimeoutError:
                wait = min(RETRY_MAX, wait * 2)

    def _take(self, config: Config) -> None:
        self._active = config.mode == "heal"
        self._services = config.services
        self._controller = Controller(config.services, config.node.state_dir)
        self._sensor = ServicesSensor(config.services, self._controller)
