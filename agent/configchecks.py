# SPDX-License-Identifier: Apache-2.0
"""Checks that span several fields or need more than a pattern."""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Sequence

from agent import configidentitychecks, configpolicychecks
from agent.config import Config, Interface, host_port
from agent.configsecurity import check_links
from agent.configservices import Probe, Service
from agent.configwalk import Walk


def check(config: Config, walk: Walk) -> None:
    """Report all that does not fit together."""
    _interfaces(config, walk)
    check_links(config, walk)
    _timers(config, walk)
    _addresses(config, walk)
    _gateway(config, walk)
    _modes(config, walk)
    _services(config.services, walk)
    _listen(config, walk)
    configidentitychecks.check(config.identity, walk, _host_port)
    configpolicychecks.check(config.policy, walk)


def _interfaces(config: Config, walk: Walk) -> None:
    mesh = config.mesh
    first: dict[str, str] = {}
    for index, interface in enumerate(mesh.interfaces):
        key = walk.item("mesh.interfaces", index)
        name = f"{key}.name"
        if interface.name in first:
            found = f"{interface.name} a second time (first as {first[interface.name]})"
            walk.problem(name, found, "each interface once", "delete one of the two")
        first.setdefault(interface.name, key)
        if interface.name == mesh.primary:
            mend = "remove it from the list: the agent makes this dummy by itself"
            walk.problem(name, f"the primary {mesh.primary}", "wires and radios", mend, ("mesh.primary",))
        if interface.name == mesh.name:
            mend = "list the interfaces the mesh runs over, not the mesh itself"
            walk.problem(name, f"the mesh interface {mesh.name}", "wires and radios", mend, ("mesh.name",))
        _interface(interface, key, walk)
    if mesh.primary == mesh.name:
        mend = "give the primary another name, e.g. x0prim"
        walk.problem(
            "mesh.primary", f"the mesh's own name {mesh.name}", "a name of its own", mend, ("mesh.name",)
        )


def _interface(interface: Interface, key: str, walk: Walk) -> None:
    kind = (f"{key}.kind",)
    if interface.kind == "radio":
        if interface.frequency is None:
            mend = "add frequency, the same on every node, e.g. frequency: 2412 for channel 1"
            walk.problem(f"{key}.frequency", "a radio without frequency", "2412 to 7115 MHz", mend, kind)
        if interface.throughput != "auto":
            mend = "delete it: a radio's throughput is measured"
            walk.problem(
                f"{key}.throughput", f"{interface.throughput} on a radio", "auto on radios", mend, kind
            )
        return
    for name in ("mode", "mesh_id", "frequency", "country"):
        if f"{key}.{name}" in walk.places:
            mend = f"delete {name}, or set kind: radio"
            walk.problem(f"{key}.{name}", f"{name} on a wire", "only on radios", mend, kind)


def _timers(config: Config, walk: Walk) -> None:
    mesh, healing = config.mesh, config.healing
    elp, ogm = mesh.elp_interval, mesh.ogm_interval
    if isinstance(elp, int) and isinstance(ogm, int) and elp > ogm:
        mend = f"set elp_interval to {max(20, ogm // 2)}: links are measured before ways are announced"
        walk.problem(
            "mesh.elp_interval", f"{elp} ms", f"at most ogm_interval, {ogm} ms", mend, ("mesh.ogm_interval",)
        )
    if healing.cooldown_max < healing.cooldown_first:
        found, allowed = (
            f"{healing.cooldown_max:g} s",
            f"at least cooldown_first, {healing.cooldown_first:g} s",
        )
        key, other = "healing.cooldown_max", "healing.cooldown_first"
        walk.problem(key if key in walk.places else other, found, allowed, "raise cooldown_max", (key, other))


def _addresses(config: Config, walk: Walk) -> None:
    seen: set[str] = set()
    for index, address in enumerate(config.mesh.address):
        key = walk.item("mesh.address", index)
        host = address.partition("/")[0]
        try:
            ipaddress.ip_interface(address)
        except ValueError:
            mend = "write ADDRESS/PREFIX, e.g. 10.77.0.1/24 or fd77::1/64"
            walk.problem(key, address[:60], "an IPv4 or IPv6 address with its prefix length", mend)
            continue
        if "/" not in address:
            length = 64 if ":" in address else 24
            walk.problem(
                key, f"{address} without prefix length", "ADDRESS/PREFIX", f"write {address}/{length}"
            )
        if host in seen:
            walk.problem(key, f"{host} a second time", "each address once", "delete one of the two")
        seen.add(host)


