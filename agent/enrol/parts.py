# SPDX-License-Identifier: Apache-2.0
"""The parts of enrolment on one node, put together from its configuration."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any, Final

from agent.config import Config, host_port
from agent.enrol.announcing import Announcing
from agent.enrol.asking import suite_of
from agent.enrol.desk import ROLE, Desk, open_desk
from agent.enrol.issuing import IssuerService
from agent.enrol.leading import Leading
from agent.enrol.messages import ENROL, LISTS, Offer
from agent.enrol.nearby import Nearby
from agent.enrol.obtaining import Obtaining
from agent.enrol.porch import Porch
from agent.enrol.spreading import Neighbour, Spreading
from agent.enrol.standing import Clock, Standing, first_bundle
from agent.enrol.ways import Kind, Way
from agent.identity import spiffe
from agent.identity.certificate import read
from agent.identity.errors import IdentityError
from agent.identity.issuerfolders import open_issuer
from agent.identity.keyfile import read_public
from agent.identity.limits import LIST_BYTES
from agent.identity.nodefiles import NodeFiles
from agent.linksec import beacon as beacons
from agent.linksec.errors import Reason, TlsError
from agent.linksec.judged import Chain, Judged
from agent.linksec.tls import ALPN, Contexts
from agent.linksec.trust import MAX_ISSUERS, Trust, credentials, verifier

LISTEN_RETRY: Final = 10.0  # s until an address that could not be had is tried again
LOOPBACK, HERE = "lo", "::1"
log = logging.getLogger(__name__)


class Parts:
    """Made in a thread, as it reads files; IdentityErrors. All else in the event loop."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        neighbours: Callable[[], Iterable[Neighbour]],
        on_identity: Callable[[], object],
        on_trust: Callable[[], object],
        serial: str,
        wall: Clock,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        own = config.identity
        assert own.mesh is not None
        self.config, self._own, self._clock = config, own, clock
        self._on_identity = on_identity
        self._contexts: dict[bytes, Contexts] = {}
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        first = first_bundle(own.bundle or "", own.mesh)
        if own.trust_clock:
            wall = _trusting(wall)
        self.standing = Standing(NodeFiles(folder), first, wall, own.grace)
        self._verifier = verifier(self.trust)
        mesh = beacons.mesh_tag(own.mesh)
        name = spiffe.node_name(config.node.name)
        self.desk: Desk | None = None
        self.obtaining = Obtaining(
            name,
            own.token or "",
            NodeFiles(folder),
            self.standing,
            ways=self._ways,
            led=self._led,
            desk=lambda: self.desk,
            on_identity=self._renewed,
            clock=clock,
            rng=rng,
            serial=serial,
        )
        self.obtaining.load()
        self.announcing = Announcing(
            config.mesh.name,
            own.issuer_port,
            mesh,
            offer=self._offer,
            seeking=self._seeking,
            around=lambda: frozenset(each.peer for each in neighbours()),
            on_news=self.obtaining.news,
            clock=clock,
            rng=rng,
        )
        self.nearby = [
            Nearby(
                interface.name,
                mesh,
                wanted=lambda: self.obtaining.seeking,
                on_news=self.obtaining.news,
                clock=clock,
                rng=rng,
            )
            for interface in config.mesh.interfaces
        ]
        self.spreading = Spreading(
            self.standing,
            own.port,
            contexts=lambda: self._context(LISTS),
            verify=self.verify,
            neighbours=lambda: neighbours() if self.obtaining.verified else (),
            on_news=on_trust,
            clock=clock,
            rng=rng,
        )
        leading = Leading(lambda issuer: self._lead_to(issuer, enrols=False), clock, rng)
        self.leading = leading if own.lead else None
        self.porch = Porch(self.leading, self.spreading, clock, rng)
        self.issuing: IssuerService | None = None
        self.desk = self._open_desk()  # last, as it holds a file open
        if self.desk is not None:
            self.issuing = IssuerService(
                self.desk, trust=self.trust, contexts=lambda: self._context(ENROL), clock=clock, rng=rng
            )

    # -- what others ask

    def trust(self) -> Trust:
        """What a peer is judged by now."""
        return self.standing.trust(self.issuers())

    def verify(self, chain: Chain) -> Judged:
        """Whose chain is it? PeerRefusedError. The issuer of one that is good need not be sent again."""
        judged = self._verifier(chain)
        self._tell_time(judged.chain)
        if len(judged.chain) > 1:
            self._seen[judged.chain[1]] = None
            self._seen.move_to_end(judged.chain[1])
            if len(self._seen) > MAX_ISSUERS:
                self._seen.popitem(last=False)
        return judged

    def _tell_time(self, chain: Chain) -> None:
        """Where no clock is, neighbours' certificates tell that at least so much time has passed."""
        if len(chain) < 2 or self.standing.moment().trusted:
            return
        leaf, issuer = read(chain[0], "a neighbour's SVID"), read(chain[1], "its issuer")
        self.standing.floor.saw_signed(leaf.not_before, issuer.not_after)

    def issuers(self) -> tuple[bytes, ...]:
        """Our own issuer first, then those met last."""
        own = self.obtaining.own
        first = own.chain[1:2] if own is not None else ()
        others = [der for der in reversed(self._seen) if der not in first]
        return (*first, *others)[:MAX_ISSUERS]

    def contexts(self) -> Contexts:
        """For links. TlsError: not enrolled."""
        return self._context(ALPN)

    # -- life

    def tasks(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """What runs, by name."""
        found: list[tuple[str, Coroutine[Any, Any, None]]] = [
            ("identity", self.obtaining.run()),
            ("issuers on the mesh", self.announcing.run()),
            ("lists", self.spreading.run()),
        ]
        for nearby in self.nearby:
            found.append((f"neighbours on {nearby.interface}", nearby.run()))
            found.append((f"porch on {nearby.interface}", self._porch(nearby.interface)))
        if self.issuing is not None:
            names = (LOOPBACK, self.config.mesh.name)
            found += [(f"issuer on {name}", self._issue(self.issuing, name)) for name in names]
            if self._own.listen is not None:
                found.append(("issuer's address", self._issue_at(self.issuing, self._own.listen)))
        return found

    async def end(self) -> None:
        """Cut every connection."""
        await self.porch.door.end()
        if self.issuing is not None:
            await self.issuing.end()

    async def _porch(self, interface: str) -> None:
        await self._enrolled()
        await self.porch.door.keep(interface, self._own.port)

    async def _issue(self, issuing: IssuerService, interface: str) -> None:
        await self._enrolled()
        await issuing.door.keep(interface, self._own.issuer_port)

    async def _issue_at(self, issuing: IssuerService, where: str) -> None:
        await self._enrolled()
        while True:
            try:
                await issuing.door.keep_at(*host_port(where))
            except OSError as error:
                log.warning("the issuer cannot listen on %s: %s", where, error)
            await asyncio.sleep(LISTEN_RETRY)

    async def _enrolled(self) -> None:
        await self.obtaining.enrolled.wait()

    # -- inside

    def _open_desk(self) -> Desk | None:
        if not self._own.issuer:
            return None
        folder = Path(self._own.issuer_dir or f"{self.config.node.state_dir}/issuer")
        open_issuer(folder)  # its errors first: a missing folder is the commonest
        lists = folder / "revocations.cose"
        if lists.exists():
            try:
                self.standing.take_list(read_public(lists, LIST_BYTES))
            except IdentityError as error:
                log.warning("%s: %s", lists, error)
        return open_desk(folder, self.standing.bundle, self._own.svid_life)

    def _context(self, alpn: bytes) -> Contexts:
        own = self.obtaining.own
        if own is None or not own.chain:
            raise TlsError("this node is not enrolled yet", Reason.CERTIFICATE)
        if alpn not in self._contexts:
            self._contexts[alpn] = Contexts(credentials(own), suite_of(self.standing.trust()), alpn)
        return self._contexts[alpn]

    def _renewed(self) -> None:
        self._contexts.clear()
        verified = self.obtaining.verified
        if verified is not None:
            self.standing.floor.saw_signed(verified.not_before, verified.issuer.not_after)
        self._on_identity()

    def _issues(self) -> bool:
        """May others be told to ask here?"""
        verified = self.obtaining.verified
        return (
            self.issuing is not None
            and verified is not None
            and ROLE in verified.roles
            and self.standing.moment().trusted
        )

    def _offer(self) -> Offer | None:
        if self.desk is None or not self._issues():
            return None
        mesh = beacons.mesh_tag(self._own.mesh or "")
        return Offer(1, mesh, self.desk.name, self.desk.enrols, self._own.issuer_port)

    def _seeking(self) -> bool:
        """A node that leads others must know an issuer before one of them comes."""
        if self.obtaining.seeking:
            return True
        enrols = self.desk is not None and self.desk.enrols
        return self._own.lead and not enrols and not self.announcing.found.all(self._clock())

    def _ways(self, issuer: str, enrols: bool) -> list[Way]:
        return [*self._lead_to(issuer, enrols=enrols), *self._by_neighbours(issuer)]

    def _lead_to(self, issuer: str, *, enrols: bool) -> list[Way]:
        """Ways that do not go by a neighbour: none is led in circles."""
        found: list[Way] = []
        desk = self.desk
        if desk is not None and desk.name == issuer and (desk.enrols or not enrols) and self._issues():
            found.append(Way(Kind.HERE, issuer, HERE, self._own.issuer_port, LOOPBACK))
        for each in self._own.issuers:
            if each.name == issuer:
                host, port = host_port(each.address)
                found.append(Way(Kind.CONFIGURED, issuer, host, port))
        for address, offer in self.announcing.found.of(issuer, enrols=enrols, now=self._clock()):
            found.append(Way(Kind.ANNOUNCED, issuer, address, offer.port, self.config.mesh.name))
        return found

    def _by_neighbours(self, issuer: str) -> list[Way]:
        return [
            Way(Kind.NEIGHBOUR, issuer, address, self._own.port, nearby.interface)
            for nearby in self.nearby
            for address in nearby.addresses()
        ]

    def _led(self, way: Way, good: bool) -> None:
        if way.kind is Kind.ANNOUNCED:
            self.announcing.found.led(way.host, good=good)


def _trusting(wall: Clock) -> Clock:
    """The same clock, taken for right as the configuration says."""
    return lambda: (wall()[0], True)
