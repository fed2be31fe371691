# SPDX-License-Identifier: Apache-2.0
"""The mesh in the status document: interfaces, neighbours, radio stations, ways to nodes behind. Pure."""

from __future__ import annotations

import re
from typing import Any

from agent.events import Snapshot
from agent.readings import Mesh, Originator

ROWS_MAX = 256  # neighbours, hardifs: a radio hears fewer; a stranger's flood must not blow the document up
WAYS_MAX = 64  # nodes drawn (facts/ui.md)
NAMED_MAX = 16  # addresses in one fault's words; a partition names eight
_MAC = re.compile(r"(?<![0-9a-f:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![0-9a-f:])")
TEXT_MAX = 400  # characters of one value: names come from strangers' hellos


def shown(text: str) -> str:
    """The text without control characters, cut at TEXT_MAX."""
    clean = "".join(character if character.isprintable() else " " for character in text[: TEXT_MAX + 1])
    return clean if len(clean) <= TEXT_MAX else clean[: TEXT_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}"


def names_of(snapshot: Snapshot | None) -> dict[str, str]:
    """Originator > node name: its own hello is believed before what others tell."""
    if snapshot is None:
        return {}
    return {**snapshot.names, **{peer.originator: peer.node for peer in snapshot.peers}}


def named_in(text: str, snapshot: Snapshot | None) -> dict[str, str]:
    """MAC > node name, of those addresses in the text whose node is known; at most NAMED_MAX."""
    known = names_of(snapshot) | {peer.mac: peer.node for peer in (snapshot.peers if snapshot else ())}
    found = dict.fromkeys(_MAC.findall(text))
    return {mac: shown(known[mac]) for mac in list(found)[:NAMED_MAX] if known.get(mac)}


def place_of(subject: str, snapshot: Snapshot | None) -> str:
    """What a subject is called by people: "e1, mill" of hardif/e1/MAC."""
    name, _, mac = subject.partition("/")[2].partition("/")
    peers = snapshot.peers if snapshot else ()
    known = next((peer.node for peer in peers if (peer.hardif, peer.mac) == (name, mac)), mac)
    return ", ".join(filter(None, (name, known))) or subject


def mesh_of(snapshot: Snapshot | None) -> dict[str, Any] | None:
    """The mesh interface and what it knows of others; None where there is none."""
    mesh = snapshot.mesh if snapshot else None
    if snapshot is None or mesh is None:
        return None
    best = next((gateway for gateway in mesh.gateways if gateway.best), None)
    return {
        "name": mesh.name,
        "mac": mesh.mac,
        "algo": mesh.algo,
        "ogm_interval_ms": mesh.ogm_interval_ms,
        "hop_penalty": mesh.hop_penalty,
        "gateway_mode": mesh.gw_mode,
        "gateway": best.mac if best else None,
        "gateway_node": shown(names_of(snapshot).get(best.mac, "")) if best else "",
        "nodes": len({row.mac for row in mesh.originators}),
        "clients": mesh.tt_global,
        "hardifs": [
            {"name": shown(hardif.name), "mac": hardif.mac, "active": hardif.active}
            for hardif in mesh.hardifs[:ROWS_MAX]
        ],
        "ways": _ways(snapshot, mesh),
    }


def _ways(snapshot: Snapshot, mesh: Mesh) -> list[dict[str, Any]]:
    """The way used to each node, neighbours first, the best of each kind first; at most WAYS_MAX.

    `hops` is 1 for a neighbour and 2 for any node behind one: batman-adv tells no more.
    """
    node_of = {(peer.hardif, peer.mac): peer.originator for peer in snapshot.peers}
    names = names_of(snapshot)
    gateways = {gateway.mac for gateway in mesh.gateways}
    used: dict[str, Originator] = {}
    for row in mesh.originators:
        if row.mac not in used or (row.best and not used[row.mac].best):
            used[row.mac] = row
    near = {originator for originator in node_of.values() if originator in used}
    near |= {row.mac for row in mesh.neighbours if row.mac in used}
    near |= {mac for mac, row in used.items() if row.neighbour == mac}
    for one in mesh.neighbours:  # one that told us nothing: which originator it is, nobody knows
        if one.mac not in used and (one.hardif, one.mac) not in node_of:
            near.add(one.mac)
            used[one.mac] = Originator(one.mac, one.mac, one.hardif, one.last_seen_age, one.throughput_kbit)
    order = sorted(used.values(), key=lambda row: (row.mac not in near, -(row.throughput_kbit or 0), row.mac))
    return [
        {
            "mac": row.mac,
            "node": shown(names.get(row.mac, "")),
            "hops": 1 if row.mac in near else 2,
            "via": node_of.get((row.hardif, row.neighbour), row.neighbour),
            "hardif": shown(row.hardif),
            "throughput_kbit": row.throughput_kbit,
            "last_seen_ms": round(row.last_seen_age * 1000),
            "gateway": row.mac in gateways,
        }
        for row in order[:WAYS_MAX]
    ]


def neighbours_of(now: float, snapshot: Snapshot | None) -> list[dict[str, Any]]:
    """What batman-adv hears directly, with the names the hellos tell."""
    if snapshot is None or snapshot.mesh is None:
        return []
    names = {(peer.hardif, peer.mac): peer for peer in snapshot.peers}
    signals = {
        (radio.name, station.mac): station.signal_dbm
        for radio in snapshot.radios or ()
        for station in radio.stations
    }
    security = snapshot.security
    absent = "plain" if security is None else "none"
    protections = {(link.hardif, link.mac): link.state for link in security.links} if security else {}
    since_dump = max(0.0, now - snapshot.mesh.neighbours_at) if snapshot.mesh.neighbours_at else 0.0
    rows = []
    for row in snapshot.mesh.neighbours[:ROWS_MAX]:
        key = (row.hardif, row.mac)
        peer = names.get(key)
        rows.append(
            {
                "node": shown(peer.node) if peer else "",
                "mac": row.mac,
                "hardif": shown(row.hardif),
                "last_seen_ms": round((row.last_seen_age + since_dump) * 1000),
                "throughput_kbit": row.throughput_kbit,
                "signal_dbm": signals.get(key),
                "hears_us": peer.hears_us if peer else None,
                "security": protections.get(key, absent),
            }
        )
    return rows


def stations_of(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    """What each mesh radio hears, for aligning antennas: also stations batman-adv does not use yet."""
    if snapshot is None:
        return []
    names = {(peer.hardif, peer.mac): peer.node for peer in snapshot.peers}
    return [
        {
            "radio": shown(radio.name),
            "mac": station.mac,
            "node": shown(names.get((radio.name, station.mac), "")),
            "signal_dbm": station.signal_dbm,
            "inactive_ms": round(station.inactive_age * 1000),
        }
        for radio in (snapshot.radios or ())
        if radio.kind in ("mesh", "ibss")
        for station in radio.stations
    ][:ROWS_MAX]
