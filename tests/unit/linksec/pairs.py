# SPDX-License-Identifier: Apache-2.0
"""Two ends joined by memory alone: what one sends is what the other is fed."""

from __future__ import annotations

from agent.kernel.macsecrows import Sci
from agent.linksec.channel import Channel
from agent.linksec.messages import Message
from agent.linksec.tls import Endpoint

FLIGHTS = 12  # more than any handshake takes


class End:
    """TLS and the rules of turn, as a session joins them."""

    def __init__(self, tls: Endpoint, me: str, number: int) -> None:
        self.tls, self.me = tls, me
        self.instance = bytes([number]) * 8
        self.sci = Sci(f"02:00:00:00:00:{number:02x}")
        self.channel: Channel | None = None
        self.heard: list[Message] = []

    def take(self, data: bytes, now: float = 0.0) -> None:
        self.tls.feed(data)
        self.pump(now)

    def pump(self, now: float = 0.0) -> None:
        if not self.tls.established:
            return
        if self.channel is None:
            self.channel = Channel(
                me=self.me, peer=self.tls.peer, instance=self.instance, sci=self.sci, now=now
            )
        clear = self.tls.read()
        if clear:
            self.heard += self.channel.receive(clear, now)
        queued = self.channel.take()
        if queued:
            self.tls.write(queued)

    def say(self, message: Message) -> None:
        assert self.channel is not None
        self.channel.send(message)
        self.pump()


def handshake(client: Endpoint, server: Endpoint) -> tuple[int, ...]:
    """Join two ends until nothing is left to say; the sizes of the flights, the client's first."""
    sizes = []
    ends = (client, server)
    for turn in range(FLIGHTS):
        flight = ends[turn % 2].outgoing()
        if not flight and turn:
            break
        sizes.append(len(flight))
        ends[(turn + 1) % 2].feed(flight)
    return tuple(sizes)


def exchange(one: End, other: End) -> None:
    """Carry everything to and fro until both are silent."""
    for _ in range(FLIGHTS):
        moved = False
        for source, target in ((one, other), (other, one)):
            data = source.tls.outgoing()
            if data:
                target.take(data)
                moved = True
        if not moved:
            return
    raise AssertionError("two ends talk without end")
