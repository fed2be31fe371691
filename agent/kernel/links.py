# SPDX-License-Identifier: Apache-2.0
"""Network interfaces over rtnetlink: read, make, set, remove, in the namespace of the process.

Reading needs no privilege, changing needs CAP_NET_ADMIN. Every method raises KernelError.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Final

from agent.kernel import linkrows as rows
from agent.kernel import netlink as nl
from agent.kernel.errors import InterfaceGoneError, KernelError, from_errno
from agent.kernel.genl import interface_index
from agent.kernel.nlsocket import NetlinkSocket
from agent.readings import Link

NETLINK_ROUTE: Final = 0
RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22
IFLA_BATADV_ALGO_NAME: Final = 1
IFLA_IFALIAS: Final = 20
ALIAS_MAX: Final = 255  # bytes, IFALIASZ without its NUL
IFNAMSIZ: Final = 16  # bytes of an interface name with its NUL
NEW: Final = nl.NLM_F_CREATE | nl.NLM_F_EXCL


class Links:
    """Reads and sets interfaces; may be shared between threads."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket(NETLINK_ROUTE)

    def dump(self) -> tuple[Link, ...]:
        """Every interface with its counters."""
        return tuple(self._socket.dump(RTM_GETLINK, _info(0), rows.link, "reading the interfaces"))

    def get(self, name: str) -> Link | None:
        """One interface by name, None where there is none."""
        payload = _info(0) + nl.text(rows.IFLA_IFNAME, _checked(name))
        try:
            answer = self._socket.request(RTM_GETLINK, payload, 0, f"reading {name}")
        except InterfaceGoneError:
            return None
        return None if answer is None else rows.link(answer, 0, len(answer))

    def index(self, name: str) -> int:
        """The index of an interface. InterfaceGoneError."""
        return self._index(name)

    def name(self, index: int) -> str:
        """The name of the interface with this index. InterfaceGoneError."""
        try:
            return socket.if_indextoname(index)
        except (OSError, OverflowError):
            text = f"there is no interface with index {index}"
            raise InterfaceGoneError(text, "it was removed; look with `ip link`", errno.ENODEV) from None

    def create_batadv(self, name: str, algo: str = "BATMAN_V", mac: str | None = None) -> None:
        """Make a batman-adv mesh interface with a routing algorithm, its MAC random where none is given."""
        self._create(name, "batadv", nl.text(IFLA_BATADV_ALGO_NAME, algo), mac=mac)

    def create_dummy(self, name: str, mac: str | None = None) -> None:
        """Make a dummy interface, its MAC random where none is given."""
        self._create(name, "dummy", mac=mac)

    def delete(self, name: str) -> None:
        """Remove an interface."""
        self._socket.request(RTM_DELLINK, _info(self._index(name)), 0, f"removing {name}")

    def set_up(self, name: str) -> None:
        """Administratively up."""
        self._set(name, "setting {} up", flags=rows.IFF_UP, mask=rows.IFF_UP)

    def set_down(self, name: str) -> None:
        """Administratively down."""
        self._set(name, "setting {} down", mask=rows.IFF_UP)

    def set_mtu(self, name: str, mtu: int) -> None:
        """The MTU in bytes."""
        self._set(name, f"setting the MTU of {{}} to {mtu}", nl.u32(rows.IFLA_MTU, mtu))

    def set_mac(self, name: str, mac: str) -> None:
        """The MAC address; some drivers want the interface down for it."""
        self._set(
            name, f"setting the address of {{}} to {mac}", nl.attribute(rows.IFLA_ADDRESS, nl.mac_bytes(mac))
        )

    def set_master(self, name: str, master: str | None) -> None:
        """Put an interface under a master (a hardif into bat0), or with None out of any."""
        index = 0 if master is None else self._index(master)
        what = f"attaching {{}} to {master}" if master else "detaching {}"
        self._set(name, what, nl.u32(rows.IFLA_MASTER, index))

    def alias(self, name: str) -> str:
        """The text kept with an interface (`ip link set DEV alias TEXT`), "" where none."""
        payload = _info(0) + nl.text(rows.IFLA_IFNAME, _checked(name))
        answer = self._socket.request(RTM_GETLINK, payload, 0, f"reading the alias of {name}") or b""
        found = nl.attributes(answer, min(rows.IFINFO.size, len(answer)), len(answer))
        return nl.get_text(answer, found, IFLA_IFALIAS) or ""

    def set_alias(self, name: str, text: str) -> None:
        """Keep a text with an interface until it is removed, "" for none; cut at ALIAS_MAX bytes."""
        raw = text.encode()[:ALIAS_MAX]
        self._set(name, f"setting the alias of {{}} to {text!r}", nl.attribute(IFLA_IFALIAS, raw))

    def rename(self, name: str, new: str) -> None:
        """Another name; before kernel 6.2 only while it is down."""
        self._set(name, f"renaming {{}} to {new}", nl.text(rows.IFLA_IFNAME, _checked(new)))

    def add_address(self, name: str, address: str) -> None:
        """Add an IP address like "10.77.0.1/24"; one that is there already is no error."""
        try:
            self._address(RTM_NEWADDR, NEW, name, address, "adding")
        except KernelError as error:
            if error.errno != errno.EEXIST:
                raise

    def delete_address(self, name: str, address: str) -> None:
        """Remove an IP address; one that is not there is no error."""
        try:
            self._address(RTM_DELADDR, 0, name, address, "removing")
        except KernelError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise

    def addresses(self, name: str) -> tuple[str, ...]:
        """The IPv4 and IPv6 addresses of an interface, with their prefix lengths."""
        index = self._index(name)
        payload = rows.IFADDR.pack(0, 0, 0, 0, index)  # filtered by the kernel where it can (strict check)
        found = self._socket.dump(RTM_GETADDR, payload, rows.address, f"reading the addresses of {name}")
        return tuple(address for owner, address in found if owner == index)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _index(self, name: str) -> int:
        """Of the very interface, also where `index` is another's (agent/mesh/layered.py)."""
        found = interface_index(_checked(name))
        if found is None:
            raise InterfaceGoneError(f"interface {name} does not exist", "look with `ip link`", errno.ENODEV)
        return found

    def _create(self, name: str, kind: str, data: bytes = b"", mac: str | None = None) -> None:
        payload = _info(0) + nl.text(rows.IFLA_IFNAME, _checked(name))
        if mac is not None:
            payload += nl.attribute(rows.IFLA_ADDRESS, nl.mac_bytes(mac))
        inner = [nl.text(rows.IFLA_INFO_KIND, kind)]
        if data:
            inner.append(nl.nested(rows.IFLA_INFO_DATA, data))
        payload += nl.nested(rows.IFLA_LINKINFO, *inner)
        self._socket.request(RTM_NEWLINK, payload, NEW, f"creating {kind} interface {name}")

    def _set(self, name: str, what: str, change: bytes = b"", flags: int = 0, mask: int = 0) -> None:
        payload = _info(self._index(name), flags, mask) + change
        self._socket.request(RTM_NEWLINK, payload, 0, what.format(name))

    def _address(self, kind: int, flags: int, name: str, address: str, doing: str) -> None:
        ip = ipaddress.ip_interface(address)  # ValueError says what is wrong with it
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        payload = rows.IFADDR.pack(family, ip.network.prefixlen, 0, 0, self._index(name))
        payload += nl.attribute(rows.IFA_LOCAL, ip.packed) + nl.attribute(rows.IFA_ADDRESS, ip.packed)
        self._socket.request(kind, payload, flags, f"{doing} {address} on {name}")


def _info(index: int, flags: int = 0, mask: int = 0) -> bytes:
    return rows.IFINFO.pack(0, 0, index, flags, mask)


def _checked(name: str) -> str:
    if not 0 < len(name.encode()) < IFNAMSIZ or "/" in name or any(c.isspace() for c in name):
        raise from_errno(errno.EINVAL, f"interface name {name!r}: 1 to {IFNAMSIZ - 1} bytes, no '/' or blank")
    return name
