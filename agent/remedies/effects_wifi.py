# SPDX-License-Identifier: Apache-2.0
"""What an action may do to a radio: `effector.wifi` (effects/wifi.py). All block, all raise ActionError."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Home(msgspec.Struct, frozen=True):
    """The mesh a radio belongs to, and what must be up for it."""

    kind: str  # "mesh" (802.11s) or "ibss"
    freq_mhz: int
    mesh_id: str
    up: tuple[str, ...] = ()  # interfaces of the same radio that are up, itself among them


class Wifi(Protocol):
    """The radio's mechanisms. `name` is a mesh interface."""

    def home(self, name: str) -> Home:
        """As it is now, or was when it last joined."""
        ...

    def scan(self, name: str) -> None:
        """A short look at another channel and back, waited for; drivers reset the radio for it."""
        ...

    def rejoin(self, name: str, home: Home) -> None:
        """Leave the mesh and join it again; every peering is made anew."""
        ...

    def restart(self, name: str, home: Home) -> None:
        """Every interface of the radio down, off for some seconds, up, and into its mesh."""
        ...

    def restore(self, name: str, home: Home) -> None:
        """What is down of it comes up, and it joins if it is in no mesh. One that is gone is left so."""
        ...

    def mute(self, name: str, mac: str) -> None:
        """batman-adv hears nothing of this neighbour of any mesh interface from now on; all else arrives."""
        ...

    def unmute(self, name: str, mac: str) -> None:
        """It hears it again; where it does, or the interface is gone, nothing."""
        ...
