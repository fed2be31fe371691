# SPDX-License-Identifier: Apache-2.0
"""batman-adv's answers, decoded: attributes in, readings out. Pure.

Some decoders are made with a look-up of names: a row of an older kernel has its hardif's index only.
A row without the attributes that make it one is nonsense: NetlinkFormatError.
"""

from __future__ import annotations

import enum
import socket
from collections.abc import Callable
from typing import Final, TypeVar

from agent.kernel import age
from agent.kernel import netlink as nl
from agent.kernel.errors import InterfaceGoneError, NetlinkFormatError
from agent.kernel.genl import GENL_HEADER
from agent.readings import TUNIT, Gateway, Hardif, Mesh, Neighbour, Originator

T = TypeVar("T")
Row = Callable[[bytearray, int, int], T]
Names = Callable[[int], str]
GW_MODES: Final = ("off", "client", "server")


class Attr(enum.IntEnum):
    """enum batadv_nl_attrs, as far as it is used."""

    ALGO_NAME = 2
    MESH_IFINDEX = 3
    MESH_IFNAME = 4
    HARD_IFINDEX = 6
    HARD_IFNAME = 7
    HARD_ADDRESS = 8
    ORIG_ADDRESS = 9
    ACTIVE = 15
    FLAG_BEST = 22
    LAST_SEEN_MSECS = 23
    NEIGH_ADDRESS = 24
    THROUGHPUT = 26
    BANDWIDTH_UP = 27
    BANDWIDTH_DOWN = 28
    ROUTER = 29
    AGGREGATED_OGMS_ENABLED = 41
    BONDING_ENABLED = 45
    BRIDGE_LOOP_AVOIDANCE_ENABLED = 46
    DISTRIBUTED_ARP_TABLE_ENABLED = 47
    FRAGMENTATION_ENABLED = 48
    GW_BANDWIDTH_DOWN = 49
    GW_BANDWIDTH_UP = 50
    GW_MODE = 51
    GW_SEL_CLASS = 52
    HOP_PENALTY = 53
    ORIG_INTERVAL = 57
    ELP_INTERVAL = 58
    THROUGHPUT_OVERRIDE = 59


# Enum members as plain numbers: looking one up in an enum costs more than decoding the value.
_HARD_IFINDEX: Final = int(Attr.HARD_IFINDEX)
_HARD_IFNAME: Final = int(Attr.HARD_IFNAME)
_ORIG_ADDRESS: Final = int(Attr.ORIG_ADDRESS)
_FLAG_BEST: Final = int(Attr.FLAG_BEST)
_LAST_SEEN: Final = int(Attr.LAST_SEEN_MSECS)
_NEIGH_ADDRESS: Final = int(Attr.NEIGH_ADDRESS)
_THROUGHPUT: Final = int(Attr.THROUGHPUT)


