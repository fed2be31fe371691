# SPDX-License-Identifier: Apache-2.0
"""How links are secured, in the status document: for the page, `x0 links` and the metrics. Pure."""

from __future__ import annotations

from typing import Any

from agent.events import Snapshot
from agent.securityreadings import Protection, SecuredLink
from agent.statusmesh import ROWS_MAX, shown

FAILURES_MAX = 20  # shown, newest first
OFF = "off"


def links_of(snapshot: Snapshot | None) -> dict[str, Any]:
    """Every link, interface and failure, and what this node shows of itself.

    Where links are not secured: `mode` is off, and the links are batman-adv's neighbours, all plain.
    """
    if snapshot is None or snapshot.security is None:
        return {
            "mode": OFF,
            "suite": "",
            "identity": None,
            "interfaces": [],
            "links": _plain(snapshot),
            "failures": [],
        }
    security, own = snapshot.security, snapshot.security.identity
    names = {(peer.hardif, peer.mac): peer.node for peer in snapshot.peers}
    rows = [_link(link, names) for link in security.links]
    rows += [
        {
            **_row(one.hardif, one.mac, names, "none"),
            "known_for": round(one.known_for, 1),
            "refused": one.refused,
        }
        for one in security.unsecured
        if not any((link.hardif, link.mac) == (one.hardif, one.mac) for link in security.links)
    ]
    return {
        "mode": security.mode,
        "suite": security.suite,
        "identity": {
            "id": shown(own.id),
            "left": None if own.left is None else round(own.left),
            "time_trusted": own.time_trusted,
            "problem": shown(own.problem),
        },
        "interfaces": [
            {
                "hardif": shown(one.hardif),
                "device": shown(one.device),
                "there": one.there,
                "problem": shown(one.problem),
                "key_age": None if one.key_age is None else round(one.key_age, 1),
                "rekeys": one.rekeys,
                "rx_plain": one.rx_plain,
                "rx_stranger": one.rx_stranger,
                "failures": dict(one.failures),
            }
            for one in security.interfaces[:ROWS_MAX]
        ],
        "links": rows[:ROWS_MAX],
        "failures": [
            {
                "hardif": shown(one.hardif),
                "reason": one.reason,
                "peer": shown(one.peer),
                "mac": one.mac,
                "text": shown(one.text),
                "count": one.count,
                "ago": round(one.age, 1),
            }
            for one in security.failures[:FAILURES_MAX]
        ],
    }


def _plain(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    if snapshot is None or snapshot.mesh is None:
        return []
    names = {(peer.hardif, peer.mac): peer.node for peer in snapshot.peers}
    return [_row(row.hardif, row.mac, names, "plain") for row in snapshot.mesh.neighbours[:ROWS_MAX]]


def _row(hardif: str, mac: str, names: dict[tuple[str, str], str], state: Protection) -> dict[str, Any]:
    return {
        "hardif": shown(hardif),
        "mac": mac,
        "node": shown(names.get((hardif, mac), "")),
        "state": state,
        "peer": "",
        "refused": False,
    }


def _link(link: SecuredLink, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    return {
        **_row(link.hardif, link.mac, names, link.state),
        "peer": shown(link.peer),
        "suite": link.suite,
        "held": link.held,
        "known_for": round(link.age, 1),
        "key_age": round(link.key_age, 1),
        "rekeys": link.rekeys,
        "rx_ok": link.rx_ok,
        "rx_bad": link.rx_bad,
    }
