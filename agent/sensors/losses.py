# SPDX-License-Identifier: Apache-2.0
"""Measures how many packets each neighbour's link loses, by a few ICMPv6 echo requests, all the time.

Apart from agent/sensors/echoes.py, whose requests begin with a doubt and ask whether anything comes at all.
An echo is lost on the way there or back: a link that loses 10 % in each direction shows 19 %. No `make` here:
it lives in the event loop and needs addresses of the hello; the composition root builds it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from agent.kernel.echo import EchoReply, EchoSocket
from agent.readings import Loss
from agent.sensors.asker import Asker, Request, Socket
from agent.sensors.lossmeter import SLOW_PERIOD, LossMeter

MAX_METERS = 64  # neighbours measured at once; more are not heard by a radio
MOST_AT_REST = 8.0  # requests a second to all neighbours together: the more there are, the rarer each
WANTED_FOR = 10.0  # s a neighbour is measured after it was last well: a lossy one is in doubt now and then
CALM_READ, ATTENTIVE_READ = 1.0, 0.5  # s between two copies of the readings


class Losses:
    """Sensor `losses`. All but `read` in the event loop only.

    `address(hardif, mac)`: the link-local address the neighbour was heard from (see Asker).
    """

    name: ClassVar[str] = "losses"

    def __init__(
        self,
        address: Callable[[str, str], str],
        *,
        index: Callable[[str], int] = socket.if_nametoindex,
        open_socket: Callable[[], Socket] = EchoSocket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._asker = Asker(
            address, self._take, self._beat, index=index, open_socket=open_socket, clock=clock
        )
        self._meters: dict[tuple[str, str], LossMeter] = {}
        self._asked: dict[int, tuple[LossMeter, Request]] = {}  # by sequence
        self._lock = threading.Lock()  # `read` runs in the sensors' thread

    # -- life

    def start(self) -> None:
        """Open the socket; KernelError where CAP_NET_RAW is missing."""
        self._asker.start()
        self._arm()

    def stop(self) -> None:
        """Stop asking; what was measured is forgotten."""
        self._asker.stop()
        with self._lock:
            self._meters.clear()
        self._asked.clear()

    # -- whom to ask

    def meet(self, neighbours: Iterable[tuple[str, str]]) -> None:
        """These (hardif, MAC) are well now. Call about once a second."""
        now = self._clock()
        for key in neighbours:
            meter = self._meter(key, now)
            if meter is not None:
                meter.wanted_until = max(meter.wanted_until, now + WANTED_FOR)
        self._arm()

    def treat(self, hardif: str, mac: str) -> None:
        """This one is in doubt or under treatment: measure it closely, as long as this is called."""
        now = self._clock()
        meter = self._meter((hardif, mac), now)
        if meter is not None:
            meter.treat(now)
        self._arm()

    def _meter(self, key: tuple[str, str], now: float) -> LossMeter | None:
        meter = self._meters.get(key)
        if meter is None and self._asker.open and len(self._meters) < MAX_METERS:
            meter = LossMeter(*key, now)
            with self._lock:
                self._meters[key] = meter
        return meter

    # -- Sensor

    def period(self, attention: bool) -> float:
        """Seconds between two copies of the readings."""
        return ATTENTIVE_READ if attention else CALM_READ

    def read(self, now: float) -> tuple[Loss, ...]:
        """One Loss for each neighbour being measured."""
        with self._lock:
            return tuple(meter.reading(now) for meter in self._meters.values())

    # -- inside

    def _arm(self) -> None:
        """Wake when the next request is due, or one is overdue."""
        if self._asker.open and self._meters:
            self._asker.wake(min(meter.due_at() for meter in self._meters.values()) - self._clock())

    def _beat(self) -> None:
        now = self._clock()
        slow = max(SLOW_PERIOD, len(self._meters) / MOST_AT_REST)
        with self._lock:
            for key in [key for key, meter in self._meters.items() if now > meter.wanted_until]:
                del self._meters[key]
            for meter in self._meters.values():
                meter.judge(now)
                if meter.due <= now:
                    self._ask(meter, now, slow)
        self._forget()
        self._arm()

    def _ask(self, meter: LossMeter, now: float, slow: float) -> None:
        request = self._asker.ask(meter.hardif, meter.mac)
        meter.asked(request.sequence, now, slow)
        if request.addresses:
            self._asked[request.sequence] = (meter, request)
        else:
            meter.forget(request.sequence)  # gone, down, or its queue is full: that says nothing of the link

    def _forget(self) -> None:
        """Requests whose answers nobody waits for any more."""
        measured = self._meters.values()
        for sequence, (meter, _) in tuple(self._asked.items()):
            if meter not in measured or not meter.waits(sequence):
                del self._asked[sequence]

    def _take(self, replies: list[EchoReply], _looked: float) -> None:
        with self._lock:
            for reply in replies:
                meter, request = self._asked.get(reply.sequence, (None, None))
                if meter is not None and request is not None and request.answered_by(reply):
                    del self._asked[reply.sequence]
                    meter.answer(reply.sequence, reply.received_at)
