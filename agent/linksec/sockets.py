# SPDX-License-Identifier: Apache-2.0
"""TCP sockets of one interface: bound to it, link-local, hop limit 255 sent and demanded (GTSM, RFC 5082)."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

HOPS: Final = 255
BACKLOG: Final = 32  # connections the kernel completes before we look: two ticks of a full cell
USER_TIMEOUT_MS: Final = 15_000  # unacknowledged for so long, the kernel ends it: as our keep-alive does
IF_INET6: Final = Path("/proc/thread-self/net/if_inet6")  # address, index, prefix length, scope, flags, name
SCOPE_LINK: Final = 0x20
FLAG_TENTATIVE: Final = 0x40
_BIND_TO_DEVICE: Final = 25  # SO_BINDTODEVICE, asm-generic/socket.h
_IPV6_MINHOPCOUNT: Final = 73  # linux/in6.h
_TCP_USER_TIMEOUT: Final = 18  # linux/tcp.h


def link_local(name: str, table: Path = IF_INET6) -> str:
    """The interface's link-local address as text without scope; OSError where it has none yet."""
    for line in table.read_text().splitlines():
        fields = line.split()
        if len(fields) == 6 and fields[5] == name and int(fields[3], 16) & 0xF0 == SCOPE_LINK:
            if int(fields[4], 16) & FLAG_TENTATIVE:
                continue
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))
    raise OSError(f"{name} has no IPv6 link-local address; is net.ipv6.conf.{name}.disable_ipv6 0?")


def listener(name: str, port: int) -> socket.socket:
    """A listening socket, permanent: one opened on demand could be denied by whoever makes the demand."""
    made = _made(name)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(("::", port))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def dialler(name: str) -> socket.socket:
    """A socket that has not connected yet."""
    return _made(name)


def _made(name: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        made.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, name.encode() + b"\0")
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOPS)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, HOPS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, _TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    except OSError:
        made.close()
        raise
    return made
