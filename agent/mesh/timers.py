# SPDX-License-Identifier: Apache-2.0
"""How often originator messages (OGM) and probes (ELP) go out at rest: as the airtime budget allows. Pure.

Fast timers reroute faster (faults.md: 1.6 s at 300/150 ms, 4.5 s at 1000/500) and cost control traffic, which
grows with the number of originators. A radio shares its air: there at most 1.5 times what batman-adv's
defaults cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from agent.config import Mesh

FAST_OGM_MS: Final = 300
SLOW_OGM_MS: Final = 1000  # batman-adv's default
RADIO_OGM_MS: Final = 700  # 1.43 times the default's messages
RADIO_ELP_MS: Final = 500  # the default: there each round also sends two probes of 200 bytes a neighbour
# Bytes of one originator and interval, one direction of a wire, with Ethernet headers. Measured on a ring of
# six at 300/150 ms, trixie's 6.12: 1095 B/s each way, 200 of it ELP (faults.md counts without headers).
OGM_BYTES: Final = 45
ELP_BYTES: Final = 30  # 16 and the Ethernet header, broadcast
HYSTERESIS: Final = 0.2  # smaller changes are not worth the re-arming of timers


class Rest(msgspec.Struct, frozen=True):
    """Intervals at rest, milliseconds."""

    ogm_ms: int
    wire_elp_ms: int
    radio_elp_ms: int


def control_bytes(originators: int, ogm_ms: int, elp_ms: int) -> float:
    """Bytes/s of control traffic on one wire, one direction."""
    return originators * OGM_BYTES * 1000 / ogm_ms + ELP_BYTES * 1000 / elp_ms


def rest(mesh: Mesh, originators: int, current: Rest | None = None) -> Rest:
    """Intervals for this many originators; `current` is kept while it is within the hysteresis."""
    fitting = _fitting(mesh, max(1, originators))
    if current is None or abs(fitting.ogm_ms - current.ogm_ms) > HYSTERESIS * current.ogm_ms:
        return fitting
    if abs(fitting.wire_elp_ms - current.wire_elp_ms) > HYSTERESIS * current.wire_elp_ms:
        return fitting
    return current


def _fitting(mesh: Mesh, originators: int) -> Rest:
    cost = control_bytes(originators, FAST_OGM_MS, FAST_OGM_MS // 2)
    slower = min(max(1.0, cost / mesh.airtime_budget), SLOW_OGM_MS / FAST_OGM_MS)
    ogm = round(FAST_OGM_MS * slower)
    elp, radio_elp = ogm // 2, RADIO_ELP_MS
    if any(interface.kind == "radio" for interface in mesh.interfaces):
        ogm = max(ogm, RADIO_OGM_MS)
    if mesh.ogm_interval != "auto":
        ogm = mesh.ogm_interval
        elp = radio_elp = max(20, ogm // 2)
    if mesh.elp_interval != "auto":
        elp = radio_elp = mesh.elp_interval
    return Rest(ogm, elp, radio_elp)
