# SPDX-License-Identifier: Apache-2.0
"""The `uplink` sensor of a gateway: does somebody beyond it answer, and how much goes through it?

Every target is asked every 10 s, every second while one is silent. `read` never waits for an answer longer
than PATIENCE: what is under way is looked at again soon.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from agent.kernel.errors import KernelError
from agent.kernel.links import Links
from agent.readings import Link, Uplink, UplinkProbe
from agent.sensors.question import Question
from agent.sensors.wayout import Target, WayOut

if TYPE_CHECKING:
    from agent.config import Config
    from agent.sensors.base import Sensor

CALM: Final = 10.0  # s between two requests to a target that answers
DOUBT: Final = 1.0  # s while one does not
LONG: Final = 60.0  # s; one that has been silent for so long is asked every
LONG_EVERY: Final = 5.0  # s
PENDING: Final = (
    0.25  # s between two looks for an answer; not below the fast lane's bound (mapek/schedule.py)
)
PATIENCE: Final = 0.02  # s `read` waits for answers: a router next door takes 1 ms
RATE_OVER: Final = 5.0  # s over which the throughput is meant


class Devices(Protocol):
    """What of kernel.links.Links is used."""

    def get(self, name: str) -> Link | None: ...


class _Watch:
    """What is known of one target; monotonic seconds."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.question: Question | None = None
        self.due = float("-inf")
        self.ever = False
        self.unanswered = 0
        self.failing_since: float | None = None
        self.passing_since: float | None = None
        self.detail = ""

    def decided(self, question: Question) -> None:
        self.detail = question.detail
        if question.ok:
            self.ever, self.unanswered, self.failing_since = True, 0, None
            self.passing_since = question.asked_at if self.passing_since is None else self.passing_since
        else:
            self.unanswered += 1
            self.passing_since = None
            self.failing_since = question.asked_at if self.failing_since is None else self.failing_since

    def every(self, now: float) -> float:
        """Seconds between two requests now."""
        if self.failing_since is None:
            return CALM if self.passing_since is not None and now - self.passing_since > CALM else DOUBT
        return DOUBT if now - self.failing_since < LONG else LONG_EVERY

    def reading(self, now: float) -> UplinkProbe:
        return UplinkProbe(
            kind=self.target.kind,
            target=self.target.address,
            configured=self.target.configured,
            ever_answered=self.ever,
            unanswered=self.unanswered,
            failing_age=0.0 if self.failing_since is None else max(0.0, now - self.failing_since),
            passing_age=0.0 if self.passing_since is None else max(0.0, now - self.passing_since),
            detail=self.detail,
        )


class UplinkSensor:
    """Asks the targets of `way`; counters of the interface from `devices`."""

    name: ClassVar[str] = "uplink"

    def __init__(
        self,
        way: WayOut,
        resolve: str,
        devices: Devices | None = None,
        ask: Callable[[Target, str, str, float], Question] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._way, self._resolve, self._clock = way, resolve, clock
        self._devices = devices or Links()
        self._ask = ask or (lambda target, device, name, now: Question(*target[:2], device, name, now))
        self._watches: dict[Target, _Watch] = {}
        self._counted: tuple[str, float, int, int] | None = None  # interface, when, bytes in, bytes out
        self._rates: tuple[float, float] | None = None

    def period(self, attention: bool) -> float:
        """By what is under way here; what is suspected elsewhere is no reason."""
        watches = self._watches.values()
        if any(watch.question is not None for watch in watches):
            return PENDING
        now = self._clock()
        return min((watch.every(now) for watch in watches), default=CALM)

    def read(self, now: float) -> Uplink:
        """The reading; what cannot be asked counts as silent, with the reason."""
        interface, targets = self._way.look()
        for gone in self._watches.keys() - set(targets):
            if (question := self._watches.pop(gone).question) is not None:
                question.close()
        for target in targets:
            watch = self._watches.setdefault(target, _Watch(target))
            if watch.question is None and now >= watch.due:
                watch.question = self._ask(target, interface, self._resolve, now)
        self._wait()
        now = self._clock()
        for watch in self._watches.values():
            if watch.question is not None and watch.question.done:
                watch.decided(watch.question)
                watch.due = watch.question.asked_at + watch.every(now) * 0.9  # early for one wake-up of all
                watch.question = None
        rates = self._rate(interface, now)
        probes = tuple(self._watches[target].reading(now) for target in targets)
        return Uplink(interface, probes, rates[0] if rates else None, rates[1] if rates else None)

    def close(self) -> None:
        """Give up what is under way."""
        for watch in self._watches.values():
            if watch.question is not None:
                watch.question.close()
        self._watches.clear()

    def _wait(self) -> None:
        """Let answers come in, at most PATIENCE for all together."""
        end = self._clock() + PATIENCE
        while True:
            now = self._clock()
            asked = [w.question for w in self._watches.values() if w.question is not None]
            for question in asked:
                question.advance(now)
            waiting = [question for question in asked if not question.done]
            if not waiting or now >= end:
                return
            poll = select.poll()
            for question in waiting:
                poll.register(question, select.POLLIN)
            poll.poll(max(1.0, (end - now) * 1000))

    def _rate(self, interface: str, now: float) -> tuple[float, float] | None:
        """kbit/s in and out over the last RATE_OVER seconds and more, None until they have passed."""
        if self._counted is not None and self._counted[0] == interface and now - self._counted[1] < RATE_OVER:
            return self._rates
        try:
            link = self._devices.get(interface) if interface else None
        except KernelError:
            link = None
        before, self._rates = self._counted, None
        self._counted = None if link is None else (interface, now, link.rx_bytes, link.tx_bytes)
        if link is None or before is None or before[0] != interface:
            return None
        seconds, rx, tx = now - before[1], link.rx_bytes - before[2], link.tx_bytes - before[3]
        if rx >= 0 and tx >= 0:  # counters of an interface made anew begin at 0
            self._rates = rx * 8 / 1000 / seconds, tx * 8 / 1000 / seconds
        return self._rates


def make(config: Config) -> Sensor | None:
    """Applicable where this node is configured as a gateway."""
    if not config.mesh.enabled or config.mesh.gateway.mode != "server":
        return None
    return UplinkSensor(WayOut(config.mesh), config.mesh.gateway.resolve)
