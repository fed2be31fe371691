# SPDX-License-Identifier: Apache-2.0
"""The connections of one interface: those taken, those dialled, and what becomes of them. asyncio."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.kernel.macsecrows import Sci
from agent.linksec import sockets
from agent.linksec.admission import Admission
from agent.linksec.agentrun import AgentRun
from agent.linksec.errors import LinksecError, Reason
from agent.linksec.judged import Verifier
from agent.linksec.links import SecuredLinks
from agent.linksec.messages import Message
from agent.linksec.peers import Neighbours
from agent.linksec.report import Counters
from agent.linksec.session import Session

if TYPE_CHECKING:
    from agent.linksec.tls import Contexts

CONNECT: Final = 3.0  # s for a TCP connection: two lost SYNs
log = logging.getLogger(__name__)


class Connections:
    """Owner of the sessions. `links` and `neighbours` are set once the interface is there."""

    def __init__(
        self,
        interface: str,
        *,
        run: AgentRun,
        sci: Sci,
        contexts: Callable[[], Contexts],
        verify: Verifier,
        counters: Counters,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.links: SecuredLinks | None = None
        self.neighbours: Neighbours | None = None
        self.sessions: dict[int, Session] = {}
        self._name, self._run, self._sci = interface, run, sci
        self._contexts, self._verify = contexts, verify
        self._counters, self._clock = counters, clock
        self._admission = Admission(rng)
        self._dials: set[asyncio.Task[None]] = set()
        self._numbers = 0

    @property
    def half_open(self) -> int:
        """Connections taken whose handshake is not done."""
        return self._admission.half_open

    @property
    def dialling(self) -> int:
        """Dials under way."""
        return len(self._dials)

    # -- beginning

    def incoming(self) -> asyncio.Protocol:
        """For the listener: stands for a connection until `take` has judged it."""
        return _Incoming(self)

    def take(self, transport: asyncio.Transport) -> Session | None:
        """An incoming connection: its session, or None where it is refused and closed."""
        address = str(transport.get_extra_info("peername")[0]).partition("%")[0]
        number = self._number()
        allowed, victim = self._admission.ask(number, address, self._clock())
        if victim is not None and victim in self.sessions:
            self.sessions[victim].cut(Reason.FLOOD, "displaced by another connection")
        if not allowed:
            self._counters.refused += 1
            transport.abort()
            return None
        try:
            session = self._session(number, address, dialled=False)
        except LinksecError as error:  # our own identity is unusable; told where it is loaded
            log.warning("%s: %s", self._name, error)
            self._admission.done(number, authenticated=False)
            transport.abort()
            return None
        self._counters.accepted += 1
        return session

    def dial(self) -> None:
        """Dial whoever is due."""
        if self.neighbours is None:
            return
        for address, heard in self.neighbours.due(self._clock()):
            task = asyncio.create_task(self._dial(address, heard.port))
            self._dials.add(task)
            task.add_done_callback(self._dials.discard)

    def end(self, text: str) -> None:
        """Cut all of them."""
        for task in self._dials:
            task.cancel()
        for session in tuple(self.sessions.values()):
            session.cut(Reason.STOPPED, text)

    async def _dial(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._counters.dialled += 1
        try:
            made = sockets.dialler(self._name)
            try:
                where = (address, port, 0, socket.if_nametoindex(self._name))
                await asyncio.wait_for(loop.sock_connect(made, where), CONNECT)
                session = self._session(self._number(), address, dialled=True)
            except BaseException:
                made.close()
                raise
        except Exception as error:  # a mistake, too: else it would count as being dialled for ever
            reason = Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.CLOSED
            if not isinstance(error, OSError | LinksecError):
                log.exception("%s: dialling %s", self._name, address)
            self._counters.failed(reason)
            self._failed(address, reason)
            return
        try:
            await loop.create_connection(lambda: session, sock=made)
        except OSError as error:
            made.close()
            session.cut(Reason.CLOSED, f"dialling {address}: {error}")

    def _session(self, number: int, address: str, *, dialled: bool) -> Session:
        contexts = self._contexts()
        leaf_only = self.neighbours is not None and self.neighbours.knows_issuer(
            address, contexts.issuer_tag, self._clock()
        )
        make = contexts.client if dialled else contexts.server
        session = Session(
            number,
            address,
            make(self._verify, leaf_only=leaf_only),
            dialled=dialled,
            leaf_only=leaf_only,
            me=contexts.spiffe_id,
            instance=self._run.towards,
            sci=self._sci,
            owner=self,
            clock=self._clock,
        )
        self.sessions[number] = session
        return session

    # -- what sessions tell

    def confirmed(self, session: Session) -> None:
        """Both ends have confirmed."""
        if self.links is None or not self.links.confirmed(session):
            return
        self._admission.done(session.number, authenticated=True)
        if session.dialled:
            self._admission.remember(session.address)
        if self.neighbours is not None:
            self.neighbours.linked(session.address)

    def said(self, session: Session, message: Message) -> None:
        """A message about keys."""
        if self.links is not None:
            self.links.said(session, message)

    def ended(self, session: Session, reason: Reason, text: str) -> None:
        """It is over."""
        self.sessions.pop(session.number, None)
        self._admission.done(session.number, authenticated=False)
        log.debug("%s: %s (%s)", self._name, text, reason)
        if self.links is not None:
            self.links.ended(session, reason, text)
        if self.neighbours is None:
            return
        if any(other.address == session.address and other.alive for other in self.sessions.values()):
            self.neighbours.linked(session.address)
        elif session.channel is not None and session.channel.confirmed:
            self.neighbours.unlinked(session.address, self._clock())
        else:
            if session.leaf_only:
                self.neighbours.doubt_issuer(session.address, self._clock())
            if session.dialled:  # whoever dials us chooses its address, and so whom its failures would befall
                self._failed(session.address, reason)

    def _failed(self, address: str, reason: Reason) -> None:
        if self.neighbours is not None:
            self.neighbours.unlinked(address, self._clock())
            self.neighbours.failed(address, reason, self._clock())

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


class _Incoming(asyncio.Protocol):
    """Stands for a connection until it is known whether it may begin."""

    def __init__(self, service: Connections) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it to a session or close it."""
        assert isinstance(transport, asyncio.Transport)
        session = self._service.take(transport)
        if session is not None:
            transport.set_protocol(session)
            session.connection_made(transport)
