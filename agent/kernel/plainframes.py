# SPDX-License-Identifier: Apache-2.0
"""Who sends batman-adv's frames in clear on an interface: a packet socket that keeps the senders' addresses.

Where links are secured none should come: what is encrypted has another ethertype (0x88e5). Needs CAP_NET_RAW.
"""

from __future__ import annotations

import socket
from typing import Final

from agent.kernel.errors import from_errno

ETH_P_BATMAN: Final = 0x4305
HEADER: Final = 14  # bytes of an Ethernet header; the rest of a frame is not looked at
MAX_FRAMES: Final = 256  # taken at one look: a flood costs half a millisecond a second
RECEIVE_BUFFER: Final = 32 * 1024  # what waits; what does not fit is lost, its sender is heard next time


class PlainFrames:
    """Of one interface, by name and index of when it was opened. KernelError."""

    def __init__(self, name: str) -> None:
        what = f"listening for frames in clear on {name}"
        try:
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0
            )
        except OSError as error:
            raise from_errno(error.errno or 0, what) from None
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.bind((name, ETH_P_BATMAN))
        except OSError as error:
            self._socket.close()
            raise from_errno(error.errno or 0, what) from None

    def senders(self) -> frozenset[str]:
        """MACs of those whose frames came since the last look."""
        found: set[str] = set()
        for _ in range(MAX_FRAMES):
            try:
                frame = self._socket.recv(HEADER)
            except BlockingIOError:
                break
            except OSError:
                break  # ENETDOWN, once, where the interface went down
            if len(frame) == HEADER:
                found.add(frame[6:12].hex(":"))
        return frozenset(found)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
