# SPDX-License-Identifier: Apache-2.0
"""Makes the kernel's mesh what the configuration says and leaves alone what is right already. Blocking.

Each interface is set up once for each time it appears (name and index): afterwards a missing hardif is a
fault's business (agent/faults), and what a person changes by hand stays changed; but a radio that is up and
in no mesh joins its own again. The dummy primary comes first, so that no link's fate changes the node's
identity in the mesh (faults.md: losing the primary costs 5.6 s and more).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from agent.kernel.batadv import BatAdv
from agent.kernel.errors import InterfaceGoneError, KernelError, RefusedError
from agent.kernel.links import Links
from agent.kernel.linkspeed import link_speed_kbit
from agent.kernel.macsec import Macsec
from agent.kernel.nl80211 import Nl80211
from agent.mesh import radio
from agent.mesh.errors import MeshSetupError
from agent.mesh.gatewaychoice import CLIENT_THRESHOLD_KBIT
from agent.mesh.macseclayer import MacsecLayer
from agent.mesh.timers import Rest
from agent.mesh.wanted import AUTOMATIC, HardifSettings, hardif_mac, hardif_settings, mesh_mac
from agent.meshdevices import MeshDevices
from agent.readings import Link, Mesh

if TYPE_CHECKING:
    from agent import config as cf

ALGORITHM: Final = "BATMAN_V"
T = TypeVar("T", bool, int, str)


class Setup:
    """`ensure` brings everything towards the configuration and says what is missing."""

    def __init__(
        self,
        mesh: cf.Mesh,
        primary_mac: str,
        *,
        links: Links,
        batadv: BatAdv,
        wifi: Nl80211,
        speed: Callable[[str], int | None] = link_speed_kbit,
        measured: Callable[[str], int | None] = lambda _: None,
        devices: MeshDevices | None = None,
        macsec: Macsec | None = None,
    ) -> None:
        """`measured(name)`: kbit/s a test over this wire carried, None where there was none."""
        names = (interface.name for interface in mesh.interfaces)
        self._layer = MacsecLayer(devices or MeshDevices.of(names), links, macsec or Macsec())
        self._mesh, self._primary_mac = mesh, primary_mac
        self._links, self._batadv, self._wifi = links, batadv, wifi
        self._speed, self._measured = speed, measured
        self._mesh_done = 0  # index of the mesh interface that was set up
        self._mesh_again = False
        self._done: dict[str, int] = {}  # interface > index of the device batman-adv got when it was set up
        self.settings: dict[str, HardifSettings] = {}  # of the interfaces that were set up
        self._small: dict[str, str] = {}  # interfaces whose MTU cannot be raised, in words
        self._double: dict[str, str] = {}  # those that keep an address another of ours has, in words
        self.core_ready = False  # mesh interface and primary stand

    def again(self) -> None:
        """The next pass sets the mesh interface's parameters whether or not it did before. Any thread."""
        self._mesh_again = True

    def ensure(self, rest: Rest) -> tuple[str, ...]:
        """One pass. What could not be done, each in words; what is missing does not keep the others."""
        try:
            bat = self._mesh_interface()
            self._primary(bat)
            if self._mesh_done != bat.index or self._mesh_again:
                self._mesh_again = False
                self._parameters(bat)
                self._mesh_done = bat.index
            self.core_ready = True
        except (KernelError, MeshSetupError) as error:
            self.core_ready = False
            return (str(error),)
        problems: list[str] = []
        for interface in self._mesh.interfaces:
            try:
                self._interface(interface, bat, rest)
            except (KernelError, MeshSetupError) as error:
                problems.append(str(error))
        return (*problems, *self._small.values(), *self._double.values())

    def _mesh_interface(self) -> Link:
        name = self._mesh.name
        bat = self._links.get(name)
        if bat is None:
            self._links.create_batadv(name, ALGORITHM, mesh_mac(self._primary_mac))
            bat = self._links.get(name)
        if bat is None:
            raise MeshSetupError(f"{name} vanished right after it was created: see who removes it")
        if bat.kind != "batadv":
            raise MeshSetupError(
                f"{name} is a {bat.kind or 'device'}, not batman-adv: choose another mesh.name"
            )
        if bat.index != self._mesh_done:
            self._done.clear()
            algo = self._batadv.mesh(bat.index).algo
            if algo != ALGORITHM:
                raise MeshSetupError(f"{name} runs {algo}, not {ALGORITHM}: remove it (`ip link del {name}`)")
        return bat

    def _primary(self, bat: Link) -> None:
        """The dummy exists, is attached, and is the one batman-adv took its identity from."""
        name = self._mesh.primary
        link = self._links.get(name)
        if link is None:
            self._links.create_dummy(name, self._primary_mac)
        elif link.kind != "dummy":
            raise MeshSetupError(f"{name} is no dummy interface: choose another mesh.primary")
        self._raise_mtu(name, self._mesh.mtu)
        if link is None or not link.admin_up:
            self._links.set_up(name)
        mesh = self._batadv.mesh(bat.index)
        if mesh.mac == self._mac(name) and name in {h.name for h in self._batadv.hardifs(bat.index)}:
            return
        before = [other.name for other in self._batadv.hardifs(bat.index)]
        follow = {name, *(each for one in self._mesh.interfaces for each in self._layer.names(one.name))}
        self._done.clear()
        self.core_ready = False  # no remedy attaches a link meanwhile: it would be the primary
        try:
            for other in before:  # whoever is attached first is the primary
                self._links.set_master(other, None)
            self._links.set_master(name, bat.name)
        finally:
            for other in before:
                if other not in follow:  # somebody else's: it was in the mesh, and it is again
                    self._links.set_master(other, bat.name)

    def _mac(self, name: str) -> str:
        link = self._links.get(name)
        return link.mac if link else ""

    def _parameters(self, bat: Link) -> None:
        """What differs is set; then up and addresses."""
        wanted, found = self._mesh, self._batadv.mesh(bat.index)
        self._batadv.set_mesh(
            bat.index,
            hop_penalty=_changed(found.hop_penalty, wanted.hop_penalty),
            bla=_changed(found.bla, wanted.lan_bridged),
            bonding=_changed(found.bonding, wanted.bonding),
        )
        self._gateway(bat, found)
        if not bat.admin_up:
            self._links.set_up(bat.name)
        have = set(self._links.addresses(bat.name))
        for address in wanted.address:
            if address not in have:
                self._links.add_address(bat.name, address)

    def _gateway(self, bat: Link, found: Mesh) -> None:
        gateway = self._mesh.gateway
        if gateway.mode == "server":
            self._batadv.set_mesh(
                bat.index, gw_mode="server", gw_down_kbit=gateway.down, gw_up_kbit=gateway.up
            )
            return
        threshold = CLIENT_THRESHOLD_KBIT if gateway.mode == "client" and gateway.balance else None
        self._batadv.set_mesh(
            bat.index,
            gw_mode=_changed(found.gw_mode, gateway.mode),
            gw_sel_kbit=threshold if threshold != found.gw_sel_kbit else None,
        )

    def _interface(self, interface: cf.Interface, bat: Link, rest: Rest) -> None:
        name = interface.name
        link = self._links.get(name)
        if link is None:
            self._done.pop(name, None)
            raise MeshSetupError(f"mesh interface {name} is not there (yet): look with `ip link`")
        device = self._layer.find(link)
        fresh = device is None or self._done.get(name) != device.index
        if device is not None and not fresh and device.master != bat.index:
            return  # a fault, or a remedy holds it out
        # before it is attached: until batman-adv is told a speed it asks the device, half a second later
        speed, measured = self._speed(name), self._measured(name)
        secured = self._layer.overhead(name) > 0
        wanted = hardif_settings(interface, link, speed, rest, measured, secured=secured)
        if device is None or fresh:
            self._theirs(link, bat)
            self._raise_mtu(name, self._mesh.mtu + self._layer.overhead(name))
            self._own_address(link)
            if interface.kind == "radio":
                radio.join(interface, self._links, self._wifi)
            if not link.admin_up:
                self._links.set_up(name)
            device = self._layer.make(name)
            self._theirs(device, bat)
            if device.master == 0:
                self._links.set_master(device.name, bat.name)
        elif interface.kind == "radio" and link.admin_up and radio.is_out(name, self._wifi):
            radio.join(interface, self._links, self._wifi)  # it was down for a while, which leaves the mesh
        self._settle(name, device, bat, wanted, fresh=fresh)
        self._done[name] = device.index

    def _theirs(self, link: Link, bat: Link) -> None:
        """MeshSetupError where somebody uses it elsewhere."""
        if link.master in (0, bat.index):
            return
        name, master = link.name, self._links.name(link.master)
        raise MeshSetupError(f"{name} belongs to {master}: take it out there (`ip link set {name} nomaster`)")

    def _settle(self, name: str, link: Link, bat: Link, wanted: HardifSettings, *, fresh: bool) -> None:
        """ELP interval and throughput, where they differ.

        The throughput only where it is told for the first time, where another is wanted now, or where
        batman-adv forgot both: what somebody else set it to is a fault's business (agent/faults).
        """
        before = self.settings.get(name)
        found = next((h for h in self._batadv.hardifs(bat.index) if h.index == link.index), None)
        if found is None:
            raise InterfaceGoneError(f"{link.name} left {bat.name} while it was set up", "it is tried again")
        elp = _changed(found.elp_interval_ms, wanted.elp_interval_ms)
        forgot = elp is not None and found.throughput_override_kbit == AUTOMATIC
        override = None
        if (
            fresh
            or forgot
            or before is None
            or before.throughput_override_kbit != wanted.throughput_override_kbit
        ):
            override = _changed(found.throughput_override_kbit, wanted.throughput_override_kbit)
        if elp is not None or override is not None:
            self._batadv.set_hardif(
                bat.index, link.index, elp_interval_ms=elp, throughput_override_kbit=override
            )
        self.settings[name] = wanted

    def _raise_mtu(self, name: str, least: int) -> None:
        """A device that cannot carries the mesh all the same, with fragments."""
        link = self._links.get(name)
        self._small.pop(name, None)
        if link is not None and link.mtu < least:
            try:
                self._links.set_mtu(name, least)
            except RefusedError as error:
                self._small[name] = f"{error}; large packets go in fragments over {name}"

    def _own_address(self, link: Link) -> None:
        """Where another of ours has its address already; batman-adv would take the two for one link."""
        self._double.pop(link.name, None)
        names = (self._mesh.primary, *(name for name in self._done if name != link.name))
        other = next((name for name in names if self._mac(name) == link.mac), None)
        if other is None:
            return
        try:
            self._links.set_mac(link.name, hardif_mac(self._primary_mac, link.name))
        except RefusedError as error:
            self._double[link.name] = f"{link.name} has the address of {other}, and {error}"


def _changed(found: T | None, wanted: T) -> T | None:
    """`wanted` where it differs."""
    return None if found == wanted else wanted
