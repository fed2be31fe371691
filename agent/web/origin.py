# SPDX-License-Identifier: Apache-2.0
"""Where a form comes from: from which page (forged requests) and which network (actions are for its own)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping

LOCAL_NAMES = ("local", "lan", "internal", "home.arpa", "mesh")  # endings no public name has
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def foreign(headers: Mapping[str, str]) -> str:
    """Why the request was not sent by a page of this node, "" where nothing speaks against it.

    A missing Origin is no browser of this decade, or one that says Sec-Fetch-Site instead.
    """
    if why := _strange_host(headers.get("host", "")):
        return why
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin.lower() not in _origins(headers["host"].lower()):
        return "it was sent by another site's page"
    if origin is None and site not in (None, "same-origin", "none"):
        return "it was sent by another site's page"
    return ""


def same_page(headers: Mapping[str, str]) -> bool:
    """Was it sent by a page that was opened under the very name it is sent to, whosever name that is?"""
    return headers.get("origin", "").lower() in _origins(headers.get("host", "").lower())


def proven(headers: Mapping[str, str]) -> bool:
    """Does the browser itself say that a page of this node sent it?"""
    return not foreign(headers) and ("origin" in headers or headers.get("sec-fetch-site") == "same-origin")


def outside(address: str, allowed: Iterable[str], own: Callable[[], Iterable[str]]) -> bool:
    """Is the client neither on the node itself nor in a network whose people may act?

    `allowed`: networks; where there are none, link-local and private ones and `own()`, the node's subnets.
    """
    try:
        client = _plain(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return True
    if client.is_loopback:
        return False
    networks = [_network(text) for text in allowed]
    if not networks:
        if client.is_link_local or client.is_private:
            return False
        networks = [_network(text) for text in own()]
    return not any(network is not None and client in network for network in networks)


def key_of(address: str, loopback: str) -> str:
    """The address as wrong PINs are counted by: without zone, mapped ones as IPv4, loopback as one."""
    try:
        client = _plain(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address[:64]
    return loopback if client.is_loopback else str(client)


def _plain(address: _Address) -> _Address:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _origins(host: str) -> tuple[str, str]:
    return (f"http://{host}", f"https://{host}")


def _strange_host(host: str) -> str:
    """A public name may be an attacker's that was made to point here (DNS rebinding): only what cannot be."""
    name = host.lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        local = "." not in name or name.endswith(tuple(f".{ending}" for ending in LOCAL_NAMES))
        if not name or not local:
            return "the page was opened by a name that may be anyone's; open it by the node's address"
    return ""
