# SPDX-License-Identifier: Apache-2.0
"""Link security on one interface: beacons, listener, dialling, and a worker for the kernel. asyncio.

`run()` is for the supervisor: it waits for the interface, works until the interface goes, and begins anew.
The crypto libraries come in with the contexts it is given, not with this module.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from agent.hello.channel import Channel
from agent.hello.errors import HelloError
from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec import beacon as beacons
from agent.linksec import sockets
from agent.linksec.admission import Admission
from agent.linksec.agentrun import AgentRun
from agent.linksec.beaconing import Beaconing
from agent.linksec.errors import LinksecError, Reason
from agent.linksec.inherited import OwnKey
from agent.linksec.installer import Installer
from agent.linksec.keys import SakLife
from agent.linksec.keytimes import PERIOD
from agent.linksec.links import SecuredLinks
from agent.linksec.messages import Message
from agent.linksec.owners import Owners
from agent.linksec.peers import Neighbours
from agent.linksec.report import Counters, LinkEvent, LinkState
from agent.linksec.session import Session
from agent.linksec.worker import Worker

if TYPE_CHECKING:
    from agent.linksec.tls import Contexts

TICK: Final = 0.25  # s between looks at what is due: a tenth of a millisecond each
RETRY: Final = 1.0  # s until a missing interface is looked for again
CONNECT: Final = 3.0  # s for a TCP connection: two lost SYNs
# s between looks at the kernel's packet numbers (15 million of a full gigabit, of 4 billion) and channels
NUMBERS: Final = 10.0

log = logging.getLogger(__name__)


class Settings(msgspec.Struct, frozen=True):
    """What one interface is told."""

    interface: str
    trust_domain: str
    mode: Literal["required", "preferred"] = "required"
    port: int = beacons.PORT
    rekey_period: float = PERIOD


class LinkSecurity:
    """One interface. All methods in the event loop.

    `run`: of the agent, the same for all its interfaces; `contexts()`: the TLS contexts of the identity of now; `issuers()`: certificates of issuers (DER) that
    peers need not send us; `sci`: the channel of our macsec interface; `verify`: who a chain belongs to, or
    PeerRefusedError.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        run: AgentRun,
        sci: Sci,
        contexts: Callable[[], Contexts],
        verify: Verifier,
        issuers: Callable[[], tuple[bytes, ...]],
        installer: Installer,
        owners: Owners,
        on_event: Callable[[LinkEvent], None],
        random_bytes: Callable[[int], bytes],
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.settings, self.counters = settings, Counters()
        self.problem = ""  # why nothing can be done on this interface now
        self._name = settings.interface
        self._run, self._sci = run, sci
        self._contexts, self._verify = contexts, verify
        self._installer, self._owners, self._on_event = installer, owners, on_event
        self._random, self._clock, self._rng = random_bytes, clock, rng or random.Random()
        self._mesh = beacons.mesh_tag(settings.trust_domain)
        self._admission = Admission(self._rng)
        self._beacons = Beaconing(
            mesh=self._mesh,
            instance=run.mark,
            port=settings.port,
            mode=settings.mode,
            suite=lambda: contexts().suite.name,
            issuers=issuers,
            counters=self.counters,
            clock=clock,
            rng=self._rng,
        )
        self._sessions: dict[int, Session] = {}
        self._numbers = 0
        self._worker = Worker(self._name)
        self._links: SecuredLinks | None = None
        self._neighbours: Neighbours | None = None
        self._dials: set[asyncio.Task[None]] = set()
        self._numbers_at = 0.0

    # -- what others ask

    def states(self) -> tuple[LinkState, ...]:
        """Every neighbour with a channel, or held."""
        return self._links.states() if self._links else ()

    def recheck(self) -> tuple[str, ...]:
        """Trust has changed (revocation, bundle, time): cut who is no longer trusted; whom that was."""
        return self._links.recheck() if self._links else ()

    def renew(self) -> None:
        """`contexts` gives a new identity: show it to every neighbour, by new channels."""
        if self._links:
            self._links.renew()

    @property
    def half_open(self) -> int:
        """Connections taken whose handshake is not done."""
        return self._admission.half_open

    # -- life

    async def run(self) -> None:
        """Until cancelled, or a mistake of ours ended its worker: an ExceptionGroup for the supervisor."""
        async with asyncio.TaskGroup() as together:  # without its worker no key comes: both end, or none
            together.create_task(self._worker.run(), name=f"linksec keys {self._name}")
            while True:
                try:
                    await self._serve()
                except (OSError, HelloError, KernelError, LinksecError) as error:
                    self._waits(error)
                await asyncio.sleep(RETRY)

    def _waits(self, error: Exception) -> None:
        if str(error) != self.problem:
            self.problem = str(error)
            log.info("link security on %s waits: %s", self._name, error)

    async def _serve(self) -> None:
        """From the interface's appearance to its end."""
        own = sockets.link_local(self._name)
        channel = Channel(self._name, self.settings.port, beacons.GROUP)
        loop = asyncio.get_running_loop()
        server: asyncio.Server | None = None
        try:
            await self._begin(own)
            listening = sockets.listener(self._name, self.settings.port)
            server = await loop.create_server(self._accept, sock=listening)
            loop.add_reader(channel.fileno(), self._hear, channel)
            self.problem = ""
            self._beacons.begin()
            while channel.current():
                self._tick(channel)
                await asyncio.sleep(TICK)
        finally:
            loop.remove_reader(channel.fileno())
            channel.close()
            if server is not None:
                server.close()
            self._end()

    async def _begin(self, own: str) -> None:
        suite = self._contexts().suite.name
        neighbours = Neighbours(own, self._mesh, self._run.mark, suite, self._rng)
        if self._links is None:
            found = await self._worker.ask(self._installer.state)
            owners = await self._worker.ask(self._owners.load)
            self._links = SecuredLinks(
                self._name,
                life=self._life,
                found=found,
                owners=owners,
                keep=self._owners.save,
                installer=self._installer,
                submit=self._worker.submit,
                verify=self._verify,
                we_dial=lambda address: self._neighbours is not None and self._neighbours.we_dial(address),
                suite=suite,
                counters=self.counters,
                on_event=self._on_event,
                clock=self._clock,
            )
            self._links.recheck()  # whoever was revoked while the agent was not there
        self._neighbours = neighbours

    def _life(self, inherited: OwnKey) -> SakLife:
        return SakLife(
            self._clock(),
            random=self._random,
            jitter=self._rng.random,
            period=self.settings.rekey_period,
            inherited=inherited,
        )

    def _end(self) -> None:
        for task in self._dials:
            task.cancel()
        for session in tuple(self._sessions.values()):
            session.cut(Reason.STOPPED, f"link security on {self._name} stops")

    def _tick(self, channel: Channel) -> None:
        now = self._clock()
        assert self._links is not None
        assert self._neighbours is not None
        self._links.tick()
        self._neighbours.expire(now)
        for address, heard in self._neighbours.due(now):
            task = asyncio.create_task(self._dial(address, heard.port))
            self._dials.add(task)
            task.add_done_callback(self._dials.discard)
        try:
            self._beacons.send(channel)
            self.problem = ""
        except LinksecError as error:  # our identity is unreadable now: channels and keys that stand go on
            self._waits(error)
        if now >= self._numbers_at:
            self._numbers_at = now + NUMBERS
            self._look_at_kernel()

    def _hear(self, channel: Channel) -> None:
        for heard, address in self._beacons.heard(channel):
            if self._neighbours is not None and self._neighbours.heard(heard, address, self._clock()):
                self._beacons.soon()

    # -- connections

    def _accept(self) -> asyncio.Protocol:
        return _Incoming(self)

    def take(self, transport: asyncio.Transport) -> Session | None:
        """An incoming connection: its session, or None where it is refused and closed."""
        address = str(transport.get_extra_info("peername")[0]).partition("%")[0]
        number = self._number()
        allowed, victim = self._admission.ask(number, address, self._clock())
        if victim is not None and victim in self._sessions:
            self._sessions[victim].cut(Reason.FLOOD, "displaced by another connection")
        if not allowed:
            self.counters.refused += 1
            transport.abort()
            return None
        try:
            session = self._session(number, address, dialled=False)
        except LinksecError as error:  # our own identity is unusable; told where it is loaded
            log.warning("%s: %s", self._name, error)
            self._admission.done(number, authenticated=False)
            transport.abort()
            return None
        self.counters.accepted += 1
        return session

    async def _dial(self, address: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self.counters.dialled += 1
        try:
            made = sockets.dialler(self._name)
            try:
                where = (address, port, 0, socket.if_nametoindex(self._name))
                await asyncio.wait_for(loop.sock_connect(made, where), CONNECT)
                session = self._session(self._number(), address, dialled=True)
            except BaseException:
                made.close()
                raise
        except (OSError, LinksecError) as error:  # TimeoutError is one
            reason = Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.CLOSED
            self.counters.failed(reason)
            self._failed(address, reason)
            return
        try:
            await loop.create_connection(lambda: session, sock=made)
        except OSError as error:
            made.close()
            session.cut(Reason.CLOSED, f"dialling {address}: {error}")

    def _session(self, number: int, address: str, *, dialled: bool) -> Session:
        contexts = self._contexts()
        leaf_only = self._neighbours is not None and self._neighbours.knows_issuer(
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
        self._sessions[number] = session
        return session

    # -- what sessions tell

    def confirmed(self, session: Session) -> None:
        """Both ends have confirmed."""
        if self._links is None or not self._links.confirmed(session):
            return
        self._admission.done(session.number, authenticated=True)
        if session.dialled:
            self._admission.remember(session.address)
        if self._neighbours is not None:
            self._neighbours.linked(session.address)

    def said(self, session: Session, message: Message) -> None:
        """A message about keys."""
        if self._links is not None:
            self._links.said(session, message)

    def ended(self, session: Session, reason: Reason, text: str) -> None:
        """It is over."""
        self._sessions.pop(session.number, None)
        self._admission.done(session.number, authenticated=False)
        log.debug("%s: %s (%s)", self._name, text, reason)
        if self._links is not None:
            self._links.ended(session, reason, text)
        if self._neighbours is None:
            return
        if any(other.address == session.address and other.alive for other in self._sessions.values()):
            self._neighbours.linked(session.address)
        elif session.channel is not None and session.channel.confirmed:
            self._neighbours.unlinked(session.address, self._clock())
        else:
            if session.leaf_only:
                self._neighbours.doubt_issuer(session.address, self._clock())
            if session.dialled:  # whoever dials us chooses its address, and so whom its failures would befall
                self._failed(session.address, reason)

    def _failed(self, address: str, reason: Reason) -> None:
        if self._neighbours is not None:
            self._neighbours.unlinked(address, self._clock())
            self._neighbours.failed(address, reason, self._clock())

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _look_at_kernel(self) -> None:
        found: list[SecY] = []

        def done(error: KernelError | None) -> None:
            if error is not None:
                log.debug("%s: %s", self._name, error)
            elif self._links is not None:
                self._links.state(found[0])

        self._worker.submit(lambda: found.append(self._installer.state()), done)


class _Incoming(asyncio.Protocol):
    """Stands for a connection until it is known whether it may begin."""

    def __init__(self, service: LinkSecurity) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it to a session or close it."""
        assert isinstance(transport, asyncio.Transport)
        session = self._service.take(transport)
        if session is not None:
            transport.set_protocol(session)
            session.connection_made(transport)
