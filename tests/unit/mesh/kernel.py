# SPDX-License-Identifier: Apache-2.0
"""A kernel in memory, like batman-adv and rtnetlink where the keeper depends on it; notes every write."""

from __future__ import annotations

import errno
from typing import Any

import msgspec

from agent.kernel.errors import InterfaceGoneError, RefusedError
from agent.kernel.links import ALIAS_MAX
from agent.readings import Hardif, Link, Mesh, Originator, Radio, as_kept


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
        self.inside: dict[str, tuple[str, int]] = {}  # radio > mesh id or SSID, MHz: what it really is in
        self.tells_channel = True  # not every driver does
        self.aliases: dict[str, str] = {}
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
        self.radios.pop(name, None)
        self.aliases.pop(name, None)
        self.inside.pop(name, None)
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
        self.inside.pop(name, None)  # cfg80211: going down leaves

    def alias(self, name: str) -> str:
        return self.aliases.get(name, "")

    def set_alias(self, name: str, text: str) -> None:
        self._write(f"alias {name} {text}")
        assert len(text.encode()) <= ALIAS_MAX
        self.aliases[name] = text

    def set_mtu(self, name: str, mtu: int) -> None:
        self._write(f"mtu {name} {mtu}")
        self._change(name, mtu=mtu)

    def set_mac(self, name: str, mac: str) -> None:
        self._write(f"mac {name} {mac}")
        self._change(name, mac=mac)

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

    def originators(self, index: int, outgoing: int = 0) -> tuple[Originator, ...]:
        assert index in self.meshes
        return self.orig

    def set_mesh(self, index: int, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        for key, value in given.items():
            self._write(f"set {key} {value}")
        self.meshes[index] = msgspec.structs.replace(self.meshes[index], **given)

    def set_hardif(self, mesh_index: int, hardif_index: int, **values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        if "throughput_override_kbit" in given:
            given["throughput_override_kbit"] = as_kept(given["throughput_override_kbit"])
        rows = self.attached[mesh_index]
        for place, row in enumerate(rows):
            if row.index == hardif_index:
                for key, value in given.items():
                    self._write(f"set {row.name} {key} {value}")
                rows[place] = msgspec.structs.replace(row, **given)

    # Nl80211

    def plug_radio(self, name: str, kind: str = "station") -> None:
        self.plug(name, "", 1500)
        self.radios[name] = Radio(name, self.table[name].index, self.table[name].mac, kind)

    def interfaces(self) -> tuple[Radio, ...]:
        """As the real one: a channel where it is in something, an IBSS's name, never an 802.11s mesh's."""
        return tuple(
            msgspec.structs.replace(
                radio,
                freq_mhz=self.inside[name][1] if name in self.inside and self.tells_channel else None,
                mesh_id=self.inside[name][0] if name in self.inside and radio.kind == "ibss" else "",
            )
            for name, radio in self.radios.items()
        )

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
        if radio.name in self.inside:
            raise RefusedError(f"joining {name}", "", errno.EALREADY)
        if not self.table[radio.name].admin_up:
            raise RefusedError(f"joining {name}", "", errno.ENETDOWN)
        assert radio.kind == kind
        self._write(f"join {radio.name} {kind} {name} {freq}")
        self.inside[radio.name] = (name, freq)

    def join_mesh(self, index: int, mesh_id: str, freq: int, *, forwarding: bool) -> None:
        assert not forwarding  # batman-adv forwards
        self._join(index, "mesh", mesh_id, freq)

    def join_ibss(self, index: int, ssid: str, freq: int) -> None:
        self._join(index, "ibss", ssid, freq)

    def _leave(self, index: int, refusal: int) -> None:
        radio = self._radio(index)
        if radio.name not in self.inside:
            raise RefusedError(f"leaving on {index}", "", refusal)
        self._write(f"leave {radio.name}")
        del self.inside[radio.name]

    def leave_mesh(self, index: int) -> None:
        self._leave(index, errno.ENOTCONN)

    def leave_ibss(self, index: int) -> None:
        self._leave(index, errno.ENOLINK)
