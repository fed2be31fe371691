# SPDX-License-Identifier: Apache-2.0
"""One connection: TLS and the channel's rules over an asyncio transport, with a deadline and keep-alives.

It owns no key and takes no decision: what is said and how it ended goes to its owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from agent.kernel.macsecrows import Sci
from agent.linksec.channel import Channel
from agent.linksec.errors import LinksecError, Reason
from agent.linksec.judged import Chain
from agent.linksec.messages import Message, Ping, Pong

if TYPE_CHECKING:
    from agent.linksec.tls import Endpoint

HANDSHAKE: Final = 5.0  # s from the connection to both Ready: 0.1 on a small board, with two lost segments 4
PING: Final = 5.0  # s between keep-alives
SILENT: Final = 15.0  # s without a word: three keep-alives
WRITE_LIMIT: Final = 32 * 1024  # bytes that wait in the transport; a peer that acknowledges nothing is cut


class Owner(Protocol):
    """What a session tells. All in the event loop; `ended` comes once and last."""

    def confirmed(self, session: Session) -> None:
        """Both ends have greeted and said Ready."""

    def said(self, session: Session, message: Message) -> None:
        """A message about keys. A LinksecError it raises cuts the session."""

    def ended(self, session: Session, reason: Reason, text: str) -> None:
        """It is over."""


class Session(asyncio.Protocol):
    """One end of one connection with `address`. `dialled`: by us; `leaf_only`: our issuer is not sent.

    `instance(peer)`: what this run of ours is called to that peer (AgentRun.towards).
    """

    def __init__(
        self,
        number: int,
        address: str,
        tls: Endpoint,
        *,
        dialled: bool,
        leaf_only: bool,
        me: str,
        instance: Callable[[str], bytes],
        sci: Sci,
        owner: Owner,
        clock: Callable[[], float],
    ) -> None:
        self.number, self.address = number, address
        self.dialled, self.leaf_only = dialled, leaf_only
        self.channel: Channel | None = None
        self.chain: Chain = ()  # what the peer was judged by, once verified
        self.begun = self.heard_at = clock()
        self.tls = tls
        self._me, self._instance, self._sci = me, instance, sci
        self._owner, self._clock = owner, clock
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pings = 0
        self._told = False  # the owner knows of the confirmation
        self._over = False

    @property
    def peer(self) -> str:
        """The verified SPIFFE id, "" before."""
        return self.tls.peer if self.tls.established else ""

    @property
    def alive(self) -> bool:
        """Confirmed and not ended."""
        return self._told and not self._over

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; a client's first flight goes out."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_LIMIT)
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE, self._late)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Bytes from the network."""
        if self._over:
            return
        self.heard_at = self._clock()
        try:
            self.tls.feed(data)
            self._read()
        except LinksecError as error:
            self.cut(error.reason, str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """The network or the peer ended it."""
        self._end(Reason.CLOSED, f"the connection with {self.address} ended ({exc or 'closed by the peer'})")

    def pause_writing(self) -> None:
        """WRITE_LIMIT is reached."""
        self.cut(Reason.SILENT, f"{self.address} takes nothing any more")

    # -- for the owner

    def say(self, message: Message) -> None:
        """Send a message; what cannot be sent cuts the session."""
        if self.channel is None or self._over:
            return
        try:
            self.channel.send(message)
            self._flush()
        except LinksecError as error:
            self.cut(error.reason, str(error))

    def cut(self, reason: Reason, text: str) -> None:
        """End it for this reason, with a good-bye where the peer can read it."""
        if self._over:
            return
        try:
            if self.channel is not None and reason is not Reason.CLOSED:
                self.channel.close(reason)
            if self.tls.established:
                self._flush()
                self.tls.close()
        except LinksecError:
            pass  # it is being cut anyway
        if self._transport is not None:
            rest = self.tls.outgoing()
            if rest:
                self._transport.write(rest)
            if reason is Reason.SILENT or not self.tls.established:
                asyncio.get_running_loop().call_soon(self._transport.abort)
            self._transport.close()
        self._end(reason, text)

    # -- inside

    def _read(self) -> None:
        while self.tls.established and not self._ended():
            if self.channel is None:
                self.chain = self.tls.chain
                peer = self.tls.peer
                self.channel = Channel(
                    me=self._me, peer=peer, instance=self._instance(peer), sci=self._sci, now=self._clock()
                )
            clear = self.tls.read()
            if not clear:
                break
            for message in self.channel.receive(clear, self._clock()):
                self._tell()
                if self._ended():
                    return
                if not isinstance(message, Pong):
                    self._owner.said(self, message)
            self._tell()
        self._flush()

    def _ended(self) -> bool:
        return self._over

    def _tell(self) -> None:
        """Tell of the confirmation once, before anything that was said after it."""
        if self.channel is not None and self.channel.confirmed and not self._told:
            self._told = True
            self._again(PING, self._keep)
            self._owner.confirmed(self)

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self.channel is not None:
            clear = self.channel.take()
            if clear:
                self.tls.write(clear)
        data = self.tls.outgoing()
        if data:
            self._transport.write(data)

    def _keep(self) -> None:
        silent = self._clock() - self.heard_at
        if silent >= SILENT:
            self.cut(Reason.SILENT, f"{self.peer} has not answered for {silent:.0f} s")
            return
        self._pings = (self._pings + 1) & 0xFFFF_FFFF
        self.say(Ping(self._pings))
        if not self._over:
            self._again(PING, self._keep)

    def _late(self) -> None:
        what = "TLS handshake" if not self.tls.established else "greeting"
        self.cut(Reason.TIMEOUT, f"the {what} with {self.address} was not done within {HANDSHAKE:.0f} s")

    def _again(self, delay: float, what: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, what)

    def _end(self, reason: Reason, text: str) -> None:
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.ended(self, reason, text)
