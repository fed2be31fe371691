# SPDX-License-Identifier: Apache-2.0
"""Who was heard on which interface, and what it said of us."""

from __future__ import annotations

import enum
import socket
from collections.abc import Iterator

import msgspec

from agent.hello.limits import SourceLimits
from agent.hello.message import MAX_SEQUENCE, MIN_ELP_MS, HelloMessage, mac_bytes, mac_text
from agent.readings import Peer, Twin

MAX_PEERS = (
    64  # per interface; bounds the memory a malicious sender can force, above what a radio cell carries
)
PEER_TTL = 300.0  # s a silent peer is remembered: longer than batman-adv's neighbour purge (200 s)
GONE_INTERVALS = 2.5  # intervals of silence after which a peer is gone: two lost hellos and the jitter
SOURCE_RATE, SOURCE_BURST = 10.0, 30.0  # per sender; one in 50 ms is the least gap, and not for long
TOTAL_RATE, TOTAL_BURST = 200.0, 400.0  # per interface: MAX_PEERS at their usual rate, thrice
REORDER_WINDOW = 16  # a sequence number so little behind is late or twice; further behind is a restart
ABSENT_HELLOS = 3  # a newcomer may not have heard us yet: its silence about us counts from its third hello


class News(enum.StrEnum):
    """What a hello changed."""

    NEW = "new"  # a peer not known, or one that was gone
    GONE = "gone"
    SUSPECTS_US = "suspects-us"  # it says for the first time that it no longer hears us
    HEARS_US = "hears-us"  # it says so again
    INTENT = "intent"  # it announces something it did not before


class Entry(msgspec.Struct, frozen=True):
    """A peer as its last hello left it; monotonic seconds."""

    message: HelloMessage
    hardif: str
    address: str
    at: float
    streak: int
    since: float  # when the streak began
    hears_us: bool | None
    listed_at: float | None  # when a hello last listed us
    gone: bool = False


class Peers:
    """The table of one interface. Changed by the event loop only; `snapshot` is for any thread."""

    def __init__(self, hardif: str) -> None:
        self.hardif = hardif
        self._entries: dict[bytes, Entry] = {}
        self._twin: tuple[HelloMessage, float] | None = None  # the last that came from our own address
        self._limits = SourceLimits(SOURCE_RATE, SOURCE_BURST, TOTAL_RATE, TOTAL_BURST)

    def admit(self, source: str, now: float) -> bool:
        """May a datagram from this address be looked at (its rate)?"""
        return self._limits.take(source, now)

    def take(self, message: HelloMessage, address: str, own_mac: str, now: float) -> tuple[News, ...]:
        """Enter a hello heard on this interface, whose own MAC is `own_mac`; what does it change?"""
        own = mac_bytes(own_mac)
        if message.mac == own:  # our own came round, or somebody has our address
            self._twin = (message, now)
            return ()
        before = self._entries.get(message.mac)
        if before is None and not self._room(now):
            return ()
        if before is not None and (_late(before, message) or _usurped(before, address, now)):
            return ()
        fresh = before is not None and now - before.at <= 2 * before.message.interval_ms / 1000
        restarted = before is not None and _gap(before, message) > REORDER_WINDOW
        goes_on = before if fresh and not restarted else None
        streak = goes_on.streak + 1 if goes_on else 1
        hears_us = _hears(message, own, streak, before)
        entry = Entry(
            message=message,
            hardif=self.hardif,
            address=address,
            at=now,
            streak=streak,
            since=goes_on.since if goes_on else now,
            hears_us=hears_us,
            listed_at=now if _lists(message, own) else before.listed_at if before else None,
        )
        self._entries[message.mac] = entry
        return tuple(_news(before, entry))

    def _room(self, now: float) -> bool:
        """Make room for a newcomer at the cost of the longest silent peer; a live one is never displaced."""
        if len(self._entries) < MAX_PEERS:
            return True
        mac, oldest = min(self._entries.items(), key=lambda item: item[1].at)
        if not _silent(oldest, now):
            return False
        del self._entries[mac]
        return True

    def expire(self, now: float) -> list[Entry]:
        """Who has gone since the last call; forgets those gone for `PEER_TTL`."""
        went: list[Entry] = []
        for mac, entry in list(self._entries.items()):
            if now - entry.at > PEER_TTL:
                del self._entries[mac]
            elif not entry.gone and _silent(entry, now):
                gone = msgspec.structs.replace(entry, gone=True, streak=0)
                self._entries[mac] = gone
                went.append(gone)
        return went

    def heard(self, now: float) -> list[tuple[str, float]]:
        """(MAC, age) of the peers whose hellos arrive."""
        return [(mac_text(mac), now - e.at) for mac, e in tuple(self._entries.items()) if not _silent(e, now)]

    def entry(self, mac: bytes) -> Entry | None:
        """What is known of a peer."""
        return self._entries.get(mac)

    def address(self, mac: str) -> str | None:
        """The link-local address a peer was last heard from."""
        entry = self._entries.get(mac_bytes(mac))
        return entry.address if entry else None

    def twin(self, now: float) -> Twin | None:
        """Who last said hello with this interface's own address; it may be we ourselves."""
        if self._twin is None:
            return None
        message, at = self._twin
        return Twin(
            message.node, mac_text(message.originator), self.hardif, mac_text(message.mac), max(0.0, now - at)
        )

    def snapshot(self, now: float) -> tuple[Peer, ...]:
        """The peers as the loop sees them."""
        return tuple(
            Peer(
                node=e.message.node,
                originator=mac_text(e.message.originator),
                hardif=e.hardif,
                mac=mac_text(e.message.mac),
                address=e.address,
                hello_age=max(0.0, now - e.at),
                hears_us=e.hears_us,
                hears_us_age=None if e.listed_at is None else max(0.0, now - e.listed_at),
                health=e.message.health,
                intents=e.message.intents,
                elp_interval_ms=max(e.message.elp_ms, MIN_ELP_MS) if e.message.elp_ms else None,
                hello_streak=0 if _silent(e, now) else _paced(e),
                hello_interval_ms=e.message.interval_ms,
            )
            for e in tuple(self._entries.values())
        )