def index_name(index: int) -> str:
    """The name of an interface of this namespace. InterfaceGoneError: there is none of that index."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        raise InterfaceGoneError(
            f"interface {index} does not exist", "it was removed while being read"
        ) from None


def mesh(answer: bytes, index: int, names: Names) -> Mesh:
    """The answer to GET_MESH."""
    found = nl.attributes(answer, 0, len(answer))
    mode = nl.get_u8(answer, found, Attr.GW_MODE) or 0
    return Mesh(
        name=nl.get_text(answer, found, Attr.MESH_IFNAME) or names(index),
        index=index,
        mac=nl.get_mac(answer, found, Attr.HARD_ADDRESS) or "",
        algo=nl.get_text(answer, found, Attr.ALGO_NAME) or "",
        ogm_interval_ms=_must(nl.get_u32(answer, found, Attr.ORIG_INTERVAL), "an OGM interval", "mesh"),
        hop_penalty=_must(nl.get_u8(answer, found, Attr.HOP_PENALTY), "a hop penalty", "mesh"),
        gw_mode=GW_MODES[mode] if mode < len(GW_MODES) else str(mode),
        bla=bool(nl.get_u8(answer, found, Attr.BRIDGE_LOOP_AVOIDANCE_ENABLED)),
        bonding=bool(nl.get_u8(answer, found, Attr.BONDING_ENABLED)),
        gw_down_kbit=_hundreds(nl.get_u32(answer, found, Attr.GW_BANDWIDTH_DOWN)),
        gw_up_kbit=_hundreds(nl.get_u32(answer, found, Attr.GW_BANDWIDTH_UP)),
        gw_sel_kbit=_hundreds(nl.get_u32(answer, found, Attr.GW_SEL_CLASS)),
    )


def hardif(names: Names) -> Row[Hardif]:
    """Decoder of GET_HARDIF rows."""

    def decode(buffer: bytearray, start: int, end: int) -> Hardif:
        found = nl.attributes(buffer, start + GENL_HEADER, end)
        index = _must(nl.get_u32(buffer, found, Attr.HARD_IFINDEX), "an index", "hardif")
        override = nl.get_u32(buffer, found, Attr.THROUGHPUT_OVERRIDE)
        return Hardif(
            name=nl.get_text(buffer, found, Attr.HARD_IFNAME) or names(index),
            index=index,
            mac=_must(nl.get_mac(buffer, found, Attr.HARD_ADDRESS), "an address", "hardif"),
            active=Attr.ACTIVE in found,
            elp_interval_ms=nl.get_u32(buffer, found, Attr.ELP_INTERVAL),
            throughput_override_kbit=None if override is None else override * TUNIT,
        )

    return decode


def neighbour(names: Names) -> Row[Neighbour]:
    """Decoder of GET_NEIGHBORS rows."""
    get_u32, get_mac, walk = nl.get_u32, nl.get_mac, nl.attributes

    def decode(buffer: bytearray, start: int, end: int) -> Neighbour:
        found = walk(buffer, start + GENL_HEADER, end)
        seen = get_u32(buffer, found, _LAST_SEEN)
        mac = get_mac(buffer, found, _NEIGH_ADDRESS)
        if seen is None or mac is None:
            raise NetlinkFormatError("a neighbour row without an address or age")
        name = _hardif_name(buffer, found, names)
        return Neighbour(name, mac, age.seconds(seen), get_u32(buffer, found, _THROUGHPUT))

    return decode


def originator(names: Names) -> Row[Originator]:
    """Decoder of GET_ORIGINATORS rows."""
    get_u32, get_mac, walk = nl.get_u32, nl.get_mac, nl.attributes

    def decode(buffer: bytearray, start: int, end: int) -> Originator:
        found = walk(buffer, start + GENL_HEADER, end)
        seen = get_u32(buffer, found, _LAST_SEEN)
        mac = get_mac(buffer, found, _ORIG_ADDRESS)
        via = get_mac(buffer, found, _NEIGH_ADDRESS)
        if seen is None or mac is None or via is None:
            raise NetlinkFormatError("an originator row without addresses or age")
        name = _hardif_name(buffer, found, names)
        return Originator(
            mac, via, name, age.seconds(seen), get_u32(buffer, found, _THROUGHPUT), _FLAG_BEST in found
        )

    return decode


def gateway(buffer: bytearray, start: int, end: int) -> Gateway:
    """One GET_GATEWAYS row."""
    found = nl.attributes(buffer, start + GENL_HEADER, end)
    throughput = nl.get_u32(buffer, found, Attr.THROUGHPUT)
    return Gateway(
        mac=_must(nl.get_mac(buffer, found, Attr.ORIG_ADDRESS), "an address", "gateway"),
        router=_must(nl.get_mac(buffer, found, Attr.ROUTER), "a router", "gateway"),
        down_kbit=_must(nl.get_u32(buffer, found, Attr.BANDWIDTH_DOWN), "a bandwidth", "gateway") * TUNIT,
        up_kbit=_must(nl.get_u32(buffer, found, Attr.BANDWIDTH_UP), "a bandwidth", "gateway") * TUNIT,
        best=Attr.FLAG_BEST in found,
        throughput_kbit=None if throughput is None else throughput * TUNIT,
    )


def count(_buffer: bytearray, _start: int, _end: int) -> bool:
    """A row that is only counted."""
    return True


def _hardif_name(buffer: bytearray, found: nl.Attributes, names: Names) -> str:
    place = found.get(_HARD_IFNAME)
    if place is not None:
        return (
            buffer[place[0] : min(place[1], place[0] + nl.MAX_TEXT)]
            .split(b"\0", 1)[0]
            .decode(errors="replace")
        )
    return names(_must(nl.get_u32(buffer, found, _HARD_IFINDEX), "a hardif", "table"))


def _hundreds(value: int | None) -> int | None:
    """100 kbit/s in kbit/s."""
    return None if value is None else value * TUNIT


def _must(value: T | None, thing: str, row: str) -> T:
    if value is None:
        raise NetlinkFormatError(f"a {row} row without {thing}")
    return value
