# SPDX-License-Identifier: Apache-2.0
"""One neighbour whose loss is measured by echo requests: when it is asked, what came of it. Pure.

At rest it is asked so rarely that it costs next to nothing. A request that is lost is followed by a short run
of quick ones: a healthy link loses one in a great while, a lossy one shows itself within two seconds.
"""

from __future__ import annotations

from collections import deque

from agent.readings import Loss

SLOW_PERIOD = 2.0  # s between two requests at rest: 80 bytes/s on the wire, answers included
TREATED_PERIOD = 0.25  # s while the link is under treatment: 50 requests tell within 12 s that it is well
QUICK_PERIOD = 0.1  # s in the run that follows a lost request
QUICK_RUN = 24  # requests of such a run
QUICK_EVERY = 10.0  # s from the begin of one run to the next: at most five requests in two seconds, always
WINDOW = (
    50  # requests that count: 0 of 50 lost means less than 7 %, 10 of 50 more than 10 % (confidence 95 %)
)
CUT_RUN = 10  # lost in a row: where three of four are lost, one run in twenty is so long by chance
LOST_AFTER = 1.0  # s without an answer; a busy radio or kernel answers after some tenths
GRACE = 0.005  # s: the timer's own coarseness
TREATED_FOR = 2.0  # s the wish to measure closely lasts; the loop renews it twice a second


class LossMeter:
    """Monotonic seconds throughout."""

    def __init__(self, hardif: str, mac: str, now: float) -> None:
        self.hardif, self.mac = hardif, mac
        self.due = now
        self.wanted_until = now
        self.treated_until = now
        self._answered: deque[bool] = deque(maxlen=WINDOW)
        self._waiting: dict[int, float] = {}  # sequence > when it was asked
        self._order: deque[int] = deque()  # requests whose outcome does not count yet, oldest first
        self._outcome: dict[int, bool] = {}  # of these: was it answered
        self._answered_at: float | None = None
        self._quick = 0  # requests left of the quick run
        self._quick_again = now

    def asked(self, sequence: int, now: float, slow: float = SLOW_PERIOD) -> None:
        """This request went out; sets when the next one is due. `slow`: the period at rest."""
        self._waiting[sequence] = now
        self._order.append(sequence)
        self.pause(now, slow)

    def pause(self, now: float, slow: float = SLOW_PERIOD) -> None:
        """The next request is due a period from now."""
        if self._quick:
            self._quick -= 1
            period = QUICK_PERIOD
        else:
            period = TREATED_PERIOD if now < self.treated_until else slow
        self.due = now + period

    def answer(self, sequence: int, at: float) -> None:
        """Its answer came, unless it was given up before."""
        if self._waiting.pop(sequence, None) is not None:
            self._answered_at = at
            self._came_to(sequence, good=True)

    def judge(self, now: float) -> None:
        """Gives up what is unanswered for too long, after the socket was emptied."""
        late = [sequence for sequence, at in self._waiting.items() if now - at > LOST_AFTER]
        for sequence in late:
            del self._waiting[sequence]
            self._came_to(sequence, good=False)
        if late and self._answered_at is not None and now >= self._quick_again:
            self._quick, self._quick_again = QUICK_RUN, now + QUICK_EVERY
            self.due = min(self.due, now)

    def due_at(self) -> float:
        """When there is something to do: a request to send, or one to give up."""
        oldest = next(iter(self._waiting.values()), None)
        return self.due if oldest is None else min(self.due, oldest + LOST_AFTER + GRACE)

    def forget(self, sequence: int) -> None:
        """It could not be sent: it says nothing about the link."""
        if self._waiting.pop(sequence, None) is not None:
            self._order.remove(sequence)
            self._count()

    def waits(self, sequence: int) -> bool:
        """Is its answer still awaited?"""
        return sequence in self._waiting

    def treat(self, now: float) -> None:
        """Measure closely for a while."""
        self.treated_until = self.wanted_until = now + TREATED_FOR
        self.due = min(self.due, now + TREATED_PERIOD)

    def _came_to(self, sequence: int, *, good: bool) -> None:
        self._outcome[sequence] = good
        self._count()

    def _count(self) -> None:
        """In the order of asking: the last ones lost in a cut are given up when newer ones were answered."""
        while self._order and self._order[0] in self._outcome:
            good = self._outcome.pop(self._order.popleft())
            if good:
                self._forget_cut()
            self._answered.append(good)

    def _forget_cut(self) -> None:
        """A long run of lost ones was a cut, which is over: it counts as one."""
        run = 0
        while self._answered and not self._answered[-1]:
            self._answered.pop()
            run += 1
        self._answered.extend([False] * (1 if run > CUT_RUN else run))

    def reading(self, now: float) -> Loss:
        """What is known now."""
        results = tuple(self._answered)
        spells = sum(not good and (number == 0 or results[number - 1]) for number, good in enumerate(results))
        return Loss(
            hardif=self.hardif,
            mac=self.mac,
            asked=len(results),
            lost=results.count(False),
            spells=spells,
            answer_age=None if self._answered_at is None else max(0.0, now - self._answered_at),
        )
