# SPDX-License-Identifier: Apache-2.0
"""The metrics of link security, from the snapshot. Nothing of them where links are not secured."""

from __future__ import annotations

from typing import get_args

from agent.securityreadings import Protection, Security
from agent.telemetry.exposition import Labels, Metrics

STATES = get_args(Protection)


def add_links(out: Metrics, security: Security | None) -> None:
    """All of them."""
    if security is None:
        return
    states: dict[Labels, float | int | None] = {}
    for link in security.links:
        who = (("interface", link.hardif), ("neighbour", link.mac))
        states |= {(*who, ("state", state)): int(state == link.state) for state in STATES}
    out.add("x0_link_security", "gauge", "How a link is secured: 1 for the state it is in.", states)
    links = {(("interface", link.hardif), ("neighbour", link.mac)): link for link in security.links}
    out.add(
        "x0_link_bad_packets_total",
        "counter",
        "Packets of a neighbour that no key here fits.",
        {labels: link.rx_bad for labels, link in links.items()},
    )
    interfaces = {(("interface", one.hardif),): one for one in security.interfaces}
    out.add(
        "x0_link_key_age_seconds",
        "gauge",
        "Age of the key that is sent under.",
        {labels: one.key_age for labels, one in interfaces.items()},
    )
    out.add(
        "x0_link_rekeys_total",
        "counter",
        "Changes of our key.",
        {labels: one.rekeys for labels, one in interfaces.items()},
    )
    out.add(
        "x0_link_failures_total",
        "counter",
        "Handshakes and links that failed, by reason.",
        {
            (*labels, ("reason", reason)): number
            for labels, one in interfaces.items()
            for reason, number in one.failures.items()
        },
    )
    out.add(
        "x0_link_unsecured_neighbours",
        "gauge",
        "Neighbours that speak in clear and are refused.",
        {
            labels: sum(who.refused for who in security.unsecured if who.hardif == one.hardif)
            for labels, one in interfaces.items()
        },
    )
    out.gauge("x0_identity_seconds_left", "Until this node's certificate ends.", security.identity.left)
