# SPDX-License-Identifier: Apache-2.0
"""What a reading of the mesh tells of the gateways a client may choose. Pure."""

from __future__ import annotations

from typing import Final

from agent.readings import Gateway, Mesh

OGM_MISSES: Final = 5  # intervals: as many as batman-adv waits for before it takes an equal or worse way
SLOWEST_OGM_S: Final = (
    1.0  # batman-adv's default: the gateway's interval is its own, and ours may be hastened
)
MARGIN_S: Final = 3.0  # a lossy way of several hops misses one more now and then


def silent_after(mesh: Mesh) -> float:
    """Seconds without an originator message after which a gateway counts as dead."""
    return OGM_MISSES * max(mesh.ogm_interval_ms / 1000, SLOWEST_OGM_S) + MARGIN_S


def silence(mesh: Mesh, mac: str) -> float | None:
    """Seconds since the gateway's originator was heard by any way, at the last dump; None: not in it."""
    return min((row.last_seen_age for row in mesh.originators if row.mac == mac), default=None)


def is_silent(mesh: Mesh, mac: str) -> bool:
    """Was it unheard for too long at the last dump?"""
    quiet = silence(mesh, mac)
    return quiet is not None and quiet >= silent_after(mesh)


def selected(mesh: Mesh | None) -> Gateway | None:
    """The gateway this node is a client of."""
    if mesh is None or mesh.gw_mode != "client":
        return None
    return next((row for row in mesh.gateways if row.best), None)


def living(mesh: Mesh) -> tuple[Gateway, ...]:
    """Gateways that are announced and heard on time."""
    limit = silent_after(mesh) / 2
    return tuple(
        row for row in mesh.gateways if (quiet := silence(mesh, row.mac)) is not None and quiet < limit
    )


def worth(row: Gateway) -> int:
    """What batman-adv compares in BATMAN_V: the announced download within the way's throughput, kbit/s."""
    return row.down_kbit if row.throughput_kbit is None else min(row.down_kbit, row.throughput_kbit)


def would_choose_living(mesh: Mesh) -> bool:
    """Would batman-adv, asked anew, choose a living gateway? Of equal ones it may take either."""
    alive = {row.mac: worth(row) for row in living(mesh)}
    others = [worth(row) for row in mesh.gateways if row.mac not in alive]
    return bool(alive) and max(alive.values()) > max(others, default=-1)
