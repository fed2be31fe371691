# SPDX-License-Identifier: Apache-2.0
"""The rules of turn inside a TLS connection, pure: clear text in, messages and clear text out.

TLS has verified both certificates, yet a client believes its handshake done before the server has judged it
(its exporter value proves nothing). So both ends greet, naming themselves and whom they take the other for,
and say Ready once that agrees with the certificates. Keys are neither given nor taken before both have said
so.
"""

from __future__ import annotations

import enum
from typing import Final

from agent.hello.limits import TokenBucket
from agent.kernel.macsecrows import Sci
from agent.linksec.errors import ChannelError, Reason
from agent.linksec.messages import (
    VERSION,
    Bye,
    Deframer,
    Greeting,
    Message,
    Offer,
    Ping,
    Pong,
    Ready,
    frame,
)

RATE, BURST = 20.0, 100.0  # messages a second of one peer; a rekey needs two, a start six
OFFERS, OFFER_BURST = 1.0, 16.0  # keys a second of one peer: each is work for the kernel, of both of us
MAX_OUT: Final = 16 * 1024  # bytes of ours that wait; a peer that reads nothing is cut


class Stage(enum.Enum):
    """How far two ends have come."""

    GREETING = "greeting"
    READY = "ready"  # its greeting agreed, ours was not yet acknowledged
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class Channel:
    """One end. `me` and `peer`: the SPIFFE ids of our and of the verified peer's certificate.

    `instance`: what our run is called to this peer.
    """

    def __init__(self, *, me: str, peer: str, instance: bytes, sci: Sci, now: float) -> None:
        self.peer = peer
        self.stage = Stage.GREETING
        self.instance = b""  # of the peer's agent, once it greeted
        self.sci: Sci | None = None  # where the peer's frames come from, once it greeted
        self._me, self._instance, self._own_sci = me, instance, sci
        self._deframer = Deframer()
        self._bucket = TokenBucket(RATE, BURST, now)
        self._offers = TokenBucket(OFFERS, OFFER_BURST, now)
        self._out = bytearray()
        greeting = Greeting(version=1, me=me, you=peer, instance=instance, sci=sci.packed)
        self._queue(greeting)

    @property
    def confirmed(self) -> bool:
        """May keys be given and taken?"""
        return self.stage is Stage.CONFIRMED

    def take(self) -> bytes:
        """What must be encrypted and sent now."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def send(self, message: Message) -> None:
        """Queue a message. ChannelError: before both ends confirmed, or the peer reads nothing."""
        if self.stage is not Stage.CONFIRMED:
            text = f"{type(message).__name__} to {self.peer} before both ends confirmed: wait for it"
            raise ChannelError(text, Reason.MESSAGE)
        self._queue(message)

    def close(self, reason: Reason) -> None:
        """Say good-bye; nothing is taken or sent afterwards."""
        if self.stage is not Stage.CLOSED:
            self._queue(Bye(reason.value))
            self.stage = Stage.CLOSED

    def receive(self, clear: bytes, now: float) -> list[Message]:
        """What the peer said that concerns the keys. ChannelError: it must be cut."""
        told: list[Message] = []
        if self.stage is Stage.CLOSED:
            return told
        for message in self._deframer.feed(clear):
            if not self._bucket.take(now):
                raise ChannelError(f"{self.peer} sends more than {RATE:.0f} messages a second", Reason.FLOOD)
            if isinstance(message, Offer) and not self._offers.take(now):
                raise ChannelError(f"{self.peer} offers more than {OFFERS:.0f} key a second", Reason.FLOOD)
            self._one(message, told)
        return told

    def _one(self, message: Message, told: list[Message]) -> None:
        if isinstance(message, Bye):
            raise ChannelError(f"{self.peer} ended it: {message.reason}", Reason.CLOSED)
        if self.stage is Stage.GREETING:
            if not isinstance(message, Greeting):
                raise self._turn(message)
            self._greeted(message)
        elif self.stage is Stage.READY:
            if not isinstance(message, Ready):
                raise self._turn(message)
            if message.instance != self._instance:
                raise ChannelError(f"{self.peer} confirms another instance of us", Reason.IDENTITY)
            self.stage = Stage.CONFIRMED
        elif isinstance(message, Greeting | Ready):
            raise self._turn(message)
        elif isinstance(message, Ping):
            self._queue(Pong(message.number))
        else:
            told.append(message)

    def _greeted(self, greeting: Greeting) -> None:
        if greeting.me != self.peer or greeting.you != self._me:
            text = (
                f"certificates name {self.peer} and {self._me}, the greeting {greeting.me} and {greeting.you}"
            )
            raise ChannelError(text, Reason.IDENTITY)
        sci = Sci.unpack(greeting.sci)
        if greeting.instance == self._instance or sci == self._own_sci:
            raise ChannelError(f"{self.peer} is ourselves, or claims our address {sci}", Reason.IDENTITY)
        if self.peer == self._me:
            raise ChannelError(f"another node at {sci} has our identity {self._me}", Reason.DUPLICATE)
        if not sci.port or int(sci.mac[:2], 16) & 1:
            raise ChannelError(f"{self.peer} claims the channel {sci}, which no sender has", Reason.MESSAGE)
        self.instance, self.sci = greeting.instance, sci
        self.stage = Stage.READY
        self._queue(Ready(greeting.instance))

    def _queue(self, message: Message) -> None:
        data = frame(message)
        if len(self._out) + len(data) > MAX_OUT:
            raise ChannelError(f"{self.peer} takes nothing", Reason.SILENT)
        self._out += data

    def _turn(self, message: Message) -> ChannelError:
        text = f"{self.peer} sent {type(message).__name__} while {self.stage.value} (version {VERSION})"
        return ChannelError(text, Reason.MESSAGE)
