# SPDX-License-Identifier: Apache-2.0
"""The secured neighbours of one interface: sessions joined with keys. In the event loop, without sockets.

What must be done in the kernel is handed to `submit`, which runs one job after the other in a worker and
calls back. A neighbour is a SPIFFE id and a secure channel: one node with two interfaces on one segment is
two neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from agent.hello.limits import TokenBucket
from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci, SecY
from agent.linksec import inherited
from agent.linksec.errors import ChannelError, PeerRefusedError, Reason
from agent.linksec.holders import Holders
from agent.linksec.installer import Installer
from agent.linksec.inherited import Orphans, OwnKey
from agent.linksec.judged import Judged, Verifier
from agent.linksec.keyactions import Action, ChangeOver, Cut, Give, Remove, Sak, Tell
from agent.linksec.keys import HOLD, SETTLE, SakLife
from agent.linksec.messages import Active, Installed, Message, Offer
from agent.linksec.received import Confirm, Forget, Install, Received, RxAction
from agent.linksec.report import Counters, Kind, LinkEvent, LinkState
from agent.linksec.session import Session
from agent.linksec.worker import Job, Submit

# After these the neighbour's keys stay for HOLD: its agent restarts, or the network wavered. A record that
# does not decrypt (TLS) is among them: one forged segment inside TCP's window makes it, so it is no fault of
# the neighbour's and no reason to be deaf to it.
HARMLESS: Final = frozenset({Reason.CLOSED, Reason.SILENT, Reason.STOPPED, Reason.REPLACED, Reason.TLS})
UNCOUNTED: Final = frozenset({Reason.STOPPED, Reason.REPLACED})
STRANGER_RATE, STRANGER_BURST = 0.1, 8.0  # failures told of whoever never proved who it is; all are counted
log = logging.getLogger(__name__)


class _Link:
    """One neighbour."""

    __slots__ = ("address", "chain", "name", "peer", "received", "sci", "session", "since", "up")

    def __init__(self, name: str, session: Session, sci: Sci, received: Received, now: float) -> None:
        self.name, self.peer, self.sci = name, session.peer, sci
        self.session: Session | None = session
        self.address, self.chain = session.address, session.chain
        self.received, self.since, self.up = received, now, False


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
        self._interface, self._installer, self._submit = interface, installer, submit
        self._verify, self._we_dial, self._suite = verify, we_dial, suite
        self._counters, self._on_event, self._clock = counters, on_event, clock
        self._orphans = Orphans(found, owners, clock() + SETTLE + HOLD)
        self._keep, self._kept = keep, dict(owners)
        self._life = life(inherited.own_key(found))
        self._links: dict[str, _Link] = {}
        self._holders = Holders()
        self._strangers = TokenBucket(STRANGER_RATE, STRANGER_BURST, clock())
        for sci in self._orphans.nobodys:
            self._forget(sci, f"{sci}, left by an earlier run")

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
        name = f"{session.peer} {sci}"
        if not self._fits(session, sci):
            return False
        if self._holders.full(session.chain):
            session.cut(Reason.FULL, "our key was given to too many; it is being changed")
            self._do(self._life.rekey(now))
            return False
        link = self._links.get(name)
        if link is None:
            received = Received(self._orphans.claim(sci))
            link = self._links[name] = _Link(name, session, sci, received, now)
        else:
            other, link.session = link.session, session
            link.address, link.chain = session.address, session.chain
            if other is not None:
                other.cut(Reason.REPLACED, f"a newer channel to {session.peer}")
            else:
                self._event(Kind.RESUMED, link.peer, sci.mac, None, f"a channel to {link.peer} stands again")
        self._counters.confirmed += 1
        self._do(self._life.joined(name, channel.instance, now))
        return link.session is session

    def said(self, session: Session, message: Message) -> None:
        """A message about keys. ChannelError: it cannot be."""
        link = self._of(session)
        if link is None:
            return
        if isinstance(message, Offer):
            self._receive(link, link.received.offered(message))
        elif isinstance(message, Installed):
            self._do(self._life.confirmed(link.name, message.key_id, self._clock()))
        elif isinstance(message, Active):
            link.received.active(message, self._clock())
        else:
            raise ChannelError(f"{link.peer} sent {type(message).__name__} out of turn", Reason.MESSAGE)
        self._look(link)

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
            self._do(self._life.lost(link.name, self._clock()))
            if link.name in self._links:
                self._event(Kind.HELD, link.peer, link.sci.mac, reason, text)
        else:
            self._do(self._life.removed(link.name, self._clock()))
            self._drop(link, reason, text)

    # -- what the owner wants

    def tick(self) -> None:
        """Call twice a second or so."""
        now = self._clock()
        self._do(self._life.tick(now))
        self._holders.keep(self._life.in_use())
        for link in tuple(self._links.values()):
            self._receive(link, link.received.tick(now))
        for sci in self._orphans.expired(now):
            self._forget(sci, f"{sci}, whose owner did not come back")
        self._keep_owners()

    def packet_number(self, state: SecY) -> None:
        """The kernel's own numbers."""
        for sa in state.transmit:
            if sa.key_id == self.current_key():
                self._do(self._life.packet_number(sa.pn, self._clock()))
                return

    def recheck(self) -> tuple[str, ...]:
        """Trust has changed: judge anew every neighbour, and whoever was one and still has our key.

        So are those that an earlier run left in the kernel. Who is refused is cut, our key replaced at once;
        whom that was.
        """
        cut: dict[_Link, PeerRefusedError] = {}
        for link in self._links.values():
            try:
                self._verify(link.chain)
            except PeerRefusedError as error:
                cut[link] = error
        self._holders.keep(self._life.in_use())
        holders = self._holders.refused(self._verify)
        for link, error in cut.items():
            session, link.session = link.session, None
            if session is not None:
                session.cut(error.reason, str(error))
            self._drop(link, error.reason, str(error))
        left = [one for one in holders if one.peer not in {link.peer for link in cut}]
        for one in left:
            text = f"{one.peer} left with our key and is trusted no more, so the key is changed: {one.error}"
            self._event(Kind.FAILED, one.peer, "", one.error.reason, text)
        orphans = self._orphans.refused(self._verify)
        for sci, peer, error in orphans:
            self._forget(sci, f"{sci} of {peer}")
            self._event(Kind.DOWN, peer, sci.mac, error.reason, str(error))
        if cut or holders or orphans:
            key_ids = frozenset[bytes]().union(*(one.key_ids for one in holders))
            self._do(self._life.expel([link.name for link in cut], key_ids, self._clock()))
        return tuple(dict.fromkeys([*(link.peer for link in cut), *(one.peer for one in left), *(peer for _, peer, _ in orphans)]))

    def renew(self) -> None:
        """We have a new certificate: channels are made anew to show it. The keys stay and work meanwhile."""
        for link in tuple(self._links.values()):
            if link.session is not None:
                link.session.cut(Reason.STOPPED, "our certificate was renewed")

    # -- inside

    def _of(self, session: Session) -> _Link | None:
        return next((link for link in self._links.values() if link.session is session), None)

    def _fits(self, session: Session, sci: Sci) -> bool:
        """Does it contradict no neighbour we have? Else it is cut."""
        if self._orphans.owner(sci) not in {"", session.peer}:
            session.cut(Reason.IDENTITY, f"{session.peer} claims the channel {sci} of {self._orphans.owner(sci)}")
            return False
        for link in tuple(self._links.values()):
            other = link.session
            same_node = link.peer == session.peer
            if link.sci == sci and not same_node:
                text = f"{session.peer} claims the channel {sci} of {link.peer}"
                session.cut(Reason.IDENTITY, text)
                return False
            if not same_node or other is None or not other.alive or other.channel is None:
                continue
            assert session.channel is not None
            if link.sci == sci:
                if other.channel.instance == session.channel.instance and not self._prefer(session, other):
                    session.cut(Reason.REPLACED, f"a better channel to {session.peer}")
                    return False
            elif other.channel.instance != session.channel.instance:
                text = f"two nodes show the identity {link.peer}: one at {link.sci.mac}, one at {sci.mac}"
                self._counters.duplicates += 1
                self._event(Kind.DUPLICATE, link.peer, sci.mac, Reason.DUPLICATE, text)
                session.cut(Reason.DUPLICATE, text)
                return False
        return True

    def _prefer(self, new: Session, old: Session) -> bool:
        """Of two with one neighbour: the one dialled by the end whose part it is; of two such the newer.

        Both ends come to the same answer whatever the order in which they see them.
        """
        ours = self._we_dial(new.address)
        return (new.dialled == ours) or (old.dialled != ours)

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Give(name, sak, pn):
                    self._give(name, sak, pn)
                case Tell(name, key_id, retire):
                    self._say(name, Active(key_id, round(retire * 1000)))
                case ChangeOver(sak):
                    self._change_over(sak)
                case Remove(an):
                    self._kernel(partial(self._installer.remove, an), f"removing our key {an}")
                case Cut(name, reason):
                    self._cut(name, reason)

    def _give(self, name: str, sak: Sak, pn: int) -> None:
        link = self._links.get(name)
        if link is not None and link.session is not None:
            self._holders.given(sak.key_id, link.peer, link.chain)
            link.session.say(Offer(sak.an, sak.key_id, sak.key.reveal(), pn))

    def _change_over(self, sak: Sak) -> None:
        def done(error: KernelError | None) -> None:
            now = self._clock()
            if error is not None:
                self._counters.failed(Reason.KERNEL)
                self._event(Kind.FAILED, "", "", Reason.KERNEL, f"our new key was not taken: {error}")
                self._do(self._life.failed(sak.key_id, now))
                return
            before = self._life.rekeys
            self._do(self._life.switched(sak.key_id, now))
            if self._life.rekeys != before:
                self._counters.rekeys += 1
                self._event(Kind.REKEYED, "", "", None, f"key {sak.key_id.hex()[:8]} is in use")
            self._look_all()

        self._submit(partial(self._installer.change_over, sak), done)

    def _receive(self, link: _Link, actions: Iterable[RxAction]) -> None:
        for action in actions:
            match action:
                case Install(sak, pn):
                    self._install(link, sak, pn)
                case Confirm(key_id):
                    self._say(link.name, Installed(key_id))
                case Forget(an):
                    self._kernel(
                        partial(self._installer.forget, link.sci, an), f"removing key {an} of {link.peer}"
                    )

    def _install(self, link: _Link, sak: Sak, pn: int) -> None:
        def done(error: KernelError | None) -> None:
            if self._links.get(link.name) is not link:
                return  # dropped meanwhile: the job that forgets it stands behind this one
            if error is not None:
                text = f"the key of {link.peer} was not taken: {error}"
                if link.session is not None:
                    link.session.cut(Reason.KERNEL, text)
                return
            self._counters.keys_installed += 1
            self._event(Kind.KEY, link.peer, link.sci.mac, None, f"key {sak.key_id.hex()[:8]} installed")
            self._receive(link, link.received.installed(sak.key_id))
            self._look(link)

        self._submit(partial(self._installer.install, link.sci, sak, pn), done)

    def _cut(self, name: str, reason: Reason) -> None:
        link = self._links.get(name)
        if link is None:
            return
        texts = {
            Reason.REKEY: "did not confirm our new key in time",
            Reason.FULL: "is one neighbour too many for this interface",
        }
        text = f"{link.peer} {texts.get(reason, 'did not come back')}"
        session, link.session = link.session, None
        if session is not None:
            session.cut(reason, text)
        self._drop(link, reason, text)

    def _drop(self, link: _Link, reason: Reason, text: str) -> None:
        """Receive nothing more from it."""
        if self._links.get(link.name) is not link:
            return
        del self._links[link.name]
        self._forget(link.sci, link.peer)
        self._event(Kind.DOWN, link.peer, link.sci.mac, reason, text)

    def _forget(self, sci: Sci, what: str) -> None:
        self._kernel(partial(self._installer.forget_all, sci), f"forgetting {what}")

    def _keep_owners(self) -> None:
        """On disk as soon as it has changed: whoever is not there has to begin anew after our restart."""
        owners = self._orphans.owners()
        owners |= {link.sci: Judged(link.peer, link.chain) for link in self._links.values()}
        if owners != self._kept:
            self._kept = owners
            self._kernel(partial(self._keep, owners), "keeping whose channels there are")

    def _kernel(self, job: Job, what: str) -> None:
        def done(error: KernelError | None) -> None:
            if error is not None:
                self._counters.failed(Reason.KERNEL)
                log.warning("%s: %s: %s", self._interface, what, error)

        self._submit(job, done)

    def _say(self, name: str, message: Message) -> None:
        link = self._links.get(name)
        if link is not None and link.session is not None:
            link.session.say(message)

    def _look_all(self) -> None:
        for link in tuple(self._links.values()):
            self._look(link)

    def _look(self, link: _Link) -> None:
        """Tell when both can read each other for the first time."""
        used = self._life.current is not None and self._life.live(link.name)
        if not link.up and used and link.received.any and self._links.get(link.name) is link:
            link.up = True
            self._event(Kind.UP, link.peer, link.sci.mac, None, f"secured with {self._suite}")

    def _event(self, kind: Kind, peer: str, mac: str, reason: Reason | None, text: str) -> None:
        self._on_event(LinkEvent(kind, self._interface, peer, mac, reason, text))
