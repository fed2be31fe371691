# SPDX-License-Identifier: Apache-2.0
"""One interface with sessions and a kernel in memory."""

from __future__ import annotations

import random

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci
from agent.linksec.channel import Channel
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.inherited import OwnKey
from agent.linksec.judged import Chain, Judged
from agent.linksec.keys import SakLife
from agent.linksec.links import SecuredLinks
from agent.linksec.messages import Installed, Message, Offer
from agent.linksec.report import Counters, Kind, LinkEvent
from agent.linksec.worker import Done, Job
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

ME = "spiffe://tal/node/me"
OWN = Sci("02:00:00:00:00:01")


class PretendSession:
    """A confirmed session that keeps what it is told."""

    def __init__(
        self, links: SecuredLinks, peer: str, number: int, instance: int = 1, *, dialled: bool = True
    ):
        self.peer, self.address, self.dialled = f"spiffe://tal/node/{peer}", f"fe80::{number:x}", dialled
        self.chain = (peer.encode(),)
        self.channel = Channel(me=ME, peer=self.peer, instance=b"x" * 8, sci=OWN, now=0.0)
        self.channel.sci, self.channel.instance = Sci(f"02:00:00:00:01:{number:02x}"), bytes([instance]) * 8
        self.alive = True
        self.said: list[Message] = []
        self.ended: Reason | None = None
        self._links = links

    def say(self, message: Message) -> None:
        self.said.append(message)

    def cut(self, reason: Reason, text: str) -> None:
        if self.ended is None:
            self.ended, self.alive = reason, False
            self._links.ended(self, reason, text)  # type: ignore[arg-type]


class Bench:
    """One interface with a kernel in memory; jobs run at once unless `held`.

    `before`: of the agent's earlier run, whose kernel this is; `file`: the file of that run is there, too.
    """

    def __init__(self, before: Bench | None = None, *, file: bool = True) -> None:
        self.now = 0.0
        self.events: list[LinkEvent] = []
        self.counters = Counters()
        self.kernel: PretendMacsec = before.kernel if before else PretendMacsec(OWN)
        self.owners: PretendOwners = before.owners if before and file else PretendOwners()
        self.refused: set[bytes] = set()
        self.held: list[tuple[Job, Done]] | None = None
        made = random.Random(2 if before else 1)

        def life(inherited: OwnKey) -> SakLife:
            return SakLife(self.now, random=made.randbytes, jitter=lambda: 0.5, inherited=inherited)

        self.links = SecuredLinks(
            "e1",
            life=life,
            found=self.kernel.state(),
            owners=self.owners.load(),
            keep=self.owners.save,
            installer=self.kernel,
            submit=self.submit,
            verify=self.verify,
            we_dial=lambda address: address > "fe80::5",
            suite="hybrid",
            counters=self.counters,
            on_event=self.events.append,
            clock=lambda: self.now,
        )

    def submit(self, job: Job, done: Done) -> None:
        if self.held is not None:
            self.held.append((job, done))
            return
        try:
            job()
        except KernelError as error:
            done(error)
        else:
            done(None)

    def verify(self, chain: Chain) -> Judged:
        if chain[0] in self.refused:
            raise PeerRefusedError("revoked", Reason.REVOKED)
        return Judged(f"spiffe://tal/node/{chain[0].decode()}", chain)

    def session(self, peer: str, number: int, instance: int = 1, *, dialled: bool = True) -> PretendSession:
        """A new confirmed session, taken in."""
        made = PretendSession(self.links, peer, number, instance, dialled=dialled)
        self.links.confirmed(made)  # type: ignore[arg-type]
        return made

    def linked(self, peer: str, number: int) -> PretendSession:
        """A session with keys both ways."""
        made = self.session(peer, number)
        self.confirm(made)
        offer = Offer(0, bytes([number]) * 16, bytes([number]) * 32, 1)
        self.links.said(made, offer)  # type: ignore[arg-type]
        return made

    def confirm(self, session: PretendSession) -> None:
        """It confirms every key it was offered."""
        for message in [one for one in session.said if isinstance(one, Offer)]:
            self.links.said(session, Installed(message.key_id))  # type: ignore[arg-type]

    def saw(self, kind: Kind) -> list[LinkEvent]:
        return [event for event in self.events if event.kind is kind]


def stopped(*names: str) -> Bench:
    """A run that has ended, with keys of and for all of these."""
    before = Bench()
    for number, name in enumerate(names, 2):
        before.linked(name, number)
    before.links.tick()
    return before
