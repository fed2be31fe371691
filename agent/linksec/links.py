# SPDX-License-Identifier: Apache-2.0
"""The secured neighbours of one interface: who comes, goes, and is trusted. In the event loop, no sockets.

What that means for keys is keying.py's. A neighbour is a SPIFFE id and a secure channel: one node with two
interfaces on one segment is two neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from agent.hello.limits import TokenBucket
from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec import contradictions, inherited
from agent.linksec.audience import HOLD
from agent.linksec.contradictions import Contradiction
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.holders import Holders
from agent.linksec.inherited import Orphans, OwnKey
from agent.linksec.installer import Installer
from agent.linksec.judged import Judged, Verifier
from agent.linksec.kernelkeys import KernelKeys
from agent.linksec.keying import Keying
from agent.linksec.keys import SakLife
from agent.linksec.keytimes import SETTLE
from agent.linksec.link import Link, name_of
from agent.linksec.messages import Message
from agent.linksec.received import Received
from agent.linksec.recheck import untrusted
from agent.linksec.report import Counters, Kind, LinkEvent, LinkState
from agent.linksec.session import Session
from agent.linksec.worker import Submit

# After these the neighbour's keys stay for HOLD: its agent restarts, or the network wavered. A record that
# does not decrypt (TLS) is among them: one forged segment inside TCP's window makes it, so it is no fault of
# the neighbour's and no reason to be deaf to it.
HARMLESS: Final = frozenset({Reason.CLOSED, Reason.SILENT, Reason.STOPPED, Reason.REPLACED, Reason.TLS})
UNCOUNTED: Final = frozenset({Reason.STOPPED, Reason.REPLACED})
STRANGER_RATE, STRANGER_BURST = 0.1, 8.0  # failures told of whoever never proved who it is; all are counted
log = logging.getLogger(__name__)


class SecuredLinks:
    """`found`: the macsec interface as it was when the agent started; `owners`: whose its channels were.

    `keep`: puts the owners of now on disk (blocking).
    """

    def __init__(
        self,
        interface: str,
        *,
        life: Callable[[OwnKey], SakLife],
        found: SecY,
        owners: Mapping[Sci, Judged],
        keep: Callable[[Mapping[Sci, Judged]], None],
        installer: Installer,
        submit: Submit,
        verify: Verifier,
        we_dial: Callable[[str], bool],
        suite: str,
        counters: Counters,
        on_event: Callable[[LinkEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self._interface, self._submit = interface, submit
        self._verify, self._we_dial, self._suite = verify, we_dial, suite
        self._counters, self._on_event, self._clock = counters, on_event, clock
        self._orphans = Orphans(found, owners, clock() + SETTLE + HOLD)
        self._keep = keep
        self._kept: dict[Sci, Judged] | None = dict(owners)  # None: what stands there is not known
        self._unkept = False
        self._life = life(inherited.own_key(found))
        self._links: dict[str, Link] = {}
        self._holders = Holders()
        self._strangers = TokenBucket(STRANGER_RATE, STRANGER_BURST, clock())
        self._kernel = KernelKeys(
            interface, installer=installer, submit=submit, counters=counters, clock=clock
        )
        self._keying = Keying(
            self._links,
            life=self._life,
            holders=self._holders,
            kernel=self._kernel,
            counters=counters,
            tell=self._event,
            cut=self._cut,
            suite=suite,
            clock=clock,
        )
        for sci in self._orphans.nobodys:
            self._kernel.clear(sci)

    # -- what is

    def states(self) -> tuple[LinkState, ...]:
        """Every neighbour."""
        now = self._clock()
        return tuple(
            LinkState(
                self._interface,
                link.peer,
                link.sci.mac,
                link.address,
                up=link.up,
                held=link.session is None,
                suite=self._suite,
                age=now - link.since,
                key_age=now - self._life.used_since,
            )
            for link in self._links.values()
        )

    def key_age(self) -> float | None:
        """Seconds since the key we send under came into use, None while there is none."""
        return self._clock() - self._life.used_since if self._life.current is not None else None

    def current_key(self) -> bytes:
        """The identifier of the key in use, b"" before the first."""
        return self._life.current.key_id if self._life.current else b""

    # -- what sessions tell

    def confirmed(self, session: Session) -> bool:
        """Take a confirmed session in; False where it was cut instead.

        It is judged once more: what was true when its handshake was done may have been taken back before both
        ends had confirmed, and `recheck` sees neighbours only.
        """
        try:
            self._verify(session.chain)
        except PeerRefusedError as error:
            session.cut(error.reason, str(error))
            return False
        channel = session.channel
        assert channel is not None
        assert channel.sci is not None
        sci, now = channel.sci, self._clock()
        if not self._fits(session, sci):
            return False
        name = name_of(session.peer, sci)
        link = self._links.get(name)
        if link is None:
            link = self._links[name] = Link(session, sci, Received(self._orphans.claim(sci)), now)
        else:
            other, link.session = link.session, session
            link.address, link.chain = session.address, session.chain
            if other is not None:
                other.cut(Reason.REPLACED, f"a newer channel to {session.peer}")
            else:
                self._event(Kind.RESUMED, link.peer, sci.mac, None, f"a channel to {link.peer} stands again")
        self._counters.confirmed += 1
        self._keep_owners()
        self._keying.do(self._life.joined(name, channel.instance, now))
        return link.session is session

    def said(self, session: Session, message: Message) -> None:
        """A message about keys. ChannelError: it cannot be."""
        link = self._of(session)
        if link is not None:
            self._keying.said(link, message)

    def ended(self, session: Session, reason: Reason, text: str) -> None:
        """A session is over; its keys stay for a while, or go."""
        link = self._of(session)
        if reason not in UNCOUNTED:
            self._counters.failed(reason)
        if link is None:
            told = reason not in UNCOUNTED and (session.peer or self._strangers.take(self._clock()))
            if told:
                self._event(Kind.FAILED, session.peer or session.address, "", reason, text)
            return
        link.session = None
        if reason in HARMLESS:
            self._keying.do(self._life.lost(link.name, self._clock()))
            if link.name in self._links:
                self._event(Kind.HELD, link.peer, link.sci.mac, reason, text)
        else:
            self._keying.do(self._life.removed(link.name, self._clock()))
            self._drop(link, reason, text)

    # -- what the owner wants

    def tick(self) -> None:
        """Call twice a second or so."""
        now = self._clock()
        self._keying.do(self._life.tick(now))
        self._holders.keep(self._life.in_use())
        for link in tuple(self._links.values()):
            self._keying.receive(link, link.received.tick(now))
        for sci in self._orphans.expired(now):
            self._kernel.clear(sci)
        self._kernel.tick()
        self._keep_owners()

    def state(self, found: SecY) -> None:
        """The kernel's own numbers and channels, now and then."""
        if self._unkept:
            self._kept, self._unkept = None, False  # the next tick tries again
        self._kernel.sweep(found, {*self._orphans.owners(), *(link.sci for link in self._links.values())})
        for sa in found.transmit:
            if sa.key_id == self.current_key():
                self._keying.do(self._life.packet_number(sa.pn, self._clock()))
                return

    def recheck(self) -> tuple[str, ...]:
        """Trust has changed: judge anew every neighbour, and whoever was one and still has our key.

        So are those that an earlier run left in the kernel. Who is refused is cut, our key replaced at once;
        whom that was.
        """
        self._holders.keep(self._life.in_use())
        found = untrusted(self._verify, self._links.values(), self._holders, self._orphans)
        if not found.peers:
            return ()
        for link, error in found.links:
            self._cut(link, error.reason, str(error))
        for one in found.left:
            text = f"{one.peer} left with our key and is trusted no more, so the key is changed: {one.error}"
            self._event(Kind.FAILED, one.peer, "", one.error.reason, text)
        for sci, peer, error in found.orphans:
            self._kernel.clear(sci)
            self._event(Kind.DOWN, peer, sci.mac, error.reason, str(error))
        gone = [link.name for link, _ in found.links]
        self._keying.do(self._life.expel(gone, found.key_ids, self._clock()))
        return found.peers

    def renew(self) -> None:
        """We have a new certificate: channels are made anew to show it. The keys stay and work meanwhile."""
        for link in tuple(self._links.values()):
            if link.session is not None:
                link.session.cut(Reason.STOPPED, "our certificate was renewed")

    def restart(self, mac: str) -> tuple[str, ...]:
        """Give up all that is there of whoever sends from this MAC, channel and keys; their addresses.

        It begins anew as a stranger would: what does not agree between the two ends is gone with it.
        """
        chosen = [link for link in self._links.values() if link.sci.mac == mac]
        for link in chosen:
            self._keying.do(self._life.removed(link.name, self._clock()))
            self._cut(link, Reason.STOPPED, f"the link with {link.peer} is made anew")
        return tuple(link.address for link in chosen)

    def rekey(self) -> None:
        """Change our key now; who does not follow within a second and a half is cut."""
        self._keying.do(self._life.rekey(self._clock(), urgent=True))

    # -- inside

    def _of(self, session: Session) -> Link | None:
        return next((link for link in self._links.values() if link.session is session), None)

    def _fits(self, session: Session, sci: Sci) -> bool:
        """Does it contradict no neighbour we have, and is there room for it? Else it is cut."""
        found = contradictions.found(
            session, sci, self._links.values(), self._orphans, self._kernel.leaving(), self._we_dial
        )
        if found is None and self._holders.full(session.chain):
            found = Contradiction(Reason.FULL, "our key was given to too many; it is being changed")
            self._keying.do(self._life.rekey(self._clock()))
        if found is None:
            return True
        if found.reason is Reason.DUPLICATE:
            self._counters.duplicates += 1
            self._event(Kind.DUPLICATE, session.peer, sci.mac, Reason.DUPLICATE, found.text)
        session.cut(found.reason, found.text)
        return False

    def _cut(self, link: Link, reason: Reason, text: str) -> None:
        """End its session and receive nothing more from it; what concerns our own key is settled already."""
        session, link.session = link.session, None
        if session is not None:
            session.cut(reason, text)
        self._drop(link, reason, text)

    def _drop(self, link: Link, reason: Reason, text: str) -> None:
        """Receive nothing more from it."""
        if self._links.get(link.name) is not link:
            return
        del self._links[link.name]
        self._kernel.clear(link.sci)
        self._event(Kind.DOWN, link.peer, link.sci.mac, reason, text)

    def _keep_owners(self) -> None:
        """On disk as soon as it has changed: whoever is not there has to begin anew after our restart."""
        owners = self._orphans.owners()
        owners |= {link.sci: link.owner for link in self._links.values()}
        if owners == self._kept:
            return
        self._kept = owners

        def done(error: KernelError | None) -> None:
            if error is not None:
                self._unkept = True
                log.warning("%s: %s", self._interface, error)

        self._submit(partial(self._keep, owners), done)

    def _event(self, kind: Kind, peer: str, mac: str, reason: Reason | None, text: str) -> None:
        self._on_event(LinkEvent(kind, self._interface, peer, mac, reason, text))
