# SPDX-License-Identifier: Apache-2.0
"""The kernel in memory of tests/unit/mesh/kernel.py, with macsec devices."""

from __future__ import annotations

import errno

import msgspec

from agent.kernel.errors import InterfaceGoneError
from agent.kernel.macsec import CIPHER_GCM_AES_256, ICV_BYTES, OVERHEAD
from agent.kernel.macsecrows import Sci, SecY
from tests.unit.mesh.kernel import Kernel


class MacsecKernel(Kernel):
    """Links, BatAdv, Nl80211 and Macsec in one."""

    def __init__(self, *devices: str, kind: str = "veth", mtu: int = 1500) -> None:
        self.secys: dict[str, SecY] = {}
        super().__init__(*devices, kind=kind, mtu=mtu)

    def create(self, name: str, lower: str, sci: Sci) -> None:
        self._write(f"macsec {name} over {lower}")
        below = self.table[lower]
        self.plug(name, "macsec", below.mtu - OVERHEAD, below.mac)
        self._change(name, peer_index=below.index)
        self.secys[name] = SecY(
            self.table[name].index, sci, CIPHER_GCM_AES_256, ICV_BYTES, 0, True, True, True, True, 64,
            "strict", True, (), (),
        )  # fmt: skip

    def state(self, name: str) -> SecY:
        if name not in self.secys:
            raise InterfaceGoneError(f"{name} is no macsec interface", "", errno.ENODEV)
        return self.secys[name]

    def set_up(self, name: str) -> None:
        self.index(name)
        super().set_up(name)

    def delete(self, name: str) -> None:
        self._write(f"delete {name}")
        self.unplug(name)

    def unplug(self, name: str) -> None:
        """What lies over it goes with it, as in the kernel."""
        gone = self.table[name].index
        self.secys.pop(name, None)
        super().unplug(name)
        for above in [link.name for link in self.table.values() if link.peer_index == gone]:
            self.unplug(above)

    def relic(self, name: str, **settings: object) -> None:
        """Made by somebody else with other settings."""
        self.secys[name] = msgspec.structs.replace(self.secys[name], **settings)
