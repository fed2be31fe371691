# SPDX-License-Identifier: Apache-2.0
"""When a client chooses its gateway anew. Pure but for the chance it is given.

batman-adv's own rule moves every client at the same moment, when a gateway announces `sel_class` more than
theirs; the one they all go to is full a minute later, and they return. So the set-up raises that threshold
beyond any uplink, and each client decides for itself, now and then and by chance: the more is to gain, the
likelier. A client that changed stays for a while. Traffic follows late (devices renew their leases), so few
may move in a lease's time. A gateway that vanishes is still left by the kernel at once.
tests/unit/mesh/test_gateway_sharing.py simulates it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.faults.gatewayview import selected, worth, would_choose_living
from agent.readings import Mesh

LOOK_S: Final = (30.0, 90.0)  # between two draws of a client, by chance
GAIN: Final = 0.25  # of the largest bandwidth announced: less is no clear gain
CHANCE: Final = 0.1  # of changing at a draw, times the gain: 20 clients of a full gateway lose one in 40 s
STAY_S: Final = 600.0  # after a change: a lease's time
CLIENT_THRESHOLD_KBIT: Final = 1_000_000  # batman-adv's sel_class; setting it makes the kernel choose anew
KERNELS_THRESHOLD_KBIT: Final = 5_000  # its default (batadv_v_init)


class GatewayChoice:
    """`look` at every reading of the gateways. Monotonic seconds."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """`chance`: 0..1, drawn anew at each call."""
        self._chance = chance
        self._largest = 0  # bandwidth announced by anybody in this run, kbit/s
        self._next: float | None = None
        self._changed = float("-inf")

    def look(self, now: float, mesh: Mesh) -> bool:
        """Shall the kernel choose anew? Never while it would choose a dead one, whose metric it keeps."""
        self._largest = max(self._largest, *(row.down_kbit for row in mesh.gateways), 1)
        if self._next is None:
            self._next = now + self._wait()
        current = selected(mesh)
        if current is None or now < self._next:
            return False
        self._next = now + self._wait()
        if now - self._changed < STAY_S or not would_choose_living(mesh):
            return False
        gain = (max(map(worth, mesh.gateways)) - worth(current)) / self._largest
        if gain < GAIN or self._chance() >= CHANCE * gain:
            return False
        self._changed = now
        return True

    def _wait(self) -> float:
        low, high = LOOK_S
        return low + (high - low) * self._chance()
