# SPDX-License-Identifier: Apache-2.0
"""netem over a netlink socket kept open in each namespace: a cut takes a millisecond, `tc` takes 20."""

import os
import socket
import struct

RTM_NEWQDISC, RTM_DELQDISC = 36, 37
NLM_F_REQUEST, NLM_F_ACK, NLM_F_REPLACE, NLM_F_CREATE = 0x1, 0x4, 0x100, 0x400
NLMSG_ERROR = 2
TC_H_ROOT = 0xFFFFFFFF
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_NETEM_RATE, TCA_NETEM_RATE64, TCA_NETEM_LATENCY64 = 6, 8, 10
QUEUE_PACKETS = 1000  # netem's default limit in tc
ALL = 0xFFFFFFFF  # netem counts probability in parts of 2^32 - 1
U32_MAX = 0xFFFFFFFF


def _attribute(kind: int, payload: bytes) -> bytes:
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + bytes(-length % 4)


class Netem:
    """Shapes the devices of one network namespace. The socket must have been made in it."""

    def __init__(self, netlink: socket.socket) -> None:
        self._netlink = netlink
        self._sequence = 0

    def shape(
        self, ifindex: int, *, delay_ms: float = 0.0, loss_percent: float = 0.0, rate_bit: int = 0
    ) -> None:
        """Replace the root qdisc of a device by netem with these values. Raises OSError of the kernel."""
        loss = round(loss_percent / 100 * ALL)
        rate = rate_bit // 8
        options = struct.pack("=IIIIII", 0, QUEUE_PACKETS, loss, 0, 0, 0)
        options += _attribute(TCA_NETEM_LATENCY64, struct.pack("=q", round(delay_ms * 1e6)))
        if rate:
            options += _attribute(TCA_NETEM_RATE, struct.pack("=IiIi", min(rate, U32_MAX), 0, 0, 0))
            if rate > U32_MAX:
                options += _attribute(TCA_NETEM_RATE64, struct.pack("=Q", rate))
        attributes = _attribute(TCA_KIND, b"netem\0") + _attribute(TCA_OPTIONS, options)
        self._request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, attributes)

    def clear(self, ifindex: int) -> None:
        """Remove the root qdisc; the kernel's default takes its place. Nothing where that stands already."""
        try:
            self._request(RTM_DELQDISC, 0, ifindex, b"")
        except FileNotFoundError:
            return

    def _request(self, kind: int, flags: int, ifindex: int, attributes: bytes) -> None:
        self._sequence += 1
        body = struct.pack("=BxxxiIII", socket.AF_UNSPEC, ifindex, 0, TC_H_ROOT, 0) + attributes
        header = struct.pack(
            "=IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, self._sequence, 0
        )
        self._netlink.send(header + body)
        answer = self._netlink.recv(65536)
        kind_answered = struct.unpack_from("=H", answer, 4)[0]
        number = -struct.unpack_from("=i", answer, 16)[0] if kind_answered == NLMSG_ERROR else 0
        if number:
            raise OSError(number, f"netem on device {ifindex}: {os.strerror(number)}")


def netlink_socket() -> socket.socket:
    """Return a bound NETLINK_ROUTE socket of the calling thread's namespace."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    made.bind((0, 0))
    made.settimeout(5)  # an answer of the kernel comes at once; this bounds a bug
    return made
