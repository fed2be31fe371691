# SPDX-License-Identifier: Apache-2.0
"""Tells neighbours and mesh what this node suspects and is about to do, and hastens OGMs where that helps.

architecture.md, "How a dead link is healed in a second", steps 2 and 4. Event loop only; acts on no link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

from agent.events import Diagnosis, Outcome, Remedy, Snapshot, Suspicion
from agent.faults import liveness as lv
from agent.hello.limits import TokenBucket

SAY_AGAIN = 2.0  # s between two reports of one thing; listeners forget one after 5 s (faults/liveness.py)
QUIET = 3.0  # s after its last sign a suspicion is no longer told; while its subject is treated it has signs
TOLD_MAX = 64  # suspicions told at once; a radio seldom has more neighbours
INTENTS_MAX = 8  # of one hello
# One-way is a neighbour's word until our echoes agree: of what is told, and of what others take from us
# (hello/report.py: 2 a second, 8 at once), at least half is left for what this node sees itself.
HINTED_MAX = TOLD_MAX // 2
HINT_RATE, HINT_BURST = 1.0, 4.0  # reports a second, at once
DEAF = frozenset({"link-dead", "node-dead"})  # suspicions that mean: we do not hear this neighbour

Kind = Literal["one-way", "link-dead", "node-dead"]
KINDS: dict[str, Kind] = {"one-way": "one-way", "link-dead": "link-dead", "node-dead": "node-dead"}


class Voice(Protocol):
    """What of hello.service.Hello is used."""

    def announce(
        self,
        *,
        suspects: dict[str, set[str]] | None = None,
        intents: Iterable[str] | None = None,
        health: str | None = None,
    ) -> None: ...
    def report(self, kind: Kind, subject_mac: str, about_mac: str) -> bool: ...


class Hasten(Protocol):
    """mesh.keeper.Keeper.hasten."""

    def __call__(self, why: str, *, foreign: bool = False) -> bool: ...


class Herald:
    """`suspect`, `intend`, `withdraw`, `settle` and `tick` are the loop's hooks."""

    def __init__(
        self,
        voice: Callable[[], Voice | None],
        hasten: Hasten,
        treated: Callable[[], Iterable[str]],
        clock: Callable[[], float],
        hello_interval: Callable[[], float],
    ) -> None:
        self._voice, self._hasten, self._treated, self._clock = voice, hasten, treated, clock
        self._hello_interval = hello_interval  # seconds
        self._hints = TokenBucket(HINT_RATE, HINT_BURST, clock())
        self._told: dict[
            tuple[str, str], tuple[float, float]
        ] = {}  # (fault, subject) > last sign, last report
        self._intents: dict[str, str] = {}  # diagnosis > intent
        self._macs: dict[str, str] = {}  # our interfaces

    def suspect(self, suspicion: Suspicion) -> None:
        """A new suspicion: said at once."""
        if suspicion.fault not in KINDS or len(self._told) >= TOLD_MAX:
            return
        hint = suspicion.fault == "one-way"
        if hint and sum(fault == "one-way" for fault, _ in self._told) >= HINTED_MAX:
            return
        self._hasten(suspicion.why, foreign=hint)
        now = self._clock()
        self._told[(suspicion.fault, suspicion.subject)] = (now, now)
        self._announce()
        self._report(suspicion.fault, suspicion.subject)

    def intend(self, diagnosis: Diagnosis, remedy: Remedy) -> None:
        """Something is about to be done."""
        self._intents.pop(diagnosis.id, None)  # a later rung is the newest
        while len(self._intents) >= INTENTS_MAX:
            del self._intents[next(iter(self._intents))]
        self._intents[diagnosis.id] = f"{remedy.action} {remedy.subject}"
        if voice := self._voice():
            voice.announce(intents=self._intents.values())

    def settle(self, outcome: Outcome) -> None:
        """It is done."""
        self.withdraw(outcome.diagnosis)

    def withdraw(self, diagnosis: str) -> None:
        """What was intended for this diagnosis is not done after all."""
        if self._intents.pop(diagnosis, None) is not None and (voice := self._voice()):
            voice.announce(intents=self._intents.values())

    def tick(self, snapshot: Snapshot) -> None:
        """Repeats what holds, drops what is over."""
        if snapshot.links is not None:
            self._macs = {link.name: link.mac for link in snapshot.links}
        if not self._told:
            return
        now = self._clock()
        treated = set(self._treated())
        changed = False
        for key, (sign, said) in tuple(self._told.items()):
            if key[1] in treated and not self._over(*key, snapshot):
                sign = now
            if now - sign > QUIET:
                del self._told[key]
                changed = True
            elif now - said >= SAY_AGAIN:
                self._told[key] = (sign, now)
                self._report(*key)
            else:
                self._told[key] = (sign, said)
        if changed:
            self._announce()

    def health(self, state: str) -> None:
        """The node's own state, for its hellos."""
        if voice := self._voice():
            voice.announce(health=state)

    def _announce(self) -> None:
        suspects: dict[str, set[str]] = {}
        for fault, subject in self._told:
            hardif, mac = _link(subject)
            if fault in DEAF and mac:
                suspects.setdefault(hardif, set()).add(mac)
        if voice := self._voice():
            voice.announce(suspects=suspects)

    def _over(self, fault: str, subject: str, snapshot: Snapshot) -> bool:
        """Does this snapshot show that it is no longer so, though it is still under treatment?

        Each end treats the link until the other says no more that it is deaf: without this, for ever.
        """
        hardif, mac = _link(subject)
        if fault in DEAF:
            return _heard(snapshot, self._hello_interval(), hardif, mac)
        peers = (peer for peer in snapshot.peers if (peer.hardif, peer.mac) == (hardif, mac))
        return any(peer.hears_us for peer in peers)  # as of its newest hello; what it doubts it says at once

    def _report(self, fault: str, subject: str) -> None:
        hardif, mac = _link(subject)
        voice = self._voice()
        if voice is None or (fault == "one-way" and not self._hints.take(self._clock())):
            return
        if mac and (own := self._macs.get(hardif)):
            voice.report(KINDS[fault], mac, own)
        elif subject.startswith("node/") and (own := next(iter(self._macs.values()), "")):
            voice.report(KINDS[fault], subject.removeprefix("node/"), own)


def _heard(snapshot: Snapshot, hello_interval: float, hardif: str, mac: str) -> bool:
    """Does its ELP come on time?"""
    mesh = snapshot.mesh
    if mesh is None:
        return False
    late = lv.SUSPECT_MISSES * lv.elp_interval_s(snapshot, hello_interval, hardif, mac)
    since = snapshot.at - mesh.neighbours_at
    return any(
        (row.hardif, row.mac) == (hardif, mac) and row.last_seen_age + since <= late
        for row in mesh.neighbours
    )


def _link(subject: str) -> tuple[str, str]:
    """(hardif, MAC) of `hardif/NAME/MAC`, else ("", "")."""
    parts = subject.split("/")
    return (parts[1], parts[2]) if parts[0] == "hardif" and len(parts) == 3 else ("", "")
