# SPDX-License-Identifier: Apache-2.0
"""One UDP/IPv6 socket on one interface: multicast out, on-link datagrams in.

Bound to the interface, hop limit 255 sent and demanded (GTSM, RFC 5082: no router can have passed it on),
source link-local. What is asked about the interface is asked through the socket, so that it holds in the
socket's network namespace.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct

from agent.hello.errors import ChannelError
from agent.hello.message import MAX_BYTES, mac_text

HELLO_GROUP = "ff02::7077"  # link-local scope; unassigned by IANA
ALL_NODES = "ff02::1"  # always flooded by batman-adv, whatever its multicast optimisation knows
HOP_LIMIT = 255
DRAIN_MAX = 64  # datagrams taken per wake-up; a flood cannot hold the loop
RECEIVE_BUFFER = 64 * 1024  # kernel memory for what waits; about 40 datagrams
_BIND_TO_DEVICE = 25  # SO_BINDTODEVICE, asm-generic/socket.h
_SIOCGIFINDEX, _SIOCGIFHWADDR, _SIOCGIFFLAGS = 0x8933, 0x8927, 0x8913
_IFF_UP = 1
_IPV6_RECVHOPLIMIT, _IPV6_HOPLIMIT = 51, 52  # linux/in6.h; not in the socket module on every platform
_ANCILLARY_SPACE = socket.CMSG_SPACE(4)


class Channel:
    """An open socket on one interface. `index` and `mac` are the interface's when it was opened."""

    def __init__(self, name: str, port: int, group: str = HELLO_GROUP) -> None:
        """Open and join; ChannelError where the interface is missing, down or has no right address yet.

        So it is where the kernel gives no socket (no IPv6, too many files).
        """
        self.name, self.port, self.group = name, port, group
        try:
            self._socket = socket.socket(
                socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            )
        except OSError as error:
            raise _explained(name, "opening the hello socket", error) from error
        try:
            self.index, self.mac = self._ask()
            self._prepare()
        except OSError as error:
            self._socket.close()
            raise _explained(name, "opening the hello socket", error) from error
        self.dropped = 0  # datagrams not from the link or too long

    def _prepare(self) -> None:
        sock = self._socket
        sock.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, self.name.encode() + b"\0")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart finds the port free
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        v6 = socket.IPPROTO_IPV6
        sock.setsockopt(v6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(v6, socket.IPV6_MULTICAST_HOPS, HOP_LIMIT)
        sock.setsockopt(v6, socket.IPV6_MULTICAST_LOOP, 0)
        sock.setsockopt(v6, socket.IPV6_MULTICAST_IF, self.index)
        sock.setsockopt(v6, _IPV6_RECVHOPLIMIT, 1)
        sock.bind(("::", self.port))
        if self.group != ALL_NODES:  # of which everyone is a member
            request = socket.inet_pton(socket.AF_INET6, self.group) + struct.pack("=I", self.index)
            sock.setsockopt(v6, socket.IPV6_JOIN_GROUP, request)

    def _ask(self) -> tuple[int, str]:
        """(index, MAC) of the interface now; OSError where it is missing or down."""
        request = struct.pack("16s24x", self.name.encode())
        index = struct.unpack_from("=i", fcntl.ioctl(self._socket, _SIOCGIFINDEX, request), 16)[0]
        if not struct.unpack_from("=H", fcntl.ioctl(self._socket, _SIOCGIFFLAGS, request), 16)[0] & _IFF_UP:
            raise OSError(errno.ENETDOWN, "interface is down")
        mac = fcntl.ioctl(self._socket, _SIOCGIFHWADDR, request)[18:24]
        return index, mac_text(mac)

    def fileno(self) -> int:
        """For the event loop."""
        return self._socket.fileno()

    def current(self) -> bool:
        """Is the interface still the one this was opened on: same index and MAC, and up?"""
        try:
            return self._ask() == (self.index, self.mac)
        except OSError:
            return False

    def send(self, data: bytes) -> None:
        """Multicast one datagram; a full queue loses it (the next one follows), ChannelError otherwise."""
        try:
            self._socket.sendto(data, (self.group, self.port, 0, self.index))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return
            raise _explained(self.name, "sending a hello", error) from error

    def receive(self) -> list[tuple[bytes, str]]:
        """What has arrived from the link: (datagram, source address without scope); at most `DRAIN_MAX`."""
        got: list[tuple[bytes, str]] = []
        for _ in range(DRAIN_MAX):
            try:
                data, ancillary, flags, source = self._socket.recvmsg(MAX_BYTES, _ANCILLARY_SPACE)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                raise _explained(self.name, "receiving hellos", error) from error
            address = str(source[0]).partition("%")[0]
            if flags & socket.MSG_TRUNC or not _on_link(ancillary, address):
                self.dropped += 1
                continue
            got.append((data, address))
        return got

    def close(self) -> None:
        """Leave the group and close."""
        self._socket.close()


def _on_link(ancillary: list[tuple[int, int, bytes]], address: str) -> bool:
    if not address.lower().startswith(("fe8", "fe9", "fea", "feb")):  # fe80::/10
        return False
    for level, kind, value in ancillary:
        if level == socket.IPPROTO_IPV6 and kind == _IPV6_HOPLIMIT and len(value) >= 4:
            return bool(struct.unpack_from("=i", value)[0] == HOP_LIMIT)
    return False


_MENDS = {
    errno.ENODEV: "the interface does not exist; it is tried again when it appears",
    errno.ENETDOWN: "the interface is down; `ip link set DEV up`",
    errno.EPERM: "run the agent with CAP_NET_RAW",
    errno.EADDRNOTAVAIL: "it has no IPv6 link-local address yet; is net.ipv6.conf.DEV.disable_ipv6 0?",
    errno.ENETUNREACH: "it has no IPv6 link-local address yet; is net.ipv6.conf.DEV.disable_ipv6 0?",
    errno.EADDRINUSE: "another program uses hello.port on it; `ss -ulnp`",
    errno.EAFNOSUPPORT: "the kernel has no IPv6; start it without ipv6.disable=1",
    errno.EMFILE: "the agent has too many files open; restart it and raise LimitNOFILE",
    errno.ENFILE: "the machine has too many files open; raise fs.file-max",
    errno.ENOBUFS: "the kernel has no memory left; it is tried again",
    errno.ENOMEM: "the kernel has no memory left; it is tried again",
}


def _explained(name: str, what: str, error: OSError) -> ChannelError:
    mend = _MENDS.get(error.errno or 0, "it is tried again")
    return ChannelError(f"{what} on {name}: {error.strerror or error}: {mend}", error.errno or 0)
