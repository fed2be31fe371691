# SPDX-License-Identifier: Apache-2.0
"""The speed a wire has negotiated, over the ethtool ioctl (linux/ethtool.h); no privilege needed."""

from __future__ import annotations

import array
import errno
import fcntl
import socket
from struct import Struct
from typing import Final

from agent.kernel.errors import from_errno

SIOCETHTOOL: Final = 0x8946
GSET: Final = 0x1
UNKNOWN: Final = (0, 0xFFFF, 0xFFFFFFFF)  # SPEED_UNKNOWN in its old and new widths
IFNAMSIZ: Final = 16
_COMMAND: Final = Struct("=IIIHBBBBBBIIHBBI8x")  # struct ethtool_cmd
_REQUEST: Final = Struct(f"@{IFNAMSIZ}sP{24 - Struct('@P').size}x")  # struct ifreq: name, pointer
_SILENT: Final = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY)  # devices that have no speed say it so


def link_speed_kbit(ifname: str) -> int | None:
    """Negotiated speed in kbit/s; None where the device has or knows none. InterfaceGoneError."""
    data = array.array("B", _COMMAND.pack(GSET, *[0] * 15))
    address, _length = data.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            fcntl.ioctl(sock, SIOCETHTOOL, _REQUEST.pack(ifname.encode()[: IFNAMSIZ - 1], address))
        except OSError as error:
            if error.errno in _SILENT:
                return None
            raise from_errno(error.errno or 0, f"reading the speed of {ifname}") from None
    return decode(data.tobytes())


def decode(command: bytes) -> int | None:
    """kbit/s of a struct ethtool_cmd."""
    fields = _COMMAND.unpack(command)
    speed = fields[3] | fields[12] << 16
    return None if speed in UNKNOWN else speed * 1000
