# SPDX-License-Identifier: Apache-2.0
"""The macsec device over each mesh interface: made, taken over from an earlier run, taken away. Blocking.

Without keys it sends nothing and takes nothing: who it may talk to is agent/linksec's.
"""

from __future__ import annotations

from agent.kernel.errors import InterfaceGoneError
from agent.kernel.links import Links
from agent.kernel.macsec import CIPHER_GCM_AES_256, ICV_BYTES, OVERHEAD, Macsec
from agent.kernel.macsecrows import Sci, SecY
from agent.mesh.errors import MeshSetupError
from agent.mesh.layered import KIND, lies_over
from agent.meshdevices import MeshDevices
from agent.readings import Link


class MacsecLayer:
    """What of an interface batman-adv is to have: itself, or the macsec device over it."""

    def __init__(self, devices: MeshDevices, links: Links, macsec: Macsec) -> None:
        self._devices, self._links, self._macsec = devices, links, macsec
        self._safe: dict[str, int] = {}  # device > its index when its settings were looked at

    @property
    def secured(self) -> bool:
        """Does batman-adv get the macsec devices?"""
        return self._devices.secured

    def overhead(self, hardif: str) -> int:
        """Bytes of an interface's MTU that the mesh does not have."""
        return OVERHEAD if self._devices.device(hardif) != hardif else 0

    def names(self, hardif: str) -> tuple[str, ...]:
        """What it may be called among batman-adv's interfaces."""
        return tuple(filter(None, (hardif, self._devices.macsec(hardif))))

    def find(self, lower: Link) -> Link | None:
        """The device batman-adv is to have; None where it must be made (anew)."""
        name = self._devices.device(lower.name)
        if name == lower.name:
            return lower
        found = self._links.get(name)
        right = found is not None and lies_over(found, lower) and found.mac == lower.mac
        return found if right and found is not None and self._safe.get(name) == found.index else None

    def make(self, hardif: str) -> Link:
        """The same, made where it must be, up, as large as can be. The interface itself is right already."""
        lower = self._there(hardif)
        name = self._devices.device(hardif)
        if name == hardif:
            self._take_away(lower)
            return lower
        if lower.master:
            self._links.set_master(hardif, None)
        found = self._links.get(name)
        if found is not None and not self._fits(found, lower):
            self._links.delete(name)
            found = None
        if found is None:
            self._macsec.create(name, hardif, Sci(lower.mac))
            found = self._there(name)
        self._safe[name] = found.index
        if found.mtu < lower.mtu - OVERHEAD:
            self._links.set_mtu(name, lower.mtu - OVERHEAD)
        if not found.admin_up:
            self._links.set_up(name)
        return found

    def _take_away(self, lower: Link) -> None:
        """What link security left there when it was still wanted."""
        name = self._devices.macsec(lower.name)
        found = self._links.get(name) if name else None
        if found is not None and lies_over(found, lower):
            self._safe.pop(name, None)
            self._links.delete(name)

    def _fits(self, found: Link, lower: Link) -> bool:
        """Is it what we would make? MeshSetupError where it is another's."""
        name = found.name
        if found.kind != KIND:
            raise MeshSetupError(
                f"{name} is a {found.kind or 'device'}, not ours: remove or rename it (`ip link del {name}`)"
            )
        if not lies_over(found, lower):
            below = self._links.name(found.peer_index) if found.peer_index else "nothing"
            if below not in self._devices.layered():  # else the configuration's order has changed
                raise MeshSetupError(
                    f"{name} lies over {below}, which is no mesh interface: rename it, or remove it "
                    f"(`ip link del {name}`)"
                )
            return False
        try:
            state = self._macsec.state(name)
        except InterfaceGoneError:
            return False
        return found.mac == lower.mac and safe(state, Sci(lower.mac))

    def _there(self, name: str) -> Link:
        found = self._links.get(name)
        if found is None:
            raise MeshSetupError(f"{name} vanished while it was set up: see who removes it")
        return found


def safe(state: SecY, sci: Sci) -> bool:
    """Has it the settings `Macsec.create` gives? An attacker on the node is no matter here, a relic is."""
    right = (CIPHER_GCM_AES_256, ICV_BYTES, True, True, True, True, "strict")
    found = (
        state.cipher,
        state.icv_bytes,
        state.encrypt,
        state.protect,
        state.include_sci,
        state.replay_protect,
        state.validation,
    )
    return state.sci == sci and found == right
