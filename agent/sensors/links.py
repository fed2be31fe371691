# SPDX-License-Identifier: Apache-2.0
"""The `links` sensor: every network interface with its counters.

Changes wake the loop by rtnetlink events (agent/kernel/events.py); this is for counters and the fallback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.mesh.layered import LayeredLinks
from agent.meshdevices import MeshDevices
from agent.readings import Link
from agent.sensors.base import SensorError

if TYPE_CHECKING:
    from agent.config import Config
    from agent.sensors.base import Sensor

CALM: Final = 5.0  # s: counters need no more, and events tell of changes at once
ATTENTION: Final = 0.25  # s


class LinksSensor:
    """Reads rtnetlink."""

    name: ClassVar[str] = "links"

    def __init__(self, links: Links | None = None) -> None:
        self._links = links or Links()

    def period(self, attention: bool) -> float:
        """Seconds between readings."""
        return ATTENTION if attention else CALM

    def read(self, now: float) -> tuple[Link, ...]:
        """All interfaces of the namespace."""
        try:
            return self._links.dump()
        except KernelError as error:
            raise SensorError(f"links: {error}") from error


def make(config: Config) -> Sensor | None:
    """Always applicable."""
    names = (interface.name for interface in config.mesh.interfaces)
    return LinksSensor(LayeredLinks(MeshDevices.of(names)))
