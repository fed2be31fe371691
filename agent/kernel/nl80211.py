# SPDX-License-Identifier: Apache-2.0
"""Wi-Fi over nl80211 (linux/nl80211.h): interfaces, stations, what a radio can do, joining 802.11s and IBSS.

Reading needs no privilege, changing needs CAP_NET_ADMIN. Every method raises KernelError.
"""

from __future__ import annotations

import errno
from typing import Final

from agent.kernel import netlink as nl
from agent.kernel import wifirows as rows
from agent.kernel.errors import RefusedError
from agent.kernel.genl import Family
from agent.kernel.scanevents import GROUP, ScanEvents
from agent.kernel.wifirows import Attr, Wiphy
from agent.readings import Radio, Station

CMD_GET_WIPHY: Final = 1
CMD_GET_INTERFACE: Final = 5
CMD_SET_INTERFACE: Final = 6
CMD_NEW_INTERFACE: Final = 7
CMD_GET_STATION: Final = 17
CMD_SET_MESH_CONFIG: Final = 29
CMD_TRIGGER_SCAN: Final = 33
CMD_JOIN_IBSS: Final = 43
CMD_LEAVE_IBSS: Final = 44
CMD_JOIN_MESH: Final = 68
CMD_LEAVE_MESH: Final = 69
MESHCONF_FORWARDING: Final = 19
WIDTH_20_NOHT: Final = 0
WIDTH_20: Final = 1
CHANNEL_NO_HT: Final = 0
CHANNEL_HT20: Final = 1
BEACON_TU: Final = 100  # an access point's; mac80211's own for a mesh is 1000, too slow a sign of life
MAX_MESH_ID: Final = 32  # bytes, IEEE 802.11


