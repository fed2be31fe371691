# SPDX-License-Identifier: Apache-2.0
"""How often the agent may act: an hourly budget, moves of one subject, reboots. Monotonic time only.

Half of the budget is kept for the links: what no link hangs on may only use the other half.

Times of a former boot count as the moment this boot began (0): the wall clock may jump or be unset, so the
time the node was off is never credited.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

HOUR = 3600.0
MOVE_WINDOW = 120.0  # s
MAX_MOVES = 2  # default: how often the traffic of one link may be moved, away or back, within the window
MAX_ACTS = 4  # other acts on one subject within the window: what moves no traffic disturbs less
# What moves a link's traffic, beside its undoing.
MOVING = frozenset({"detach-hardif", "attach-hardif", "avoid-link"})
MOST_MOVES = 100  # the configuration's largest bound: what is remembered of one subject
MAX_KEPT = 1000  # actions remembered: the configuration's largest budget
MAX_SUBJECTS = 256  # subjects whose moves are remembered
REBOOTS = frozenset({"reboot"})  # actions the reboot interval concerns
# Subjects no link hangs on: a gateway without Internet, or a full disk, must not leave a mesh without its
# healer.
APART = ("service/", "gateway/", "host/", "neighbour/")


def apart(subject: str) -> bool:
    """Does no link of the mesh hang on this subject?"""
    return subject.startswith(APART)


def reserve(per_hour: int) -> int:
    """Of the hour's actions those kept for the links: a disk stays full for longer than an hour."""
    return per_hour // 2


class Limits:
    """What was done lately, and whether more may be done."""

    def __init__(self) -> None:
        self._actions: deque[float] = deque(maxlen=MAX_KEPT)
        self._apart: deque[float] = deque(maxlen=MAX_KEPT)  # those of them on what no link hangs on
        self._moves: dict[str, deque[float]] = {}
        self._reboot: float | None = None
        self._reboot_before: float | None = None  # what `_reboot` was, should the last one be withdrawn

    def load(self, actions: list[float], reboot: float | None, apart: Sequence[float] = ()) -> None:
        """What a former run did, in this boot's monotonic time."""
        self._actions.extend(sorted(actions))
        self._apart.extend(sorted(apart))
        self._reboot = reboot

    def budget_left(self, per_hour: int, now: float, subject: str = "") -> int:
        """Actions still allowed in the hour that ends now: on this subject, else at all."""
        for times in (self._actions, self._apart):
            while times and now - times[0] > HOUR:
                times.popleft()
        left = per_hour - len(self._actions)
        if apart(subject):
            left = min(left, per_hour - reserve(per_hour) - len(self._apart))
        return max(0, left)

    def moves(self, subject: str, now: float, action: str = "") -> int:
        """How often within the window this subject's interface, node or service moved, or this was done."""
        times = self._moves.get(_key(subject, action))
        if times is None:
            return 0
        while times and now - times[0] > MOVE_WINDOW:
            times.popleft()
        return len(times)

    def may_act(self, action: str, subject: str, now: float, most: int = MAX_MOVES) -> bool:
        """One more such act fits into the window; `most`: moves of a link's traffic."""
        return self.moves(subject, now, action) < _bound(action, most)

    def may_return(
        self, action: str, subject: str, now: float, most: int = MAX_MOVES, *, steady: bool = False
    ) -> bool:
        """Undoing this action fits and leaves room for doing it again.

        `steady`: the cause has proved that it will not be back soon, so the return may take that room.
        """
        return self.moves(subject, now, action) < _bound(action, most) - (0 if steady else 1)

    def reboot_wait(self, interval: float, now: float) -> float:
        """Seconds until a reboot is allowed again, 0 where it is."""
        return 0.0 if self._reboot is None else max(0.0, self._reboot + interval - now)

    def acted(self, action: str, subject: str, now: float) -> None:
        """An action begins."""
        self._actions.append(now)
        if apart(subject):
            self._apart.append(now)
        self.moved(subject, now, action)
        if action in REBOOTS:
            self._reboot_before, self._reboot = self._reboot, now

    def withdrawn(self, action: str, subject: str, at: float) -> None:
        """The action said to begin at `at` was not begun: it costs nothing."""
        of_apart = self._apart if apart(subject) else None
        for times in (self._actions, self._moves.get(_key(subject, action)), of_apart):
            if times is not None and at in times:
                times.remove(at)
        if action in REBOOTS and self._reboot == at:
            self._reboot = self._reboot_before

    def rebooted(self) -> float | None:
        """The last reboot, for the knowledge store."""
        return self._reboot

    def moved(self, subject: str, now: float, action: str = "") -> None:
        """A subject's traffic is led away or back, or this was done to it."""
        key = _key(subject, action)
        times = self._moves.setdefault(key, deque(maxlen=MOST_MOVES + 1))
        times.append(now)
        if len(self._moves) > MAX_SUBJECTS:
            del self._moves[next(iter(self._moves))]

    def actions(self) -> list[float]:
        """For the knowledge store."""
        return list(self._actions)

    def apart(self) -> list[float]:
        """Those of them on what no link hangs on; for the knowledge store."""
        return list(self._apart)


def _bound(action: str, most: int) -> int:
    return most if action in MOVING else max(most, MAX_ACTS)


def _key(subject: str, action: str) -> str:
    """The thing that moves: `hardif/e2` of `hardif/e2/MAC`; acts that move no link are counted apart."""
    thing = "/".join(subject.split("/")[:2])
    apart = action and action not in MOVING and subject.startswith("hardif/")
    return f"{thing} beside" if apart else thing
