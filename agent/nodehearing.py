# SPDX-License-Identifier: Apache-2.0
"""What the node does at once about what neighbours tell and do not answer, before the loop decides anything.

A neighbour's word is anybody's: it wakes the sensors and hastens OGMs within bounds. Echoes that stay
unanswered are this node's own sight, and hasten as such.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.events import Snapshot
from agent.hello.limits import TokenBucket
from agent.hello.peers import News as HelloNews
from agent.hello.service import Change
from agent.herald import Hasten
from agent.mesh.news import News
from agent.mesh.secondneighbour import SecondNeighbour
from agent.readings import Echo

DEAF: Final = "link-dead"  # the report of one that does not hear its subject any more
HASTY: Final = frozenset({"link-dead", "one-way", "node-dead"})  # reports after which our OGMs hurry, too
OWN_SIGHT: Final = frozenset({"report", HelloNews.GONE})  # judged where it came in; said by nobody
WAKE_BURST: Final = 10.0  # a link that dies is told in at most five: hello and report of its ends, intents
WAKE_RATE: Final = 1.0  # a second: calm sensors read as often by themselves, so a flood costs that once more
REPEATED_S: Final = 5.0  # s; a report is said every 2 s while it holds: silent for so long it is news again
# As early as a doubt is more than one lost request.
DOUBT_REQUESTS: Final = 2
DOUBT_SILENCE_S: Final = 0.08  # two requests' time
DOUBT_RTT_FACTOR: Final = 2.0  # round trips: a slow link's answer is still on its way


class Hearing:
    """`heard` is the hello's call-back, `tick` the loop's hook."""

    def __init__(
        self,
        second: SecondNeighbour,
        hasten: Hasten,
        wake: Callable[[], None],
        probe: Callable[[str, str], None],
        clock: Callable[[], float],
        *,
        radios_read: bool,
        radios: frozenset[str] = frozenset(),
        takes: Callable[[str], bool] = lambda _word: True,
    ) -> None:
        """`probe(hardif, mac)` asks a neighbour at once, before the loop has looked. `takes(hello/NEWS)`: is
        this word listened to? Reports that are not never come here (hello/meshreports.py).

        `radios_read`: does this node have a sensor for radios? `radios`: those of the configuration."""
        self._configured, self._takes = radios, takes
        self._no_radios = None if radios_read else frozenset[str]()
        self._second, self._hasten, self._wake, self._clock = second, hasten, wake, clock
        self._probe = probe
        self._known: frozenset[tuple[str, str]] = frozenset()  # neighbours on attached hardifs
        self._ours: dict[str, str] = {}  # our MACs > hardif
        self._hasty, self._waking = News(), News(REPEATED_S)
        self._wakes = TokenBucket(WAKE_RATE, WAKE_BURST, clock())
        self._silent: frozenset[tuple[str, str]] = frozenset()  # whose echoes are missing

    def heard(self, change: Change) -> None:
        """A hello or a report brought news (a hint): hasten OGMs where a link died, look soon if ours.

        What a report says of others' links is no evidence of anything here: only their ways change.
        """
        now, new = self._clock(), True
        if change.what not in OWN_SIGHT and not self._takes(f"hello/{change.what}"):
            return
        if change.what == "report":
            said = (change.node, change.word, change.mac)
            new = self._waking.fresh(now, *said) and change.mac in self._ours
            if self._hasty.fresh(now, *said) and change.word in HASTY:
                self._hasten(f"{change.node} reports {change.word}", foreign=True)
        if new and self._wakes.take(now):
            doubted = self._deaf_to_us(change)
            if doubted in self._known:
                self._probe(*doubted)
            self._wake()

    def _deaf_to_us(self, change: Change) -> tuple[str, str]:
        """(hardif, MAC) of a neighbour that says it does not hear us, ("", "") where it says nothing such."""
        if change.what == HelloNews.SUSPECTS_US:
            return change.hardif, change.mac
        if change.what == "report" and change.word == DEAF:
            return self._ours.get(change.mac, ""), change.about
        return "", ""

    def tick(self, snapshot: Snapshot) -> None:
        """Hasten where echoes stay unanswered; see that each wire has its second neighbour."""
        mesh = snapshot.mesh
        if mesh is None:
            return
        self._known = known = frozenset((row.hardif, row.mac) for row in mesh.neighbours)  # of attached ones
        self._ours = {link.mac: link.name for link in snapshot.links or ()}
        silent = known & {(echo.hardif, echo.mac) for echo in snapshot.echoes if _unanswered(echo)}
        for hardif, mac in sorted(silent - self._silent):
            self._hasten(f"{mac} on {hardif} does not answer")
        self._silent = frozenset(silent)
        self._second.look(mesh, self._radios(snapshot))

    def _radios(self, snapshot: Snapshot) -> frozenset[str] | None:
        """Radio hardifs; None until the sensor said something, be it that it cannot read them."""
        if snapshot.radios is None and "radios" not in snapshot.errors:
            return self._no_radios
        return radio_hardifs(snapshot) | self._configured


def radio_hardifs(snapshot: Snapshot) -> frozenset[str]:
    """Names of radios and of what lies on one (macsec, VLAN): batman-adv takes both for Wi-Fi."""
    radios = snapshot.radios or ()
    below = {radio.index for radio in radios}
    above = {link.name for link in snapshot.links or () if link.peer_index in below} if below else set()
    return frozenset(radio.name for radio in radios) | above


def _unanswered(echo: Echo) -> bool:
    """More than one lost request, of a neighbour that answered once: some never do (no IPv6)."""
    if not (echo.ever_answered or echo.answered):
        return False
    late = max(DOUBT_SILENCE_S, DOUBT_RTT_FACTOR * (echo.rtt_ms or 0.0) / 1000)
    return echo.unanswered >= DOUBT_REQUESTS and echo.unanswered_for >= late
