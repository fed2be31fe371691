# SPDX-License-Identifier: Apache-2.0
"""Asks neighbours' kernels by ICMPv6 echo: fast while one is suspected, slowly where a hardif is detached,
and a newcomer that is well a few times, to learn whether it answers at all.

No `make` here: it lives in the event loop and needs addresses of the hello; the composition root builds it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import ClassVar, TypeAlias

from agent.kernel.echo import EchoReply, EchoSocket
from agent.readings import Echo
from agent.sensors.acquaintances import Acquaintances
from agent.sensors.asker import Asker, Request, Socket
from agent.sensors.echotarget import Target

FAST_PERIOD = 0.04  # s between requests to a suspect: three within the 120 ms after which silence counts
SLOW_PERIOD = 0.5  # s between requests to a watched neighbour: 140 bytes/s of airtime
PROBE_MAX = 5.0  # s one call of `probe` lasts at most; the loop renews it while the suspicion holds
MAX_TARGETS = 64  # asked at the same time; bounds memory and airtime (3,200 requests/s at the very worst)
QUESTIONS = 6  # to learn whether it answers at all; over 2.5 s: a new address is tentative for 1 s
LEARN_AT_ONCE = 8  # neighbours asked so at the same time: a flood of invented MACs costs 16 requests/s
LOST_AFTER = 0.4  # s; a request unanswered so long breaks the streak
LATE_AFTER = 2.0  # s; an answer may come so late and still show life (a congested radio)
MAX_WAITING = 4096  # requests remembered; MAX_TARGETS at FAST_PERIOD for LATE_AFTER are 3,200
ATTENTIVE_READ, CALM_READ = 0.02, 1.0  # s between two copies of the readings
LOOK_PERIOD = (
    0.01  # s between two looks for answers while a suspect is silent: so late silence is seen at most
)


# by sequence, oldest first: whom, when, what
_Requests: TypeAlias = "OrderedDict[int, tuple[Target, float, Request]]"


class Echoes:
    """Sensor `echoes`. All but `read` in the event loop only.

    `address(hardif, mac)` gives the link-local address the neighbour was heard from (see Asker).
    `on_return(hardif, mac)` is called when a neighbour answers that had not answered its last requests.
    """

    name: ClassVar[str] = "echoes"

    def __init__(
        self,
        address: Callable[[str, str], str],
        *,
        on_return: Callable[[str, str], None] | None = None,
        index: Callable[[str], int] = socket.if_nametoindex,
        open_socket: Callable[[], Socket] = EchoSocket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_return, self._clock = on_return, clock
        self._asker = Asker(
            address, self._take, self._beat, index=index, open_socket=open_socket, clock=clock
        )
        self._known = Acquaintances()
        self._targets: dict[tuple[str, str], Target] = {}
        self._waiting: _Requests = OrderedDict()
        self._late: _Requests = OrderedDict()
        self._looked = 0.0  # everything that had arrived by then was taken from the socket
        self._lock = threading.Lock()  # `read` runs in the sensors' thread
        self.refused = 0  # targets not taken because MAX_TARGETS were being asked

    # -- life

    def start(self) -> None:
        """Open the socket; KernelError where CAP_NET_RAW is missing."""
        self._asker.start()
        self._arm()

    def stop(self) -> None:
        """Stop asking."""
        self._asker.stop()

    # -- whom to ask

    def probe(self, hardif: str, mac: str, for_s: float = 1.0) -> bool:
        """Ask fast for so long; again while the suspicion holds. False where too many are being asked."""
        now = self._clock()
        target = self._target(hardif, mac, now)
        if target is None:
            return False
        if now >= target.fast_until:
            target.fast_since = target.due = now
        target.fast_until = max(target.fast_until, now + min(for_s, PROBE_MAX))
        self._arm()
        return True

    def watch(self, neighbours: Iterable[tuple[str, str]]) -> None:
        """Ask exactly these (hardif, MAC) slowly, e.g. all on detached hardifs."""
        wanted, now = set(neighbours), self._clock()
        for key, target in self._targets.items():
            target.watched = key in wanted
        for hardif, mac in sorted(wanted):
            added = self._target(hardif, mac, now)
            if added is not None:
                added.watched = True
        self._arm()

    def meet(self, neighbours: Iterable[tuple[str, str]]) -> None:
        """These (hardif, MAC) are well: of those not known to answer, some are asked a few times.

        No sign of doubt, so not in the readings. Call about once a second.
        """
        if not self._asker.open:
            return
        now = self._clock()
        busy = sum(target.learning for target in self._targets.values())
        room = min(LEARN_AT_ONCE - busy, MAX_TARGETS - len(self._targets))
        for key in self._known.due(set(neighbours) - self._targets.keys(), now, room):
            with self._lock:
                self._targets[key] = Target(*key, now, QUESTIONS)
        self._arm()

    def _target(self, hardif: str, mac: str, now: float) -> Target | None:
        """In doubt it begins anew, and before those of whom something is only to be learnt."""
        target = self._targets.get((hardif, mac))
        if target is None or target.learning:
            spare = next((key for key, other in self._targets.items() if other.learning), None)
            if target is None and len(self._targets) >= MAX_TARGETS:
                if spare is None:
                    self.refused += 1
                    return None
                with self._lock:
                    del self._targets[spare]
            target = Target(hardif, mac, now)
            with self._lock:
                self._targets[(hardif, mac)] = target
        return target

    # -- Sensor

    def period(self, attention: bool) -> float:
        """Seconds between two copies of the readings."""
        return ATTENTIVE_READ if attention else CALM_READ

    def read(self, now: float) -> tuple[Echo, ...]:
        """One Echo for each neighbour being asked.

        An answer that waits in the socket because the event loop is busy is no silence: the time since the
        last look at the socket does not count.
        """
        with self._lock:
            return tuple(
                target.reading(now, self._looked, self._known.knows(key))
                for key, target in self._targets.items()
                if not target.learning
            )

    # -- inside

    def _arm(self) -> None:
        """Wake when the next request is due, or it is time to look for answers."""
        if not self._asker.open or not self._targets:
            return
        now = self._clock()
        delay = min(t.due for t in self._targets.values()) - now
        if any(t.asked_since is not None and t.fast(now) for t in self._targets.values()):
            delay = min(delay, LOOK_PERIOD)
        self._asker.wake(delay)

    def _beat(self) -> None:
        now = self._clock()
        with self._lock:
            self._forget(now)
            for target in self._targets.values():
                if target.due <= now:
                    self._ask(target, now)
                    pause = FAST_PERIOD if target.fast(now) else SLOW_PERIOD
                    target.due = max(target.due + pause, now + pause / 2)  # no backlog
        self._arm()

    def _forget(self, now: float) -> None:
        for key in [k for k, t in self._targets.items() if not t.wanted(now)]:
            del self._targets[key]
        while self._waiting and now - next(iter(self._waiting.values()))[1] > LOST_AFTER:
            sequence, request = self._waiting.popitem(last=False)
            request[0].lost()
            self._late[sequence] = request
        while self._late and now - next(iter(self._late.values()))[1] > LATE_AFTER:
            self._late.popitem(last=False)

    def _ask(self, target: Target, now: float) -> None:
        request = self._asker.ask(target.hardif, target.mac)
        if request.full and not request.addresses:
            return  # nobody was asked
        target.asked(now)
        if not request.addresses:
            target.lost()
        elif len(self._waiting) + len(self._late) < MAX_WAITING:
            self._waiting[request.sequence] = (target, now, request)

    def _take(self, replies: list[EchoReply], looked: float) -> None:
        returned: list[tuple[str, str]] = []
        with self._lock:
            self._looked = looked
            for reply in replies:
                in_time = reply.sequence in self._waiting
                queue = self._waiting if in_time else self._late
                waiting = queue.get(reply.sequence)
                if waiting is None or not waiting[2].answered_by(reply):
                    continue
                del queue[reply.sequence]
                target = waiting[0]
                self._known.answered((target.hardif, target.mac))
                if target.streak == 0 and target.sent > 1 and not target.learning:
                    returned.append((target.hardif, target.mac))
                target.answer(waiting[1], reply.received_at, in_time)
        if self._on_return:
            for hardif, mac in returned:
                self._on_return(hardif, mac)