class Nl80211:
    """Reads and sets the radios of the namespace of the process at the first call."""

    def __init__(self) -> None:
        self._family = Family("nl80211", "cfg80211")

    def interfaces(self) -> tuple[Radio, ...]:
        """Every wireless interface, without its stations."""
        found = self._family.dump(CMD_GET_INTERFACE, b"", rows.radio, "reading the wireless interfaces")
        return tuple(found)

    def stations(self, ifindex: int) -> tuple[Station, ...]:
        """The stations an interface hears: mesh peers, IBSS members, clients."""
        payload = nl.u32(Attr.IFINDEX, ifindex)
        return tuple(
            self._family.dump(CMD_GET_STATION, payload, rows.station, f"reading stations of {ifindex}")
        )

    def wiphys(self) -> tuple[Wiphy, ...]:
        """Every radio and the kinds of interface it can be."""
        split = nl.attribute(
            Attr.SPLIT_WIPHY_DUMP, b""
        )  # without it newer radios do not fit and are left out
        parts = self._family.dump(CMD_GET_WIPHY, split, rows.wiphy, "reading the radios' capabilities")
        return rows.merged(parts)

    def add_interface(self, wiphy: int, name: str, kind: str = "station") -> None:
        """Make a network interface on a radio that is there; it is down."""
        number = rows.KINDS.index(kind)
        payload = nl.u32(Attr.WIPHY, wiphy) + nl.text(Attr.IFNAME, name) + nl.u32(Attr.IFTYPE, number)
        self._family.request(CMD_NEW_INTERFACE, payload, f"making interface {name} on radio {wiphy}")

    def set_type(self, ifindex: int, kind: str) -> None:
        """Make an interface "mesh", "ibss", "station"...; it must be down."""
        number = rows.KINDS.index(kind)
        payload = nl.u32(Attr.IFINDEX, ifindex) + nl.u32(Attr.IFTYPE, number)
        self._family.request(CMD_SET_INTERFACE, payload, f"making interface {ifindex} {kind}")

    def join_mesh(
        self,
        ifindex: int,
        mesh_id: str,
        freq_mhz: int,
        *,
        ht: bool = True,
        forwarding: bool = False,
        beacon_tu: int = BEACON_TU,
    ) -> None:
        """Join an open 802.11s mesh on a 20 MHz channel; batman-adv forwards, so 802.11s does not.

        `beacon_tu`: units of 1.024 ms; how fresh the peers' `inactive_age` is at rest.
        """
        config = nl.nested(Attr.MESH_CONFIG, nl.u8(MESHCONF_FORWARDING, forwarding))
        payload = nl.u32(Attr.IFINDEX, ifindex) + nl.attribute(Attr.MESH_ID, _identity(mesh_id))
        payload += _channel(freq_mhz, ht) + config + nl.u32(Attr.BEACON_INTERVAL, beacon_tu)
        self._family.request(
            CMD_JOIN_MESH, payload, f"joining mesh {mesh_id!r} at {freq_mhz} MHz on {ifindex}"
        )

    def set_mesh_param(self, ifindex: int, *, fwding: bool) -> None:
        """Does 802.11s forward frames itself? On a joined interface."""
        config = nl.nested(Attr.MESH_CONFIG, nl.u8(MESHCONF_FORWARDING, fwding))
        payload = nl.u32(Attr.IFINDEX, ifindex) + config
        self._family.request(CMD_SET_MESH_CONFIG, payload, f"setting 802.11s forwarding of {ifindex}")

    def leave_mesh(self, ifindex: int) -> None:
        """Leave the 802.11s mesh."""
        self._family.request(CMD_LEAVE_MESH, nl.u32(Attr.IFINDEX, ifindex), f"leaving the mesh on {ifindex}")

    def join_ibss(self, ifindex: int, ssid: str, freq_mhz: int, *, ht: bool = True) -> None:
        """Join or begin an open IBSS on a fixed 20 MHz channel."""
        payload = nl.u32(Attr.IFINDEX, ifindex) + nl.attribute(Attr.SSID, _identity(ssid))
        payload += _channel(freq_mhz, ht) + nl.attribute(Attr.FREQ_FIXED, b"")
        self._family.request(CMD_JOIN_IBSS, payload, f"joining IBSS {ssid!r} at {freq_mhz} MHz on {ifindex}")

    def leave_ibss(self, ifindex: int) -> None:
        """Leave the IBSS."""
        self._family.request(CMD_LEAVE_IBSS, nl.u32(Attr.IFINDEX, ifindex), f"leaving the IBSS on {ifindex}")

    def trigger_scan(self, ifindex: int, frequencies: tuple[int, ...] = ()) -> None:
        """Begin a passive scan of these frequencies in MHz (all where none is given); it returns at once."""
        payload = nl.u32(Attr.IFINDEX, ifindex)
        if frequencies:
            inner = [nl.u32(place, freq) for place, freq in enumerate(frequencies, 1)]
            payload += nl.nested(Attr.SCAN_FREQUENCIES, *inner)
        self._family.request(CMD_TRIGGER_SCAN, payload, f"scanning on {ifindex}")

    def scan(self, ifindex: int, frequencies: tuple[int, ...], timeout: float) -> bool:
        """A passive scan, waited for: False where it was broken off. One that is under way will do."""
        with ScanEvents(self._family.group(GROUP)) as events:
            try:
                self.trigger_scan(ifindex, frequencies)
            except RefusedError as error:
                if error.errno != errno.EBUSY:
                    raise
            return events.wait(ifindex, timeout)

    def close(self) -> None:
        """Close the socket."""
        self._family.close()


def _identity(name: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= MAX_MESH_ID:
        raise ValueError(f"mesh id or SSID {name!r}: 1 to {MAX_MESH_ID} bytes")
    return raw


def _channel(freq_mhz: int, ht: bool) -> bytes:
    found = nl.u32(Attr.WIPHY_FREQ, freq_mhz)
    found += nl.u32(Attr.CHANNEL_WIDTH, WIDTH_20 if ht else WIDTH_20_NOHT)
    return found + nl.u32(Attr.WIPHY_CHANNEL_TYPE, CHANNEL_HT20 if ht else CHANNEL_NO_HT)
