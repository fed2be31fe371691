# SPDX-License-Identifier: Apache-2.0
"""What actions may do to the mesh's interfaces and to batman-adv's routing: `effector.routing`."""

from __future__ import annotations

from typing import Protocol


class Routing(Protocol):
    """Implemented by agent/effects/routing.py. Every method raises ActionError where the system refuses."""

    def throughput_override(self, mesh: str, hardif: str) -> int | None:
        """What the interface is said to carry, kbit/s; 0: batman-adv estimates; None: it is not in the
        mesh. ActionError where it cannot be read.
        """
        ...

    def set_throughput_override(self, mesh: str, hardif: str, kbit: int) -> None:
        """Say so from now on, rounded down to 100 kbit/s. ActionError, also where it is not in the mesh."""
        ...

    def mtu(self, name: str) -> int | None:
        """Bytes; None where there is no such interface."""
        ...

    def set_mtu(self, name: str, mtu: int) -> None:
        """Raise or lower it."""
        ...

    def mac(self, name: str) -> str | None:
        """The address as `aa:bb:cc:dd:ee:ff`; None where there is no such interface."""
        ...

    def set_mac(self, name: str, mac: str) -> None:
        """Also where the driver wants the interface down for it: then it is down for a moment."""
        ...

    def is_up(self, name: str) -> bool | None:
        """By administration; None where there is no such interface."""
        ...

    def switch_on(self, name: str) -> None:
        """Up by administration."""
        ...

    def set_up_mesh(self) -> None:
        """The keeper's set-up runs now instead of at its next look; it returns before it has."""
        ...

    def make_radio(self, name: str) -> None:
        """A wireless interface of this name, on the one radio that has none."""
        ...
