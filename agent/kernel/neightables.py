# SPDX-License-Identifier: Apache-2.0
"""Limits of the kernel's tables of IP neighbours over rtnetlink: no sysctl, which a sandbox may forbid.

They belong to the whole machine: only its first network namespace may set them. Setting needs CAP_NET_ADMIN.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agent.kernel import netlink as nl
from agent.kernel.links import NETLINK_ROUTE
from agent.kernel.nlsocket import NetlinkSocket

# linux/rtnetlink.h, linux/neighbour.h
RTM_GETNEIGHTBL: Final = 66
RTM_SETNEIGHTBL: Final = 67
NDTA_NAME: Final = 1
NDTA_THRESH2: Final = 3
NDTA_THRESH3: Final = 4
HEADER: Final = 4  # struct ndtmsg: family and padding; all zero means every family


class NeighbourLimits(NamedTuple):
    """Entries above which old ones are dropped (gc_thresh2) and new ones refused (gc_thresh3)."""

    soft: int
    hard: int


class NeighbourTables:
    """Reads and sets limits; may be shared between threads. Every method raises KernelError."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket(NETLINK_ROUTE)

    def limits(self) -> dict[str, NeighbourLimits]:
        """By table: "arp_cache" (IPv4), "ndisc_cache" (IPv6)."""
        rows = self._socket.dump(
            RTM_GETNEIGHTBL, bytes(HEADER), row, "reading the limits of the neighbour tables"
        )
        return dict(rows)

    def set(self, table: str, limits: NeighbourLimits) -> None:
        """Both at once."""
        payload = bytes(HEADER) + nl.text(NDTA_NAME, table)
        payload += nl.u32(NDTA_THRESH2, limits.soft) + nl.u32(NDTA_THRESH3, limits.hard)
        self._socket.request(
            RTM_SETNEIGHTBL, payload, 0, f"setting the limits of the neighbour table {table} to {limits.hard}"
        )

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def row(buffer: bytearray, start: int, end: int) -> tuple[str, NeighbourLimits] | None:
    """One message of the dump; None for those of single interfaces, which have no limits."""
    found = nl.attributes(buffer, min(start + HEADER, end), end)
    name = nl.get_text(buffer, found, NDTA_NAME)
    soft, hard = nl.get_u32(buffer, found, NDTA_THRESH2), nl.get_u32(buffer, found, NDTA_THRESH3)
    if not name or soft is None or hard is None:
        return None
    return name, NeighbourLimits(soft, hard)
