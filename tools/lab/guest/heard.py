# SPDX-License-Identifier: Apache-2.0
"""Which originators' messages arrive at which device: listens itself, for batman-adv's tables do not tell.

Run in a node, which has no copy of the lab: python3 - SECONDS WANTED, this file as its input. `WANTED`:
{device: [originator]} in JSON; all of these heard ends it early. Prints the same for what was heard.
"""

import json
import socket
import struct
import sys
import time

ETH_P_BATMAN = 0x4305
OGM2 = struct.Struct(
    "!BBBBI6sHI"
)  # type, version, TTL, flags, sequence number, originator, TVLV's length, metric
TYPE_OGM2 = 0x04  # include/uapi/linux/batadv_packet.h
POLL_S = 0.2
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


def listen(seconds: float, wanted: Heard) -> Heard:
    """Return what arrives within so long, or until all that is wanted arrived."""
    heard: Heard = {}
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_BATMAN)) as link:
        link.settimeout(POLL_S)
        while time.monotonic() < end:
            if wanted and all(names <= heard.get(device, set()) for device, names in wanted.items()):
                break
            try:
                payload, (device, _, direction, *_) = link.recvfrom(2048)
            except TimeoutError:
                continue
            if direction != socket.PACKET_OUTGOING:
                heard.setdefault(device, set()).update(originators(payload))
    return heard


if __name__ == "__main__":
    told = {device: set(names) for device, names in json.loads(sys.argv[2]).items()}
    found = listen(float(sys.argv[1]), told)
    print(json.dumps({device: sorted(names) for device, names in found.items()}))
