# SPDX-License-Identifier: Apache-2.0
"""Where a gateway's way out leads and whom to ask beyond it, where the configuration does not say."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from agent.configgateway import MAX_TARGETS
from agent.kernel.routes import DefaultRoute, default_routes

if TYPE_CHECKING:
    from agent.config import Mesh

RESOLV_CONF: Final = Path("/etc/resolv.conf")
MAX_BYTES: Final = 16 * 1024


class Target(NamedTuple):
    """Whom to ask."""

    kind: Literal["icmp", "dns"]
    address: str
    configured: bool  # by a person


class WayOut:
    """`look` finds interface and targets; a way that vanished keeps the last ones, which then are silent."""

    def __init__(
        self,
        mesh: Mesh,
        routes: Callable[[], Sequence[DefaultRoute]] = default_routes,
        resolv_conf: Path = RESOLV_CONF,
    ) -> None:
        self._gateway = mesh.gateway
        self._inside = {mesh.name, mesh.primary, *(interface.name for interface in mesh.interfaces)}
        self._routes, self._resolv_conf = routes, resolv_conf
        self._interface = mesh.gateway.uplink or ""
        self._router = ""
        self._resolvers: tuple[str, ...] = ()

    def look(self) -> tuple[str, tuple[Target, ...]]:
        """(interface or "", targets)."""
        wanted = self._gateway.uplink
        route = next(
            (
                route
                for route in self._routes()
                if route.interface not in self._inside and wanted in (None, route.interface)
            ),
            None,
        )
        if route is not None:
            self._interface, self._router = route.interface, route.router
        self._resolvers = _nameservers(self._resolv_conf) or self._resolvers
        targets = [Target("icmp", address, True) for address in self._gateway.ping]
        if not targets and self._router:
            targets = [Target("icmp", self._router, False)]
        named = [Target("dns", address, True) for address in self._gateway.resolvers]
        return self._interface, (
            *targets,
            *(named or [Target("dns", address, False) for address in self._resolvers]),
        )


def _nameservers(path: Path) -> tuple[str, ...]:
    """Addresses of `nameserver` lines; () where there is no file or none in it."""
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return ()
    found: list[str] = []
    for words in (line.split() for line in lines):
        if len(words) >= 2 and words[0] == "nameserver" and _is_address(words[1]) and words[1] not in found:
            found.append(words[1])
    return tuple(found[:MAX_TARGETS])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
