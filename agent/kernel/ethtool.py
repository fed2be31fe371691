# SPDX-License-Identifier: Apache-2.0
"""A device's own statistics over the ethtool ioctl (linux/ethtool.h); no privilege needed."""

from __future__ import annotations

import array
import errno
import fcntl
import socket
from struct import Struct
from typing import Final

from agent.kernel.errors import NetlinkFormatError, from_errno

SIOCETHTOOL: Final = 0x8946
GSTRINGS: Final = 0x1B
GSTATS: Final = 0x1D
GSSET_INFO: Final = 0x37
SET_STATS: Final = 1  # ETH_SS_STATS
NAME_BYTES: Final = 32  # ETH_GSTRING_LEN
MAX_STATS: Final = 2048  # batman-adv has 40, large server adapters some hundred; bounds the buffers to 80 KiB
IFNAMSIZ: Final = 16
_REQUEST: Final = Struct(
    f"@{IFNAMSIZ}sP{24 - Struct('@P').size}x"
)  # struct ifreq: name, pointer; a union of 24


def stats(ifname: str) -> dict[str, int]:
    """The statistics of an interface by name, {} where it has none. InterfaceGoneError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        info = array.array("B", Struct("=IIQI").pack(GSSET_INFO, 0, 1 << SET_STATS, 0))
        try:
            _call(sock, ifname, info)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                return {}
            raise _error(error, ifname) from None
        _command, _reserved, mask, count = Struct("=IIQI").unpack(info)
        if not mask or not count:
            return {}
        if count > MAX_STATS:
            raise NetlinkFormatError(
                f"statistics of {ifname}: {count} of them", f"at most {MAX_STATS} are read"
            )
        # The kernel writes as many as the device has then, whatever room we say: offer the most we read.
        names = array.array(
            "B", Struct("=III").pack(GSTRINGS, SET_STATS, count) + bytes(MAX_STATS * NAME_BYTES)
        )
        values = array.array("B", Struct("=II").pack(GSTATS, count) + bytes(MAX_STATS * 8))
        try:
            _call(sock, ifname, names)
            _call(sock, ifname, values)
        except OSError as error:
            raise _error(error, ifname) from None
    return decode(names.tobytes(), values.tobytes())


def decode(names: bytes, values: bytes) -> dict[str, int]:
    """The answers to GSTRINGS and GSTATS as name > value. NetlinkFormatError: they do not fit each other."""
    if len(names) < 12 or len(values) < 8:
        raise NetlinkFormatError("statistics cut off", "read again")
    (count,) = Struct("=I").unpack_from(names, 8)
    (other,) = Struct("=I").unpack_from(values, 4)
    if count != other or count * 8 > len(values) - 8 or count * NAME_BYTES > len(names) - 12:
        raise NetlinkFormatError(
            f"{count} names for {other} statistics", "the device was exchanged; read again"
        )
    numbers = Struct(f"={count}Q").unpack_from(values, 8)
    found: dict[str, int] = {}
    for place, number in enumerate(numbers):
        raw = names[12 + place * NAME_BYTES : 12 + (place + 1) * NAME_BYTES]
        found[raw.split(b"\0", 1)[0].decode(errors="replace")] = number
    return found


def _call(sock: socket.socket, ifname: str, data: array.array[int]) -> None:
    address, _length = data.buffer_info()
    fcntl.ioctl(sock, SIOCETHTOOL, _REQUEST.pack(ifname.encode()[: IFNAMSIZ - 1], address))


def _error(error: OSError, ifname: str) -> Exception:
    return from_errno(error.errno or 0, f"reading statistics of {ifname}")
