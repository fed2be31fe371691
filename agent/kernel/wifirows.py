# SPDX-License-Identifier: Apache-2.0
"""nl80211's answers, decoded: attributes in, readings out. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import msgspec

from agent.kernel import age
from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError
from agent.kernel.genl import GENL_HEADER
from agent.readings import Radio, Station

# enum nl80211_iftype
KINDS: Final = (
    "unspecified", "ibss", "station", "ap", "ap-vlan", "wds", "monitor", "mesh", "p2p-client", "p2p-go",
    "p2p-device", "ocb", "nan",
)  # fmt: skip
PLINK: Final = ("listen", "open-sent", "open-rcvd", "confirm-rcvd", "estab", "holding", "blocked")

STA_INACTIVE_TIME: Final = 1
STA_RX_BYTES: Final = 2
STA_TX_BYTES: Final = 3
STA_PLINK_STATE: Final = 6
STA_SIGNAL: Final = 7
STA_TX_FAILED: Final = 12
STA_RX_BYTES64: Final = 23
STA_TX_BYTES64: Final = 24
STA_EXPECTED_THROUGHPUT: Final = 27


class Attr(enum.IntEnum):
    """enum nl80211_attrs, as far as it is used."""

    WIPHY = 1
    WIPHY_NAME = 2
    IFINDEX = 3
    IFNAME = 4
    IFTYPE = 5
    MAC = 6
    BEACON_INTERVAL = 12
    STA_INFO = 21
    MESH_ID = 24
    SUPPORTED_IFTYPES = 32
    MESH_CONFIG = 35
    WIPHY_FREQ = 38
    WIPHY_CHANNEL_TYPE = 39
    SCAN_FREQUENCIES = 44
    SSID = 52
    FREQ_FIXED = 60
    CHANNEL_WIDTH = 159
    SPLIT_WIPHY_DUMP = 174


class Wiphy(msgspec.Struct, frozen=True):
    """One radio and the kinds of interface it supports."""

    index: int
    name: str
    kinds: frozenset[str] = frozenset()

    @property
    def mesh(self) -> bool:
        """Can it do 802.11s?"""
        return "mesh" in self.kinds

    @property
    def ibss(self) -> bool:
        """Can it do IBSS?"""
        return "ibss" in self.kinds


def radio(buffer: bytearray, start: int, end: int) -> Radio | None:
    """One interface; None for what has no network device (P2P).

    `freq_mhz` is told while it is joined. `mesh_id`: the SSID of an IBSS or network; an 802.11s mesh's id is
    not told (kernel 6.12, net/wireless/nl80211.c, nl80211_send_iface), there it is "".
    """
    found = nl.attributes(buffer, start + GENL_HEADER, end)
    index = nl.get_u32(buffer, found, Attr.IFINDEX)
    name = nl.get_text(buffer, found, Attr.IFNAME)
    if not index or not name:
        return None
    kind = nl.get_u32(buffer, found, Attr.IFTYPE) or 0
    return Radio(
        name=name,
        index=index,
        mac=nl.get_mac(buffer, found, Attr.MAC) or "",
        kind=KINDS[kind] if kind < len(KINDS) else str(kind),
        freq_mhz=nl.get_u32(buffer, found, Attr.WIPHY_FREQ),
        mesh_id=nl.get_text(buffer, found, Attr.MESH_ID) or nl.get_text(buffer, found, Attr.SSID) or "",
        phy=nl.get_u32(buffer, found, Attr.WIPHY),
    )


def station(buffer: bytearray, start: int, end: int) -> Station:
    """One station."""
    found = nl.attributes(buffer, start + GENL_HEADER, end)
    mac = nl.get_mac(buffer, found, Attr.MAC)
    place = found.get(Attr.STA_INFO)
    if mac is None or place is None:
        raise NetlinkFormatError("a station row without an address or data")
    info = nl.attributes(buffer, *place)
    inactive = nl.get_u32(buffer, info, STA_INACTIVE_TIME)
    if inactive is None:
        raise NetlinkFormatError(f"station {mac} without the time since it was heard")
    plink = nl.get_u8(buffer, info, STA_PLINK_STATE)
    rx = nl.get_u64(buffer, info, STA_RX_BYTES64)
    tx = nl.get_u64(buffer, info, STA_TX_BYTES64)
    return Station(
        mac=mac,
        inactive_age=age.seconds(inactive),
        signal_dbm=nl.get_s8(buffer, info, STA_SIGNAL),
        expected_kbit=nl.get_u32(buffer, info, STA_EXPECTED_THROUGHPUT),
        plink="" if plink is None else PLINK[plink] if plink < len(PLINK) else str(plink),
        rx_bytes=(nl.get_u32(buffer, info, STA_RX_BYTES) or 0) if rx is None else rx,
        tx_bytes=(nl.get_u32(buffer, info, STA_TX_BYTES) or 0) if tx is None else tx,
        tx_failed=nl.get_u32(buffer, info, STA_TX_FAILED) or 0,
    )


def wiphy(buffer: bytearray, start: int, end: int) -> Wiphy | None:
    """One part of a radio's description; its parts are put together by `merged`."""
    found = nl.attributes(buffer, start + GENL_HEADER, end)
    index = nl.get_u32(buffer, found, Attr.WIPHY)
    if index is None:
        return None
    place = found.get(Attr.SUPPORTED_IFTYPES)
    types = nl.attributes(buffer, *place) if place is not None else {}
    kinds = frozenset(KINDS[kind] for kind in types if kind < len(KINDS))
    return Wiphy(index, nl.get_text(buffer, found, Attr.WIPHY_NAME) or f"phy{index}", kinds)


def merged(parts: Iterable[Wiphy]) -> tuple[Wiphy, ...]:
    """One Wiphy per radio from the parts of a split dump."""
    found: dict[int, Wiphy] = {}
    for part in parts:
        known = found.get(part.index)
        kinds = part.kinds | known.kinds if known else part.kinds
        found[part.index] = Wiphy(part.index, part.name, kinds)
    return tuple(found.values())
