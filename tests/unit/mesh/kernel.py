# SPDX-License-Identifier: Apache-2.0
"""A kernel in memory, like batman-adv and rtnetlink where the keeper depends on it; notes every write."""

from __future__ import annotations

import errno
from typing import Any

import msgspec

from agent.kernel.errors import InterfaceGoneError, RefusedError
from agent.readings import Hardif, Link, Mesh, Originator, Radio


class Kernel:
    """Links, BatAdv and Nl80211 in one; `writes` lists what was changed, in order."""

    def __init__(self, *devices: str, kind: str = "veth", mtu: int = 1500) -> None:
        self.table: dict[str, Link] = {}
        self.writes: list[str] = []
        self.meshes: dict[int, Mesh] = {}
        self.attached: dict[int, list[Hardif]] = {}
        self.addressed: dict[str, list[str]] = {}
        self.orig: tuple[Originator, ...] = ()
        self.radios: dict[str, Radio] = {}
        self.refuse: dict[str, Exception] = {}  # a write > the error it meets
        self._index = 1
        for device in devices:
            self.plug(device, kind, mtu)

    def plug(self, name: str, kind: str = "veth", mtu: int = 1500, mac: str = "") -> None:
        self._index += 1
        mac = mac or f"02:00:00:00:00:{self._index:02x}"
        self.table[name] = Link(name, self._index, mac, mtu, False, True, kind)

    def unplug(self, name: str) -> None:
        gone = self.table.pop(name)
        for rows in self.attached.values():
            rows[:] = [h for h in rows if h.index != gone.index]

    def _write(self, words: str) -> None:
        if words in self.refuse:
            raise self.refuse[words]
        self.writes.append(words)

    def _change(self, name: str, **values: Any) -> None:
        self.table[name] = msgspec.structs.replace(self.table[name], **values)

    # Links

    def get(self, name: str) -> Link | None:
        return self.table.get(name)

    def index(self, name: str) -> int:
        if name not in self.table:
            raise InterfaceGoneError(f"{name} does not exist", "", errno.ENODEV)
        return self.table[name].index

    def name(self, index: int) -> str:
        return next(link.name for link in self.table.values() if link.index == index)

    def create_batadv(self, name: str, algo: str = "BATMAN_V", mac: str | None = None) -> None:
        self._write(f"create {name} {algo}")
        self.plug(name, "batadv", mac=mac or "")
        index = self.table[name].index
        self.attached[index] = []
        self.meshes[index] = Mesh(name, index, "", algo, 1000, 15, "off", bla=True, bonding=False)

    def create_dummy(self, name: str, mac: str | None = None) -> None:
        self._write(f"dummy {name} {mac}")
        self.plug(name, "dummy", mac=mac or "")

    def set_up(self, name: str) -> None:
        self._write(f"up {name}")
        self._change(name, admin_up=True)

    def set_down(self, name: str) -> None:
        self._write(f"down {name}")
        self._change(name, admin_up=False)

    def set_mtu(self, name: str, mtu: int) -> None:
        self._write(f"mtu {name} {mtu}")
        self._change(name, mtu=mtu)

    def set_master(self, name: str, master: str | None) -> None:
        self._write(f"master {name} {master}")
        link = self.table[name]
        for rows in self.attached.values():
            rows[:] = [h for h in rows if h.index != link.index]
        self._change(name, master=self.index(master) if master else 0)
        if master:
            rows = self.attached[self.index(master)]
            rows.append(Hardif(name, link.index, link.mac, True, 500, 0))

    def add_address(self, name: str, address: str) -> None:
        self._write(f"address {name} {address}")
        self.addressed.setdefault(name, []).append(address)

    def addresses(self, name: str) -> tuple[str, ...]:
        return tuple(self.addressed.get(name, ()))

    # BatAdv

    def mesh(self, which: str | int) -> Mesh:
        index = self.index(which) if isinstance(which, str) else which
        first = self.attached[index][:1]
        return msgspec.structs.replace(self.meshes[index], mac=first[0].mac if first else "")

    def hardifs(self, index: int) -> tuple[Hardif, ...]:
        return tuple(self.attached[index])

    def originators(self, index: int) -> tuple[Originator, ...]:
        assert index in self.meshes
        return self.orig

    def set_mesh(self, index: int, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        for key, value in given.items():
            self._write(f"set {key} {value}")
        own = {"gw_down_kbit", "gw_up_kbit"}
        self.meshes[index] = msgspec.structs.replace(
            self.meshes[index], **{key: value for key, value in given.items() if key not in own}
        )

    def set_hardif(self, mesh_index: int, hardif_index: int, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        rows = self.attached[mesh_index]
        for place, row in enumerate(rows):
            if row.index == hardif_index:
                for key, value in given.items():
                    self._write(f"set {row.name} {key} {value}")
                rows[place] = msgspec.structs.replace(row, **given)

    # Nl80211

    def interfaces(self) -> tuple[Radio, ...]:
        return tuple(self.radios.values())

    def _radio(self, index: int) -> Radio:
        return next(radio for radio in self.radios.values() if radio.index == index)

    def set_type(self, index: int, kind: str) -> None:
        radio = self._radio(index)
        self._write(f"type {radio.name} {kind}")
        if self.table[radio.name].admin_up:
            raise RefusedError("the interface is up", "", errno.EBUSY)
        self.radios[radio.name] = msgspec.structs.replace(radio, kind=kind)

    def _join(self, index: int, kind: str, name: str, freq: int) -> None:
        radio = self._radio(index)
        self._write(f"join {radio.name} {kind} {name} {freq}")
        self.radios[radio.name] = msgspec.structs.replace(radio, mesh_id=name, freq_mhz=freq)

    def join_mesh(self, index: int, mesh_id: str, freq: int, *, forwarding: bool) -> None:
        assert not forwarding  # batman-adv forwards
        self._join(index, "mesh", mesh_id, freq)

    def join_ibss(self, index: int, ssid: str, freq: int) -> None:
        self._join(index, "ibss", ssid, freq)

    def _leave(self, index: int) -> None:
        radio = self._radio(index)
        self._write(f"leave {radio.name}")
        self.radios[radio.name] = msgspec.structs.replace(radio, mesh_id="", freq_mhz=None)

    leave_mesh = leave_ibss = _leave
