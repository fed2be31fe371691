# SPDX-License-Identifier: Apache-2.0
"""Links and batman-adv where macsec lies between them: an interface and its macsec device as one.

For whoever reads the mesh or acts on it. Whoever builds it (setup.py, macseclayer.py) uses the plain classes.
"""

from __future__ import annotations

import contextlib
from typing import TypeVar

import msgspec

from agent.hello.channel import Channel
from agent.kernel import inject
from agent.kernel.batadv import BatAdv
from agent.kernel.errors import InterfaceGoneError
from agent.kernel.genl import interface_index
from agent.kernel.links import Links
from agent.kernel.macsec import OVERHEAD
from agent.meshdevices import MeshDevices, may_be_ours
from agent.readings import Hardif, Link, Neighbour, Originator

KIND = "macsec"
Row = TypeVar("Row", Neighbour, Originator)


class LayeredLinks(Links):
    """A mesh interface by its own name, with the address, carrier and counters that are its own.

    Index, master and MTU are of the device batman-adv has of it, if that is there: it is this one that is
    attached and detached. What is read is merged as it is; what is done goes by `devices.secured`.
    """

    def __init__(self, devices: MeshDevices) -> None:
        super().__init__()
        self._devices = devices

    def dump(self) -> tuple[Link, ...]:
        """Every interface; one with its macsec device is one row."""
        rows = super().dump()
        by_name = {row.name: row for row in rows}
        above: dict[str, Link] = {}
        for hardif, device in self._devices.layered().items():
            lower, upper = by_name.get(hardif), by_name.get(device)
            if lower is not None and upper is not None and lies_over(upper, lower):
                above[hardif] = upper
        hidden = {row.name for row in above.values()}
        return tuple(_merged(row, above.get(row.name)) for row in rows if row.name not in hidden)

    def get(self, name: str) -> Link | None:
        """One interface by name, None where there is none."""
        link, device = super().get(name), self._devices.macsec(name)
        upper = super().get(device) if link is not None and device and interface_index(device) else None
        return _merged(link, upper) if link is not None else None

    def index(self, name: str) -> int:
        """Of the device batman-adv has or shall have of it. InterfaceGoneError."""
        return super().index(self._devices.device(name))

    def set_up(self, name: str) -> None:
        """The lower one first."""
        super().set_up(name)
        device = self._devices.device(name)
        if device != name:
            with contextlib.suppress(InterfaceGoneError):  # the keeper makes it, up
                super().set_up(device)

    def set_mtu(self, name: str, mtu: int) -> None:
        """As the mesh sees it: the lower one also takes what macsec adds."""
        device = self._devices.device(name)
        super().set_mtu(name, mtu if device == name else mtu + OVERHEAD)
        if device != name:
            super().set_mtu(device, mtu)

    def set_master(self, name: str, master: str | None) -> None:
        """Of the device batman-adv shall have of it."""
        super().set_master(self._devices.device(name), master)


class LayeredBatAdv(BatAdv):
    """Its tables with the interfaces' own names; indices are those of the devices it has."""

    def __init__(self, devices: MeshDevices) -> None:
        super().__init__()
        self._devices = devices

    def hardifs(self, index: int) -> tuple[Hardif, ...]:
        """The interfaces it uses."""
        found = super().hardifs(index)
        return tuple(msgspec.structs.replace(row, name=self._devices.hardif(row.name)) for row in found)

    def neighbours(self, index: int) -> tuple[Neighbour, ...]:
        """Who was heard on which interface."""
        return self._renamed(super().neighbours(index))

    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        """Every way to every originator."""
        return self._renamed(super().originators(index, outgoing))

    def _renamed(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Nothing is made anew where nothing is layered: it is read every 10 ms while a link is in doubt."""
        names = {device: hardif for hardif, device in self._devices.layered().items()}
        if not any(row.hardif in names for row in rows):
            return rows
        return tuple(
            msgspec.structs.replace(row, hardif=names[row.hardif]) if row.hardif in names else row
            for row in rows
        )


class LayeredChannel(Channel):
    """A hello's channel on a mesh interface: where links are secured, within its macsec device."""

    def __init__(self, devices: MeshDevices, name: str, port: int, group: str) -> None:
        self._hardif, self._devices = name, devices
        super().__init__(devices.device(name), port, group)

    def current(self) -> bool:
        """No longer where link security was switched on or off since."""
        return self.name == self._devices.device(self._hardif) and super().current()


class LayeredInject:
    """Lets an interface receive a frame as if it had come in, as batman-adv sees it (kernel/inject.py)."""

    def __init__(self, devices: MeshDevices) -> None:
        self._devices = devices

    def __call__(self, hardif: str, frame: bytes) -> None:
        """KernelError, ValueError."""
        inject.receive(self._devices.device(hardif), frame)


def found_devices(links: Links) -> MeshDevices:
    """As they are now, for whoever does not go by a configuration (agent/undo.py). KernelError."""
    rows = links.dump()
    names = {row.index: row.name for row in rows}
    macsec = {
        names[row.peer_index]: row.name
        for row in rows
        if row.kind == KIND and row.peer_index in names and may_be_ours(row.name)
    }
    return MeshDevices(macsec, secured=True)


def lies_over(upper: Link, lower: Link) -> bool:
    """Is it a macsec device over that one?"""
    return upper.kind == KIND and upper.peer_index == lower.index


def _merged(lower: Link, upper: Link | None) -> Link:
    if upper is None or not lies_over(upper, lower):
        return lower
    return msgspec.structs.replace(
        lower,
        index=upper.index,
        master=upper.master,
        mtu=upper.mtu,
        admin_up=lower.admin_up and upper.admin_up,
        peer_index=lower.index,
    )
