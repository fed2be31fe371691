# SPDX-License-Identifier: Apache-2.0
"""What a fault is: its suspicion, symptom, evidence, ladder and verification, pure over a View.

A file in this folder with a module-level `FAULT` is found by itself; adding one touches no other. Faults read
only the View: no clock, no I/O, no state of their own, so that every rule can be tested with hand-written
snapshots.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeVar

import msgspec

from agent.events import Diagnosis, Remedy, Snapshot, Suspicion, Symptom

T = TypeVar("T")


class State(enum.StrEnum):
    """What the newest view says about a fault under treatment."""

    PRESENT = "present"  # as before
    CONTAINED = "contained"  # the cause is there, but traffic no longer depends on it
    GONE = "gone"  # the cause is gone
    NEEDED = (
        "needed"  # not for long, but what we took away works, and nothing else does: give it back at once
    )


class Thresholds(msgspec.Struct, frozen=True):
    """Bounds of the fault rules, in the units of their names; from the configuration's `healing` section."""

    elp_misses: float = 3.0  # silent for more than this many ELP intervals (faults.md: link-dead)
    echo_silence_s: float = 0.12  # and no kernel answered an echo for this long
    echo_requests: int = 3  # of at least so many requests
    hello_interval_s: float = 1.0
    reattach_after_s: float = 2.0  # a dead link must answer this long before it carries traffic again
    originator_silence_s: float = (
        1.5  # originator unheard on any way for so long: the node is dead, not the link
    )


class View(msgspec.Struct, frozen=True):
    """What a fault may look at."""

    now: float  # monotonic seconds
    snapshot: Snapshot
    history: Sequence[Snapshot]  # older ones, oldest first; bounded by the monitor
    thresholds: Thresholds
    hardifs_wanted: tuple[str, ...]  # configured mesh interfaces (without the dummy primary)
    primary: str  # name of the dummy primary hardif
    mesh_name: str  # "bat0"
    services_wanted: tuple[str, ...]
    detached: frozenset[str] = frozenset()  # hardifs our own remedies hold detached (from the undo journal)
    avoided: frozenset[str] = frozenset()  # hardifs whose throughput our own remedy holds lowered (the same)
    muted: frozenset[str] = frozenset()  # "hardif/MAC" our own remedies leave out of the mesh (the same)
    last_neighbours: dict[
        str, str
    ] = {}  # "hardif/MAC" > originator, of every neighbour seen healthy in this run
    resting: bool = False  # our own remedy spares the machine (the same)
    released: frozenset[str] = frozenset()  # given back later than the hardifs were read
    given_back: dict[str, float] = {}  # hardif > when we gave it back, for some seconds
    set_up: frozenset[str] = frozenset()  # configured hardifs that were active in the mesh once in this run
    episodes: dict[str, str] = {}  # subject > fault id of what is under treatment (diagnosed, not yet gone)
    relapses: dict[str, int] = {}  # subject > returns within the last hour; doubles the wait to reattach
    longest_wait: float = 600.0  # s: no link is held back longer for its relapses (cooldown_max)


def once(work: Callable[[View], T]) -> Callable[[View], T]:
    """Several faults ask this of one view: the answer for the newest is kept. In the event loop only."""
    last: tuple[View, T] | None = None

    @functools.wraps(work)
    def remembered(view: View) -> T:
        nonlocal last
        if last is None or last[0] is not view:
            last = (view, work(view))
        return last[1]

    return remembered


class Fault(Protocol):
    """One entry of the catalogue."""

    id: ClassVar[str]
    title: ClassVar[str]  # what a technician would call it
    by_hand: ClassVar[str]  # what a person can do, one sentence
    explains: ClassVar[frozenset[str]]  # faults on an overlapping subject that this one makes superfluous

    def suspicions(self, view: View) -> Sequence[Suspicion]:
        """Early signs; cheap, called on every snapshot."""
        ...

    def symptoms(self, view: View) -> Sequence[Symptom]:
        """Signs that hold long enough to be believed."""
        ...

    def sentence(self, symptom: Symptom) -> str:
        """The diagnosis in one sentence."""
        ...

    def ladder(self, diagnosis: Diagnosis, view: View) -> Sequence[Remedy]:
        """The rungs, cheapest first. Each action's own precondition is asked by the planner.

        A rung is its action on its subject; one that is tried again later has an `attempt` in its args. What
        waits for its time says so by `not_before` (monotonic seconds).
        """
        ...

    def state(self, diagnosis: Diagnosis, view: View) -> State:
        """Verification: is the fault still present, contained, or gone?"""
        ...
