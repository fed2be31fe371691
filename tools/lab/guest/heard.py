# SPDX-License-Identifier: Apache-2.0
"""Which originators' messages arrive at which device: listens itself, for batman-adv's tables do not tell."""

import asyncio
import socket
import struct

from tools.lab.guest.netns import socket_in
from tools.lab.guest.nodes import Node

ETH_P_BATMAN = 0x4305
OGM2 = struct.Struct(
    "!BBBBI6sHI"
)  # type, version, TTL, flags, sequence number, originator, TVLV's length, metric
TYPE_OGM2 = 0x04  # include/uapi/linux/batadv_packet.h
FRAME = 2048  # longer than any frame of a mesh's wire
Heard = dict[str, set[str]]  # device > originators


def originators(payload: bytes) -> set[str]:
    """Return the originators of the messages in one frame's payload; several are sent together."""
    found = set()
    while len(payload) >= OGM2.size:
        kind, *_, originator, length, _ = OGM2.unpack_from(payload)
        if kind != TYPE_OGM2:
            break
        found.add(originator.hex(":"))
        payload = payload[OGM2.size + length :]
    return found


async def listen(node: Node, seconds: float, wanted: Heard) -> Heard:
    """Return what arrives at a node within so long, or until all that is wanted arrived."""
    heard: Heard = {}
    loop, complete = asyncio.get_running_loop(), asyncio.Event()
    link = socket_in(
        node.holder, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_BATMAN))
    )
    link.setblocking(False)

    def arrived() -> None:
        payload, (device, _, direction, *_) = link.recvfrom(FRAME)
        if direction != socket.PACKET_OUTGOING:
            heard.setdefault(device, set()).update(originators(payload))
            if wanted and all(names <= heard.get(where, set()) for where, names in wanted.items()):
                complete.set()

    try:
        loop.add_reader(link, arrived)
        async with asyncio.timeout(seconds):
            await complete.wait()
    except TimeoutError:
        pass  # what is missing is the answer
    finally:
        loop.remove_reader(link)
        link.close()
    return heard