def _gateway(config: Config, walk: Walk) -> None:
    mesh, gateway = config.mesh, config.mesh.gateway
    for name in ("uplink", "ping", "resolvers"):
        key = f"mesh.gateway.{name}"
        if gateway.mode != "server" and getattr(gateway, name):
            mend = f"delete {name}, or set mode: server"
            walk.problem(key, f"{name} on a node that is no server", "only with mode: server", mend)
    if gateway.uplink in {mesh.name, mesh.primary, *(interface.name for interface in mesh.interfaces)}:
        mend = "name the interface that leads out of the mesh, as `ip route` shows it"
        walk.problem("mesh.gateway.uplink", f"{gateway.uplink} of the mesh", "one outside the mesh", mend)
    for name in ("ping", "resolvers"):
        seen: set[str] = set()
        for index, target in enumerate(getattr(gateway, name)):
            key = walk.item(f"mesh.gateway.{name}", index)
            try:
                ipaddress.ip_address(target)
            except ValueError:
                mend = "write the address itself, e.g. 192.0.2.1 or 2001:db8::1"
                walk.problem(key, target[:60], "an IPv4 or IPv6 address", mend)
                continue
            if target in seen:
                walk.problem(key, f"{target} a second time", "each address once", "delete one of the two")
            seen.add(target)


def _modes(config: Config, walk: Walk) -> None:
    mesh = config.mesh
    if config.mode == "heal" and not mesh.enabled:
        mend = "set mode: observe, or mesh.enabled: true"
        walk.problem(
            "mode",
            "heal with mesh.enabled: false",
            "observe where no mesh is set up",
            mend,
            ("mesh.enabled",),
        )
    if mesh.enabled and not mesh.interfaces and not any(k.startswith("mesh.interfaces[") for k in walk.bad):
        mend = "list the interfaces the mesh runs over, or set mesh.enabled: false to observe only"
        walk.problem("mesh.interfaces", "none", "at least one interface", mend, ("mesh", "mesh.enabled"))


def _services(services: Sequence[Service], walk: Walk) -> None:
    first: dict[str, str] = {}
    for index, service in enumerate(services):
        key = walk.item("services", index)
        both = (f"{key}.unit", f"{key}.command")
        if service.name in first:
            found = f"{service.name} a second time (first as {first[service.name]})"
            walk.problem(f"{key}.name", found, "each name once", "give one of them another name")
        first.setdefault(service.name, key)
        if service.unit is not None and service.command:
            mend = "delete command (systemd runs it) or unit (the agent runs it)"
            walk.problem(key, "both unit and command", "one of the two", mend, both)
        if service.unit is None and not service.command:
            mend = f"add unit: {service.name}.service, or command: [PROGRAM, ARGUMENT, ...]"
            walk.problem(key, "neither unit nor command", "one of the two", mend, both)
        if service.unit is not None and "." not in service.unit:
            walk.problem(f"{key}.unit", service.unit, "a unit's full name", f"write {service.unit}.service")
        if service.probe is not None:
            _probe(service.probe, f"{key}.probe", walk)


def _probe(probe: Probe, key: str, walk: Walk) -> None:
    kinds = [kind for kind in probe.__struct_fields__ if getattr(probe, kind) is not None]
    if any(bad.startswith(f"{key}.") for bad in walk.bad):
        return
    if len(kinds) != 1:
        found = f"{len(kinds)} kinds of probe" if kinds else "no kind of probe"
        walk.problem(
            key,
            found,
            f"one of {', '.join(probe.__struct_fields__)}",
            "leave exactly one, e.g. tcp: 127.0.0.1:80",
        )
        return
    kind, target = probe.target()
    if kind in {"tcp", "mqtt"}:
        _host_port(f"{key}.{kind}", target, "127.0.0.1:1883", walk)
    if kind == "http":
        _url(f"{key}.http", target, walk)


def _url(key: str, url: str, walk: Walk) -> None:
    """Loopback only: a probe must say how this node's service does, not how the way to it does."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback or parts.scheme != "http":
        mend = "write http://127.0.0.1:PORT/PATH"
        walk.problem(key, url[:60], "an http URL on loopback", mend)


def _listen(config: Config, walk: Walk) -> None:
    _host_port("web.listen", config.web.listen, "0.0.0.0:8080", walk)
    for index, network in enumerate(config.web.actions_from):
        try:
            ipaddress.ip_network(network)
        except ValueError:
            mend = "write ADDRESS/PREFIX without host bits, e.g. 10.77.0.0/16 or fd77::/48"
            walk.problem(walk.item("web.actions_from", index), network[:60], "an IPv4 or IPv6 network", mend)


def _host_port(key: str, text: str, example: str, walk: Walk) -> None:
    try:
        host, _ = host_port(text)
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        walk.problem(key, text[:60], "HOST:PORT", f"write it like {example} (an IPv6 host as [::1]:PORT)")
