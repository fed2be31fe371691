# SPDX-License-Identifier: Apache-2.0
"""An ELP frame of batman-adv (linux/batadv_packet.h), made by hand."""

from __future__ import annotations

import struct
from typing import Final

ETH_P_BATMAN: Final = 0x4305
ELP: Final = 0x03  # BATADV_ELP
VERSION: Final = 15  # BATADV_COMPAT_VERSION
BROADCAST: Final = b"\xff" * 6
SECOND_MAC: Final = "06:78:30:65:6c:70"  # locally administered, never that of an interface ("x0elp")
_FRAME: Final = struct.Struct("!6s6sHBB6sII")  # Ethernet; type, version, originator, number, interval


def frame(sequence: int, interval_ms: int) -> bytes:
    """An ELP broadcast of the neighbour SECOND_MAC, which is its own originator."""
    mac = bytes.fromhex(SECOND_MAC.replace(":", ""))
    return _FRAME.pack(BROADCAST, mac, ETH_P_BATMAN, ELP, VERSION, mac, sequence, interval_ms)
