# SPDX-License-Identifier: Apache-2.0
"""rtnetlink's rows, decoded: RTM_NEWLINK and RTM_NEWADDR in, readings out. Pure."""

from __future__ import annotations

import ipaddress
import socket
from struct import Struct
from typing import Final

from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError
from agent.readings import Link

IFINFO: Final = Struct("=BxHiII")  # struct ifinfomsg: family, hardware type, index, flags, mask of flags
IFADDR: Final = Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
IFF_UP: Final = 0x1
IFF_LOWER_UP: Final = (
    0x10000  # running and with carrier; of an interface that is down nobody knows its carrier
)
IFLA_ADDRESS: Final = 1
IFLA_IFNAME: Final = 3
IFLA_MTU: Final = 4
IFLA_LINK: Final = 5
IFLA_MASTER: Final = 10
IFLA_LINKINFO: Final = 18
IFLA_STATS64: Final = 23
IFLA_PERM_ADDRESS: Final = 54
IFLA_INFO_KIND: Final = 1
IFLA_INFO_DATA: Final = 2
IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2
# struct rtnl_link_stats64 begins with rx and tx each of packets, bytes, errors, dropped
STATS64: Final = Struct("=8Q")
NO_STATS: Final = (0,) * 8


def link(buffer: bytearray | bytes, start: int, end: int) -> Link:
    """One RTM_NEWLINK (or RTM_DELLINK) payload."""
    if end - start < IFINFO.size:
        raise NetlinkFormatError(f"a link row of {end - start} bytes")
    _family, _type, index, flags, _mask = IFINFO.unpack_from(buffer, start)
    found = nl.attributes(buffer, start + IFINFO.size, end)
    name = nl.get_text(buffer, found, IFLA_IFNAME)
    if not name:
        raise NetlinkFormatError(f"the row of link {index} without a name")
    place = found.get(IFLA_STATS64)
    stats = NO_STATS
    if place is not None and place[1] - place[0] >= STATS64.size:
        stats = STATS64.unpack_from(buffer, place[0])
    kind = ""
    info = found.get(IFLA_LINKINFO)
    if info is not None:
        kind = nl.get_text(buffer, nl.attributes(buffer, *info), IFLA_INFO_KIND) or ""
    address = nl.get_bytes(buffer, found, IFLA_ADDRESS) or b""
    return Link(
        name,
        index,
        address[:32].hex(":"),  # MAX_ADDR_LEN; 6 bytes for everything a mesh is made of
        nl.get_u32(buffer, found, IFLA_MTU) or 0,
        bool(flags & IFF_UP),
        bool(flags & IFF_LOWER_UP),
        kind,
        nl.get_u32(buffer, found, IFLA_MASTER) or 0,
        nl.get_u32(buffer, found, IFLA_LINK) or 0,
        rx_packets=stats[0],
        tx_packets=stats[1],
        rx_bytes=stats[2],
        tx_bytes=stats[3],
        rx_errors=stats[4],
        tx_errors=stats[5],
        rx_dropped=stats[6],
        tx_dropped=stats[7],
        permanent_mac=(nl.get_bytes(buffer, found, IFLA_PERM_ADDRESS) or b"")[:32].hex(":"),
    )


def address(buffer: bytearray | bytes, start: int, end: int) -> tuple[int, str] | None:
    """One RTM_NEWADDR payload: (interface index, "10.77.0.1/24"); None for a family that is not IP."""
    if end - start < IFADDR.size:
        raise NetlinkFormatError(f"an address row of {end - start} bytes")
    family, prefix, _flags, _scope, index = IFADDR.unpack_from(buffer, start)
    size = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    if size is None:
        return None
    found = nl.attributes(buffer, start + IFADDR.size, end)
    raw = nl.get_bytes(buffer, found, IFA_LOCAL) or nl.get_bytes(buffer, found, IFA_ADDRESS) or b""
    if len(raw) != size:
        raise NetlinkFormatError(f"an IP address of {len(raw)} bytes on interface {index}")
    return index, f"{ipaddress.ip_address(raw)}/{prefix}"
