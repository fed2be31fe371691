# SPDX-License-Identifier: Apache-2.0
"""Measures how many packets each neighbour's link loses, by a few ICMPv6 echo requests, all the time.

Apart from agent/sensors/echoes.py, whose requests begin with a doubt and ask whether anything comes at all.
An echo is lost on the way there or back: a link that loses 10 % in each direction shows 19 %. No `make` here:
it lives in the event loop and needs addresses of the hello; the composition root builds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from agent.hello.peers import eui64
from agent.kernel.echo import EchoReply, EchoSocket
from agent.kernel.errors import KernelError
from agent.readings import Loss
from agent.sensors.lossmeter import SLOW_PERIOD, LossMeter

MAX_METERS = 64  # neighbours measured at once; more are not heard by a radio
MOST_AT_REST = 8.0  # requests a second to all neighbours together: the more there are, the rarer each
WANTED_FOR = 10.0  # s a neighbour is measured after it was last well: a lossy one is in doubt now and then
READ_PERIOD = 0.5  # s between two copies of the readings


class _Socket(Protocol):
    def fileno(self) -> int: ...
    def send(self, index: int, address: str, ident: int, sequence: int) -> None: ...
    def receive(self) -> list[EchoReply]: ...
    def close(self) -> None: ...


class Losses:
    """Sensor `losses`. All but `read` in the event loop only.

    `address(hardif, mac)`: the link-local address the neighbour was heard from, else that of its MAC.
    """

    name: ClassVar[str] = "losses"

    def __init__(
        self,
        address: Callable[[str, str], str],
        *,
        index: Callable[[str], int] = socket.if_nametoindex,
        open_socket: Callable[[], _Socket] = EchoSocket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address, self._index, self._open, self._clock = address, index, open_socket, clock
        self._socket: _Socket | None = None
        self._ident = os.getpid() & 0xFFFF
        self._sequence = 0
        self._meters: dict[tuple[str, str], LossMeter] = {}
        # by sequence: whom, on which interface, at which addresses
        self._asked: dict[int, tuple[LossMeter, int, tuple[str, ...]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()  # `read` runs in the sensors' thread

    # -- life

    def start(self) -> None:
        """Open the socket; KernelError where CAP_NET_RAW is missing."""
        self._socket = self._open()
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._look)
        self._arm()

    def stop(self) -> None:
        """Stop asking; what was measured is forgotten."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
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
        if meter is None and self._socket is not None and len(self._meters) < MAX_METERS:
            meter = LossMeter(*key, now)
            with self._lock:
                self._meters[key] = meter
        return meter

    # -- Sensor

    def period(self, attention: bool) -> float:
        """Seconds between two copies of the readings."""
        return READ_PERIOD

    def read(self, now: float) -> tuple[Loss, ...]:
        """One Loss for each neighbour being measured."""
        with self._lock:
            return tuple(meter.reading(now) for meter in self._meters.values())

    # -- inside

    def _arm(self) -> None:
        """Wake when the next request is due, or one is overdue."""
        if self._socket is None or not self._meters:
            return
        loop = asyncio.get_running_loop()
        wait = min(meter.due_at() for meter in self._meters.values()) - self._clock()
        when = loop.time() + max(0.0, wait)
        if self._timer is None or self._timer.when() > when:
            if self._timer:
                self._timer.cancel()
            self._timer = loop.call_at(when, self._beat)

    def _beat(self) -> None:
        self._timer = None
        self._look()  # first: what has come is not lost
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
        """At the address it was heard from, which whoever forged the hello chose, and that of its MAC."""
        self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        meter.asked(sequence, now, slow)
        addresses = tuple(dict.fromkeys((self._address(meter.hardif, meter.mac), eui64(meter.mac))))
        sent = 0
        try:
            index = self._index(meter.hardif)
        except OSError:
            meter.forget(sequence)  # the interface is gone: that says nothing of the link
            return
        assert self._socket is not None
        for address in addresses:
            with contextlib.suppress(KernelError):  # down, or its queue is full
                self._socket.send(index, address, self._ident, sequence)
                sent += 1
        if sent:
            self._asked[sequence] = (meter, index, addresses)
        else:
            meter.forget(sequence)

    def _forget(self) -> None:
        """Requests whose answers nobody waits for any more."""
        measured = self._meters.values()
        for sequence, (meter, _, _) in tuple(self._asked.items()):
            if meter not in measured or not meter.waits(sequence):
                del self._asked[sequence]

    def _look(self) -> None:
        """Take what has arrived."""
        if self._socket is None:
            return
        try:
            replies = self._socket.receive()
        except KernelError:
            return
        with self._lock:
            for reply in replies:
                meter, index, addresses = self._asked.get(reply.sequence, (None, 0, ()))
                if meter is not None and reply.ifindex == index and reply.address in addresses:
                    del self._asked[reply.sequence]
                    meter.answer(reply.sequence, reply.received_at)
