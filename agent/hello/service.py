# SPDX-License-Identifier: Apache-2.0
"""The hello service: what this node says to its neighbours and the mesh, and what they say.

Everything heard is unauthenticated: a hint that may start a check, never a reason to act on others.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from agent.hello.channel import ALL_NODES, HELLO_GROUP, Channel
from agent.hello.errors import ChannelError, MessageError
from agent.hello.interface import ABSENT, Interface, watched
from agent.hello.message import (
    REPORT_KINDS,
    HelloMessage,
    ReportKind,
    ReportMessage,
    decode_report,
    encode,
    mac_bytes,
    mac_text,
)
from agent.hello.outgoing import Outgoing
from agent.hello.peers import Entry, News, eui64
from agent.hello.report import REPEATS, Reports, own_limit
from agent.readings import Peer, Report, Twin

MAX_INTERFACES = 32  # the configuration's own bound
REPORT_RETRY = 1.0  # s until a missing bat0 is looked for again

log = logging.getLogger(__name__)


class Change(msgspec.Struct, frozen=True):
    """Something worth a look: a News of a peer, or "report" (then `word` is its kind, `mac` its subject)."""

    what: str
    node: str
    hardif: str = ""
    mac: str = ""
    word: str = ""


def _nothing(_: str) -> Iterable[tuple[str, float]]:
    return ()


def _untold(_: str) -> int:
    return 0


def _ignore(_: Change) -> None:
    return


class Hello:
    """Hellos on every mesh interface and reports over the mesh. All but the snapshots: event loop only.

    `originator()` gives the node's originator MAC ("" while unknown: nothing is sent), `heard(hardif)` the
    (MAC, age in s) of neighbours that batman-adv hears; those whose hellos arrive are added,
    `elp_ms(hardif)` the ELP interval of ours, 0 while unknown. `on_change` must return quickly.
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
        on_change: Callable[[Change], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        open_channel: Callable[[str, int, str], Channel] = Channel,
    ) -> None:
        self._node, self._mesh, self._port = node, mesh, port
        self._interval, self._originator, self._heard = interval, originator, heard
        self._elp_ms = elp_ms
        self._on_change, self._clock, self._rng = on_change, clock, rng or random.Random()
        self._open = open_channel
        self._health = ""
        self._intents: tuple[str, ...] = ()
        self._suspects: dict[str, frozenset[str]] = {}
        self._reports = Reports()
        self._report_sequence = self._rng.getrandbits(32)
        self._own_limit = own_limit(clock())
        self._report_channel: Channel | None = None
        self._report_looked = float("-inf")
        self._report_trouble = ""
        self._pending: set[asyncio.TimerHandle] = set()
        names = tuple(dict.fromkeys(interfaces))[:MAX_INTERFACES]
        self._outgoing = {name: Outgoing(self._rng.getrandbits(32)) for name in names}
        self.interfaces = {
            name: Interface(
                name,
                interval=interval,
                open_channel=lambda n: self._open(n, self._port, HELLO_GROUP),
                compose=self._compose,
                on_news=self._news,
                clock=clock,
                rng=self._rng,
            )
            for name in names
        }

    # -- life

    def start(self) -> None:
        """Begin on every interface; one that is missing joins when it appears."""
        self._check_reports()
        for interface in self.interfaces.values():
            interface.start()

    def stop(self) -> None:
        """Leave every group and close everything."""
        for interface in self.interfaces.values():
            interface.stop()
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
        self._close_reports()

    def refresh(self) -> None:
        """Links changed: look at every channel now (call on rtnetlink link events)."""
        self._report_looked = float("-inf")
        self._check_reports()
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
        return {name: text for name, text in (told | {self._mesh: self._report_trouble}).items() if text}

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
        if kind not in REPORT_KINDS:
            raise MessageError(f"{kind!r} is no kind of report; known are {', '.join(REPORT_KINDS)}")
        if not self._check_reports() or not self._own_limit.take(self._clock()):
            return False
        self._report_sequence = (self._report_sequence + 1) & 0xFFFF_FFFF
        data = encode(
            ReportMessage(
                version=1,
                node=self._node,
                sequence=self._report_sequence,
                kind=kind,
                subject=mac_bytes(subject_mac),
                about=mac_bytes(about_mac),
            )
        )
        self._send_report(data)
        for delay in REPEATS[1:]:
            self._later(delay, data)
        return True

    # -- what we heard (any thread)

    def peers(self) -> tuple[Peer, ...]:
        """Every peer on every interface."""
        now = self._clock()
        return tuple(p for i in self.interfaces.values() for p in i.peers.snapshot(now))

    def reports(self) -> tuple[Report, ...]:
        """What others reported lately."""
        return self._reports.snapshot(self._clock())

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
        return self._outgoing[interface.name].message(
            node=self._node,
            originator=originator,
            mac=interface.mac,
            interval=self._interval,
            heard=[*self._heard(interface.name), *interface.peers.heard(self._clock())],
            suspects=self._suspects.get(interface.name, ()),
            health=self._health,
            intents=self._intents,
            elp_ms=self._elp_ms(interface.name),
        )

    def _news(self, news: News, entry: Entry) -> None:
        if news is News.NEW:
            self.interfaces[entry.hardif].announce()  # so that it learns at once that it is heard
        self._on_change(Change(news.value, entry.message.node, entry.hardif, mac_text(entry.message.mac)))

    def _check_reports(self) -> bool:
        """Is there a channel for reports? Looks for the mesh interface at most once in `REPORT_RETRY`."""
        if self._report_channel and self._report_channel.current():
            return True
        self._close_reports()
        now = self._clock()
        if now - self._report_looked < REPORT_RETRY:
            return False
        self._report_looked = now
        try:
            self._report_channel = watched(self._open(self._mesh, self._port, ALL_NODES), self._read_reports)
        except ChannelError as error:
            self._report_trouble = "" if error.errno in ABSENT else str(error)
            return False
        self._report_trouble = ""
        return True

    def _close_reports(self) -> None:
        if self._report_channel:
            asyncio.get_running_loop().remove_reader(self._report_channel.fileno())
            self._report_channel.close()
            self._report_channel = None

    def _later(self, delay: float, data: bytes) -> None:
        def due() -> None:
            self._pending.discard(handle)
            self._send_report(data)

        handle = asyncio.get_running_loop().call_later(delay, due)
        self._pending.add(handle)

    def _send_report(self, data: bytes) -> None:
        if self._report_channel is None:
            return
        try:
            self._report_channel.send(data)
        except ChannelError as error:
            log.info("report not sent: %s", error)
            self._close_reports()

    def _read_reports(self) -> None:
        channel = self._report_channel
        if channel is None:
            return
        try:
            datagrams = channel.receive()
        except ChannelError:
            self._close_reports()
            return
        now = self._clock()
        for data, address in datagrams:
            if not self._reports.admit(address, now):
                continue
            try:
                message = decode_report(data)
            except MessageError:
                continue
            if message.node != self._node and self._reports.take(message, now):
                self._on_change(
                    Change("report", message.node, mac=mac_text(message.subject), word=message.kind)
                )
