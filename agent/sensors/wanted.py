# SPDX-License-Identifier: Apache-2.0
"""The `wanted` sensor: what the configuration wants of each mesh interface, beside how it was when right.

No `make` here: what a test over a wire carried is known to the composition root, which builds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Protocol

import msgspec

from agent.kernel.errors import KernelError
from agent.kernel.linkspeed import link_speed_kbit
from agent.kernel.nl80211 import Nl80211
from agent.kernel.wifirows import Wiphy
from agent.mesh.layered import LayeredLinks
from agent.mesh.wanted import throughput_kbit
from agent.meshdevices import MeshDevices
from agent.readings import Link, Radio, Wanted
from agent.sensors.base import SensorError

if TYPE_CHECKING:
    from agent.config import Interface, Mesh

CALM: Final = 5.0  # s: configuration and devices' speeds seldom change; the links themselves tell at once
ATTENTION: Final = 1.0  # s


class LinkReader(Protocol):
    """What of kernel.links.Links is used."""

    def dump(self) -> tuple[Link, ...]: ...


class PhyReader(Protocol):
    """What of kernel.nl80211.Nl80211 is used."""

    def interfaces(self) -> tuple[Radio, ...]: ...
    def wiphys(self) -> tuple[Wiphy, ...]: ...


class Memory(msgspec.Struct):
    """What was seen of one interface in this run."""

    mtu: int = 0
    mac: str = ""
    throughput_kbit: int | None = None
    since: float = 0.0  # when that was wanted first


class WantedSensor:
    """`measured(name)`: kbit/s a test over this wire carried, None where there was none; from any thread."""

    name: ClassVar[str] = "wanted"

    def __init__(
        self,
        mesh: Mesh,
        measured: Callable[[str], int | None],
        *,
        links: LinkReader | None = None,
        wifi: PhyReader | None = None,
        speed: Callable[[str], int | None] = link_speed_kbit,
        devices: MeshDevices | None = None,
    ) -> None:
        self._mesh, self._measured, self._speed = mesh, measured, speed
        self._devices = devices or MeshDevices.of(each.name for each in mesh.interfaces)
        self._links = links or LayeredLinks(self._devices)
        self._wifi = wifi or Nl80211()
        self._known: dict[str, Memory] = {}

    def period(self, attention: bool) -> float:
        """Seconds between readings."""
        return ATTENTION if attention else CALM

    def read(self, now: float) -> tuple[Wanted, ...]:
        """One for each configured interface and one for the primary; () where no mesh is set up."""
        if not self._mesh.enabled:
            return ()
        try:
            links = {link.name: link for link in self._links.dump()}
            self._remember(links)
            wires = [self._interface(each, links.get(each.name), now) for each in self._mesh.interfaces]
        except KernelError as error:
            raise SensorError(f"wanted: {error}") from error
        return (self._one(self._mesh.primary, "primary", links), *wires)

    def _remember(self, links: dict[str, Link]) -> None:
        """Largest MTU; the address where no other of ours has it: a double one is no memory to go back to."""
        names = [self._mesh.primary, *(each.name for each in self._mesh.interfaces)]
        ours = [links[name] for name in names if name in links]
        count = Counter(link.mac for link in ours)
        for link in ours:
            memory = self._known.setdefault(link.name, Memory())
            memory.mtu = max(memory.mtu, link.mtu)
            if count[link.mac] == 1:
                memory.mac = link.mac

    def _interface(self, interface: Interface, link: Link | None, now: float) -> Wanted:
        base = self._one(interface.name, interface.kind, {interface.name: link} if link else {})
        if link is None:
            left = self._left_phy() if interface.kind == "radio" and base.was_mac else None
            return msgspec.structs.replace(base, left_phy=left)
        speed = self._speed(interface.name) if interface.kind == "wire" else None
        measured = self._measured(interface.name)
        secured = self._devices.device(interface.name) != interface.name
        wanted = throughput_kbit(interface, link, speed, measured, secured=secured)
        memory = self._known[interface.name]
        if memory.throughput_kbit != wanted:
            memory.throughput_kbit, memory.since = wanted, now
        return msgspec.structs.replace(
            base,
            throughput_kbit=wanted,
            throughput_age=now - memory.since,
            speed_kbit=speed,
            measured_kbit=measured,
            read_at=now,
        )

    def _one(self, name: str, kind: Literal["wire", "radio", "primary"], links: dict[str, Link]) -> Wanted:
        memory = self._known.get(name, Memory())
        return Wanted(name, kind, self._mesh.mtu, name in links, was_mtu=memory.mtu, was_mac=memory.mac)

    def _left_phy(self) -> int | None:
        """The one radio that is there and has no interface; None where there is none or a choice."""
        taken = {radio.phy for radio in self._wifi.interfaces()}
        free = [wiphy.index for wiphy in self._wifi.wiphys() if wiphy.index not in taken]
        return free[0] if len(free) == 1 else None
