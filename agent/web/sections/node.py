# SPDX-License-Identifier: Apache-2.0
"""Section 6: the machine, its gateway and its services; and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from agent.web.html import section, terms
from agent.web.words import Words


def render(status: dict[str, Any], w: Words) -> str:
    """Only what is known."""
    rows = [(w("node.name"), str(status["node"]))]
    if status.get("location"):
        rows.append((w("node.location"), str(status["location"])))
    rows.append((w("node.mode"), w("mode." + status["mode"])))
    rows += _host(status["host"] or {}, w)
    rows.append((w("node.agent"), w.duration(status["uptime"])))
    rows += _mesh(status["mesh"], w)
    rows += [
        (w("node.service", name=row["name"]), f"{w('service.' + row['state'])} {row['detail']}".strip())
        for row in status["services"]
    ]
    return section("node", w("node.title"), terms((escape(key), escape(value)) for key, value in rows))


def errors(status: dict[str, Any], w: Words) -> str:
    """Readings that fail, with the system's own words; empty where all can be read."""
    rows = [(escape(key), escape(value)) for key, value in status["errors"].items()]
    return section("errors", w("errors.title"), f'<div lang="en">{terms(rows)}</div>' if rows else "")


def _host(host: dict[str, Any], w: Words) -> Iterator[tuple[str, str]]:
    if host.get("uptime_s") is not None:
        yield w("node.uptime"), w.duration(host["uptime_s"])
    for name, free, total in (("memory", "mem_available", "mem_total"), ("disk", "disk_free", "disk_total")):
        if host.get(total) and host.get(free) is not None:
            yield w("node." + name), w("free", free=w.size(host[free]), total=w.size(host[total]))
    if host.get("temperature_c") is not None:
        limit = f" ({w('node.limit', n=w.number(host['heat']['limit']))})" if host.get("heat") else ""
        yield w("node.temperature"), f"{w.number(host['temperature_c'])} °C{limit}"
    if host.get("under_voltage"):
        yield w("node.power"), w("node.weak")
    if host.get("root_read_only"):
        yield w("node.root"), w("node.read-only")
    if host.get("clock_synchronised") is not None:
        yield w("node.clock"), _clock(host, w)


def _clock(host: dict[str, Any], w: Words) -> str:
    """How far its time can be trusted."""
    if host["clock_synchronised"]:
        return w("clock.good")
    age = (host.get("clock") or {}).get("unsynchronised_age")
    return w("clock.bad") if age is None else w("clock.since", time=w.duration(age))


def _mesh(mesh: dict[str, Any] | None, w: Words) -> Iterator[tuple[str, str]]:
    if mesh is None:
        return
    gateway = mesh["gateway_node"] or mesh["gateway"]
    mode = mesh["gateway_mode"]
    if gateway and mode == "client":  # it has found what it looks for
        yield w("node.gateway"), gateway
    else:
        yield w("node.gateway"), f"{gateway or w('gateway.none')} ({w('gateway.' + mode)})"
