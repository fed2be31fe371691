# SPDX-License-Identifier: Apache-2.0
"""The default routes of the main table, from /proc/net. No privilege needed; of this process' namespace."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

PROC: Final = Path("/proc/net")
MAX_BYTES: Final = 256 * 1024  # read of a table: a router with a full table has its default among the first
RTF_UP: Final = 0x1
RTF_GATEWAY: Final = 0x2
RTF_REJECT: Final = 0x200
ZEROS: Final = "0" * 32


class DefaultRoute(msgspec.Struct, frozen=True):
    """A way out: interface, the router's address ("" for a point-to-point link), metric."""

    interface: str
    router: str
    metric: int


def default_routes(proc: Path = PROC) -> tuple[DefaultRoute, ...]:
    """The best first, IPv4 before IPv6 of the same metric; lines that are none are passed over."""
    found = [*_table(proc / "route", _v4), *_table(proc / "ipv6_route", _v6)]
    return tuple(sorted(found, key=lambda route: route.metric))


def _table(path: Path, row: Callable[[list[str]], DefaultRoute | None]) -> list[DefaultRoute]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("ascii", "replace")
    except OSError:
        return []  # without IPv6 there is no such table
    found: list[DefaultRoute] = []
    for line in text.splitlines():
        try:
            route = row(line.split())
        except (ValueError, IndexError, OverflowError):
            continue
        if route is not None:
            found.append(route)
    return found


def _v4(words: list[str]) -> DefaultRoute | None:
    """Iface Destination Gateway Flags RefCnt Use Metric Mask ..."""
    flags, mask = int(words[3], 16), int(words[7], 16)
    if int(words[1], 16) or mask or not flags & RTF_UP or flags & RTF_REJECT:
        return None
    raw = int(words[2], 16).to_bytes(4, sys.byteorder)  # the kernel prints the word as it lies in memory
    router = str(ipaddress.IPv4Address(raw)) if flags & RTF_GATEWAY else ""
    return DefaultRoute(words[0], router, int(words[6]))


def _v6(words: list[str]) -> DefaultRoute | None:
    """Destination prefix Source prefix Router metric refs use flags Iface."""
    flags = int(words[8], 16)
    if words[0] != ZEROS or words[1] != "00" or words[9] == "lo":
        return None
    if not flags & RTF_UP or flags & RTF_REJECT:
        return None
    router = ""
    if flags & RTF_GATEWAY:
        address = ipaddress.IPv6Address(bytes.fromhex(words[4]))
        router = f"{address}%{words[9]}" if address.is_link_local else str(address)
    return DefaultRoute(words[9], router, int(words[5], 16))
