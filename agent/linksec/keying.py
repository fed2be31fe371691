# SPDX-License-Identifier: Apache-2.0
"""Carries out what the life of our key and those of our neighbours ask for: by messages and in the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.kernel.errors import KernelError
from agent.linksec.errors import ChannelError, Reason
from agent.linksec.holders import Holders
from agent.linksec.kernelkeys import KernelKeys
from agent.linksec.keyactions import Action, ChangeOver, Cut, Give, Remove, Sak, Tell
from agent.linksec.keys import SakLife
from agent.linksec.link import Link
from agent.linksec.messages import Active, Installed, Message, Offer
from agent.linksec.received import Confirm, Forget, Install, RxAction
from agent.linksec.report import Counters, Kind

TEXTS = {
    Reason.REKEY: "did not confirm our new key in time",
    Reason.FULL: "is one neighbour too many for this interface",
}


class Keying:
    """Of one interface. `links`: the neighbours by name, kept by the owner; `cut`: ends one of them."""

    def __init__(
        self,
        links: Mapping[str, Link],
        *,
        life: SakLife,
        holders: Holders,
        kernel: KernelKeys,
        counters: Counters,
        tell: Callable[[Kind, str, str, Reason | None, str], None],
        cut: Callable[[Link, Reason, str], None],
        suite: str,
        clock: Callable[[], float],
    ) -> None:
        self._links, self._life, self._holders, self._kernel = links, life, holders, kernel
        self._counters, self._tell, self._cut = counters, tell, cut
        self._suite, self._clock = suite, clock

    def said(self, link: Link, message: Message) -> None:
        """What a neighbour says of keys. ChannelError: it cannot be."""
        if isinstance(message, Offer):
            self.receive(link, link.received.offered(message))
        elif isinstance(message, Installed):
            self.do(self._life.confirmed(link.name, message.key_id, self._clock()))
        elif isinstance(message, Active):
            link.received.active(message, self._clock())
        else:
            raise ChannelError(f"{link.peer} sent {type(message).__name__} out of turn", Reason.MESSAGE)
        self._look(link)

    def do(self, actions: Iterable[Action]) -> None:
        """What our own key asks for."""
        for action in actions:
            match action:
                case Give(name, sak, pn):
                    self._give(name, sak, pn)
                case Tell(name, key_id, retire):
                    self._say(name, Active(key_id, round(retire * 1000)))
                case ChangeOver(sak):
                    self._change_over(sak)
                case Remove(an):
                    self._kernel.remove(an)
                case Cut(name, reason):
                    link = self._links.get(name)
                    if link is not None:
                        self._cut(link, reason, f"{link.peer} {TEXTS.get(reason, 'did not come back')}")

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
                self._tell(Kind.FAILED, "", "", Reason.KERNEL, f"our new key was not taken: {error}")
                self.do(self._life.failed(sak.key_id, now))
                return
            before = self._life.rekeys
            self.do(self._life.switched(sak.key_id, now))
            if self._life.rekeys != before:
                self._counters.rekeys += 1
                self._tell(Kind.REKEYED, "", "", None, f"key {sak.key_id.hex()[:8]} is in use")
            self._look_all()

        self._kernel.change_over(sak, done)

    def receive(self, link: Link, actions: Iterable[RxAction]) -> None:
        """What a neighbour's keys ask for."""
        for action in actions:
            match action:
                case Install(sak, pn):
                    self._install(link, sak, pn)
                case Confirm(key_id):
                    self._say(link.name, Installed(key_id))
                case Forget(an):
                    self._kernel.forget(link.sci, an)

    def _install(self, link: Link, sak: Sak, pn: int) -> None:
        def done(error: KernelError | None) -> None:
            if self._links.get(link.name) is not link:
                return  # dropped meanwhile: its removal stands behind this
            if error is not None:
                text = f"the key of {link.peer} was not taken: {error}"
                if link.session is not None:
                    link.session.cut(Reason.KERNEL, text)
                else:  # held: it would wait for ever for a key that is not there
                    self.do(self._life.removed(link.name, self._clock()))
                    self._cut(link, Reason.KERNEL, text)
                return
            self._counters.keys_installed += 1
            self._tell(Kind.KEY, link.peer, link.sci.mac, None, f"key {sak.key_id.hex()[:8]} installed")
            self.receive(link, link.received.installed(sak.key_id))
            self._look(link)

        self._kernel.install(link.sci, sak, pn, done)

    def _say(self, name: str, message: Message) -> None:
        link = self._links.get(name)
        if link is not None and link.session is not None:
            link.session.say(message)

    def _look_all(self) -> None:
        for link in tuple(self._links.values()):
            self._look(link)

    def _look(self, link: Link) -> None:
        """Tell when both can read each other for the first time."""
        used = self._life.current is not None and self._life.live(link.name)
        if not link.up and used and link.received.any and self._links.get(link.name) is link:
            link.up = True
            self._tell(Kind.UP, link.peer, link.sci.mac, None, f"secured with {self._suite}")