def _news(before: Entry | None, entry: Entry) -> Iterator[News]:
    if before is None or before.gone:
        yield News.NEW
    elif entry.hears_us is not before.hears_us and entry.hears_us is not None:
        yield News.HEARS_US if entry.hears_us else News.SUSPECTS_US
    if set(entry.message.intents) - set(before.message.intents if before else ()):
        yield News.INTENT


def eui64(mac: str) -> str:
    """The link-local address the kernel makes of a MAC by itself (RFC 4291, appendix A)."""
    b = mac_bytes(mac)
    host = bytes([b[0] ^ 2, b[1], b[2], 0xFF, 0xFE, b[3], b[4], b[5]])
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + host)


def _gap(before: Entry, message: HelloMessage) -> int:
    """How far the sequence number is off what would follow, 0 where it follows."""
    ahead = (message.sequence - before.message.sequence - 1) & MAX_SEQUENCE
    return min(ahead, MAX_SEQUENCE - ahead)


def _late(before: Entry, message: HelloMessage) -> bool:
    return (before.message.sequence - message.sequence) & MAX_SEQUENCE < REORDER_WINDOW


def _usurped(before: Entry, address: str, now: float) -> bool:
    """Another address claims the MAC of a live peer whose own address is made of that very MAC."""
    return (
        address != before.address
        and before.address == eui64(mac_text(before.message.mac))
        and not _silent(before, now)
    )


def _paced(entry: Entry) -> int:
    """Hellos of the streak, one for each interval: announcements in between make no link last longer."""
    return min(entry.streak, 1 + round((entry.at - entry.since) * 1000 / entry.message.interval_ms))


def _silent(entry: Entry, now: float) -> bool:
    return now - entry.at > GONE_INTERVALS * entry.message.interval_ms / 1000


def _lists(message: HelloMessage, own: bytes) -> bool:
    return any(h.mac == own for h in message.heard)


def _hears(message: HelloMessage, own: bytes, streak: int, before: Entry | None) -> bool | None:
    if own in message.suspects:
        return False
    if _lists(message, own):
        return True
    if message.partial:
        return before.hears_us if before else None
    return False if streak >= ABSENT_HELLOS else None
