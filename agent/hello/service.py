# SPDX-License-Identifier: Apache-2.0
"""The hello service: what this node says to its neighbours and the mesh, and what they say.

Everything heard is unauthenticated: a hint that may start a check, never a reason to act on others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from agent.hello.channel import ALL_NODES, HELLO_GROUP, Channel
from agent.hello.interface import Interface
from agent.hello.meshreports import MeshReports
from agent.hello.message import HelloMessage, ReportKind, ReportMessage, mac_text
from agent.hello.names import Names, Telling
from agent.hello.outgoing import Outgoing
from agent.hello.peers import Entry, News, eui64
from agent.readings import Peer, Report, Twin

MAX_INTERFACES = 32  # the configuration's own bound


class Change(msgspec.Struct, frozen=True):
    """Something worth a look: a News of a peer, or "report".

    Of a report `word` is the kind, `mac` the subject, `about` its author's interface on that link.
    """

    what: str
    node: str
    hardif: str = ""
    mac: str = ""
    word: str = ""
    about: str = ""


def _nothing(_: str) -> Iterable[tuple[str, float]]:
    return ()


def _untold(_: str) -> int:
    return 0


def _any(_: str) -> bool:
    return True


def _ignore(_: Change) -> None:
    return


class Hello:
    """Hellos on every mesh interface and reports over the mesh. All but the snapshots: event loop only.

    `originator()` gives the node's originator MAC ("" while unknown: nothing is sent), `heard(hardif)` the
    (MAC, age in s) of neighbours that batman-adv hears; those whose hellos arrive are added,
    `elp_ms(hardif)` the ELP interval of ours, 0 while unknown. `is_node(mac)`: does batman-adv know this
    originator? Only such are given names. `takes(report/KIND)`: are such reports listened to? `on_change`
    must return quickly.
    """

    def __init__(
        self,
        *,
        node: str,
        interfaces: Iterable[str],
        mesh: str,
        port: int,
        interval: float,
        originator: Callable[[], str],
        heard: Callable[[str], Iterable[tuple[str, float]]] = _nothing,
        elp_ms: Callable[[str], int] = _untold,
        is_node: Callable[[str], bool] = _any,
        on_change: Callable[[Change], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        open_channel: Callable[[str, int, str], Channel] = Channel,
        takes: Callable[[str], bool] = _any,
    ) -> None:
        self._node, self._mesh = node, mesh
        self._interval, self._originator, self._heard = interval, originator, heard
        self._elp_ms = elp_ms
        self._on_change, self._clock, self._rng = on_change, clock, rng or random.Random()
        self._health = ""
        self._intents: tuple[str, ...] = ()
        self._suspects: dict[str, frozenset[str]] = {}
        self._reports = MeshReports(
            node,
            open_channel=lambda: open_channel(mesh, port, ALL_NODES),
            on_news=self._reported,
            clock=clock,
            rng=self._rng,
            takes=takes,
        )
        names = tuple(dict.fromkeys(interfaces))[:MAX_INTERFACES]
        self._outgoing = {name: Outgoing(self._rng.getrandbits(32)) for name in names}
        self._names, self._telling = Names(is_node), {name: Telling() for name in names}
        self.interfaces = {
            name: Interface(
                name,
                interval=interval,
                open_channel=lambda n: open_channel(n, port, HELLO_GROUP),
                compose=self._compose,
                on_news=self._news,
                on_hello=self._named,
                clock=clock,
                rng=self._rng,
            )
            for name in names
        }

    # -- life

    def start(self) -> None:
        """Begin on every interface; one that is missing joins when it appears."""
        self._reports.start()
        for interface in self.interfaces.values():
            interface.start()

    def stop(self) -> None:
        """Leave every group and close everything."""
        for interface in self.interfaces.values():
            interface.stop()
        self._reports.stop()

    def refresh(self) -> None:
        """Links changed: look at every channel now (call on rtnetlink link events)."""
        self._reports.refresh()
        for interface in self.interfaces.values():
            interface.refresh()

    def pace(self, interval: float) -> None:
        """Another interval (s) from now on. What is known and announced stays."""
        self._interval = interval
        for interface in self.interfaces.values():
            interface.pace(interval)

    def troubles(self) -> dict[str, str]:
        """Where nothing can be said or heard though the interface is there: interface > sentence."""
        told = {name: interface.trouble for name, interface in self.interfaces.items()}
        return {name: text for name, text in (told | {self._mesh: self._reports.trouble}).items() if text}

    # -- what we say

    def announce(
        self,
        *,
        suspects: Mapping[str, Iterable[str]] | None = None,
        intents: Iterable[str] | None = None,
        health: str | None = None,
    ) -> None:
        """Say at once what has changed; what is None stays. `suspects`: hardif > MACs we do not hear.

        Only interfaces whose hello differs are announced on.
        """
        everywhere = False
        if intents is not None and (new := tuple(intents)) != self._intents:
            self._intents, everywhere = new, True
        if health is not None and health != self._health:
            self._health, everywhere = health, True
        changed = set(self.interfaces) if everywhere else set()
        if suspects is not None:
            wanted = {h: macs for h, m in suspects.items() if h in self.interfaces and (macs := frozenset(m))}
            changed |= {h for h in self.interfaces if wanted.get(h) != self._suspects.get(h)}
            self._suspects = wanted
        for name in changed:
            self.interfaces[name].announce()

    def report(self, kind: ReportKind, subject_mac: str, about_mac: str) -> bool:
        """Tell the whole mesh; False where the rate or a missing mesh interface forbids it now."""
        return self._reports.say(kind, subject_mac, about_mac)

    # -- what we heard (any thread)

    def peers(self) -> tuple[Peer, ...]:
        """Every peer on every interface."""
        now = self._clock()
        return tuple(p for i in self.interfaces.values() for p in i.peers.snapshot(now))

    def reports(self) -> tuple[Report, ...]:
        """What others reported lately."""
        return self._reports.snapshot()

    def names(self) -> Mapping[str, str]:
        """Originator > name, of this node's neighbours and of those they told of."""
        return self._names.snapshot()

    def twins(self) -> tuple[Twin, ...]:
        """Who uses the address of one of our interfaces there; among them we, where ours come round."""
        now = self._clock()
        found = (interface.peers.twin(now) for interface in self.interfaces.values())
        return tuple(twin for twin in found if twin is not None)

    def address(self, hardif: str, mac: str) -> str:
        """The neighbour's link-local address: as heard, else what the kernel makes of its MAC."""
        interface = self.interfaces.get(hardif)
        return (interface.peers.address(mac) if interface else None) or eui64(mac)

    # -- inside

    def _compose(self, interface: Interface) -> HelloMessage | None:
        originator = self._originator()
        if not originator:
            return None
        heard, now = interface.peers.heard(self._clock()), self._clock()
        listeners = [mac for mac, _ in heard]
        return self._outgoing[interface.name].message(
            node=self._node,
            originator=originator,
            mac=interface.mac,
            interval=self._interval,
            heard=[*self._heard(interface.name), *heard],
            suspects=self._suspects.get(interface.name, ()),
            health=self._health,
            intents=self._intents,
            elp_ms=self._elp_ms(interface.name),
            told=self._telling[interface.name].next(self._names, listeners, now),
        )

    def _named(self, _: Interface, message: HelloMessage) -> None:
        """A hello was taken: it names its sender, and perhaps one behind it."""
        source, now = mac_text(message.mac), self._clock()
        self._names.take(mac_text(message.originator), message.node, 1, source, now)
        told = message.told
        if told is not None and mac_text(told.originator) != self._originator():
            self._names.take(mac_text(told.originator), told.node, told.hops + 1, source, now)

    def _news(self, news: News, entry: Entry) -> None:
        if news is News.NEW:
            self._telling[entry.hardif].newcomer()
            self.interfaces[entry.hardif].announce()  # so that it learns at once that it is heard
        self._on_change(Change(news.value, entry.message.node, entry.hardif, mac_text(entry.message.mac)))

    def _reported(self, message: ReportMessage) -> None:
        subject, about = mac_text(message.subject), mac_text(message.about)
        self._on_change(Change("report", message.node, mac=subject, word=message.kind, about=about))
