# SPDX-License-Identifier: Apache-2.0
"""Link security on one interface: beacons, listener, dialling, and a worker for the kernel. asyncio.

`run()` is for the supervisor: it waits for the interface, works until the interface goes, and begins anew.
The crypto libraries come in with the contexts it is given, not with this module.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from agent.hello.channel import Channel
from agent.hello.errors import HelloError
from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec import beacon as beacons
from agent.linksec import sockets
from agent.linksec.agentrun import AgentRun
from agent.linksec.beaconing import Beaconing
from agent.linksec.connections import Connections
from agent.linksec.errors import LinksecError
from agent.linksec.inherited import OwnKey
from agent.linksec.installer import Installer
from agent.linksec.judged import Verifier
from agent.linksec.keys import SakLife
from agent.linksec.keytimes import PERIOD
from agent.linksec.links import SecuredLinks
from agent.linksec.owners import Owners
from agent.linksec.peers import Neighbours
from agent.linksec.report import Counters, LinkEvent, LinkState
from agent.linksec.worker import Worker

if TYPE_CHECKING:
    from agent.linksec.tls import Contexts

TICK: Final = 0.25  # s between looks at what is due: a tenth of a millisecond each
RETRY: Final = 1.0  # s until a missing interface is looked for again
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

    `run`: of the agent, the same for all its interfaces; `contexts()`: the TLS contexts of the identity of
    now; `issuers()`: certificates of issuers (DER) that peers need not send us; `sci`: the channel of our
    macsec interface; `verify`: who a chain belongs to, or PeerRefusedError; `owners`: whose channels an
    earlier run of the agent left in the kernel.
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
        self._run = run
        self._contexts, self._verify = contexts, verify
        self._installer, self._owners, self._on_event = installer, owners, on_event
        self._random, self._clock, self._rng = random_bytes, clock, rng or random.Random()
        self._mesh = beacons.mesh_tag(settings.trust_domain)
        self._connections = Connections(
            self._name,
            run=run,
            sci=sci,
            contexts=contexts,
            verify=verify,
            counters=self.counters,
            clock=clock,
            rng=self._rng,
        )
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
        self._worker = Worker(self._name)
        self._numbers_at = 0.0

    # -- what others ask

    def states(self) -> tuple[LinkState, ...]:
        """Every neighbour with a channel, or held."""
        links = self._connections.links
        return links.states() if links else ()

    def key_age(self) -> float | None:
        """Seconds since our key here came into use, None while there is none."""
        links = self._connections.links
        return links.key_age() if links else None

    def beaconing(self) -> Collection[str]:
        """Link-local addresses of those who offer to be secured."""
        neighbours = self._connections.neighbours
        return neighbours.heard_of() if neighbours else ()

    def recheck(self) -> tuple[str, ...]:
        """Trust has changed (revocation, bundle, time): cut who is no longer trusted; whom that was."""
        links = self._connections.links
        return links.recheck() if links else ()

    def renew(self) -> None:
        """`contexts` gives a new identity: show it to every neighbour, by new channels."""
        if self._connections.links is not None:
            self._connections.links.renew()

    def restarted(self, address: str) -> float | None:
        """Seconds since that neighbour's beacon says it began anew, None where a channel stands since."""
        neighbours = self._connections.neighbours
        at = neighbours.restarted(address) if neighbours else None
        return None if at is None else max(0.0, self._clock() - at)

    def restart(self, mac: str) -> bool:
        """Make the link with whoever sends from this MAC anew; was there one?"""
        here = self._connections
        addresses = here.links.restart(mac) if here.links else ()
        for address in addresses:
            if here.neighbours is not None:
                here.neighbours.again(address, self._clock())
        return bool(addresses)

    def rekey(self) -> bool:
        """Change our key now; is there one?"""
        links = self._connections.links
        if links is None or not links.current_key():
            return False
        links.rekey()
        return True

    @property
    def half_open(self) -> int:
        """Connections taken whose handshake is not done."""
        return self._connections.half_open

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
            server = await loop.create_server(self._connections.incoming, sock=listening)
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
            self._connections.end(f"link security on {self._name} stops")

    async def _begin(self, own: str) -> None:
        suite, here = self._contexts().suite.name, self._connections
        if here.links is None:
            found = await self._worker.ask(self._installer.state)
            owners = await self._worker.ask(self._owners.load)
            here.links = SecuredLinks(
                self._name,
                life=self._life,
                found=found,
                owners=owners,
                keep=self._owners.save,
                installer=self._installer,
                submit=self._worker.submit,
                verify=self._verify,
                we_dial=lambda address: here.neighbours is not None and here.neighbours.we_dial(address),
                suite=suite,
                counters=self.counters,
                on_event=self._on_event,
                clock=self._clock,
            )
            here.links.recheck()  # whoever was revoked while the agent was not there
        here.neighbours = Neighbours(own, self._mesh, self._run.mark, suite, self._rng)

    def _life(self, inherited: OwnKey) -> SakLife:
        return SakLife(
            self._clock(),
            random=self._random,
            jitter=self._rng.random,
            period=self.settings.rekey_period,
            inherited=inherited,
        )

    def _tick(self, channel: Channel) -> None:
        now, here = self._clock(), self._connections
        assert here.links is not None
        assert here.neighbours is not None
        here.links.tick()
        here.neighbours.expire(now)
        here.dial()
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
            neighbours = self._connections.neighbours
            if neighbours is not None and neighbours.heard(heard, address, self._clock()):
                self._beacons.soon()

    def _look_at_kernel(self) -> None:
        found: list[SecY] = []

        def done(error: KernelError | None) -> None:
            if error is not None:
                log.debug("%s: %s", self._name, error)
            elif self._connections.links is not None:
                self._connections.links.state(found[0])

        self._worker.submit(lambda: found.append(self._installer.state()), done)
