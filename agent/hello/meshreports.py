# SPDX-License-Identifier: Apache-2.0
"""Reports over the mesh interface: said thrice, heard, and the channel opened again when the mesh changed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

from agent.hello.channel import Channel
from agent.hello.errors import ChannelError, MessageError
from agent.hello.interface import ABSENT, watched
from agent.hello.message import REPORT_KINDS, ReportKind, ReportMessage, decode_report, encode, mac_bytes
from agent.hello.report import REPEATS, Reports, own_limit
from agent.readings import Report

RETRY = 1.0  # s until a missing bat0 is looked for again

log = logging.getLogger(__name__)


class MeshReports:
    """All but `snapshot` in the event loop. `on_news` is told of each report that says something new."""

    def __init__(
        self,
        node: str,
        *,
        open_channel: Callable[[], Channel],
        on_news: Callable[[ReportMessage], None],
        clock: Callable[[], float],
        rng: random.Random,
        takes: Callable[[str], bool] = lambda _word: True,
    ) -> None:
        """`takes(report/KIND)`: is such a report listened to at all?"""
        self.trouble = ""  # why nothing can be said or heard though the mesh interface is there
        self._node, self._open, self._on_news, self._clock = node, open_channel, on_news, clock
        self._heard, self._takes = Reports(), takes
        self._sequence = rng.getrandbits(32)
        self._limit = own_limit(clock())
        self._channel: Channel | None = None
        self._looked = float("-inf")
        self._pending: set[asyncio.TimerHandle] = set()

    def start(self) -> None:
        """Open the channel; a mesh that is missing is looked for again when something is to be said."""
        self._check()

    def stop(self) -> None:
        """Close it; repeats still due are not said."""
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
        self._close()

    def refresh(self) -> None:
        """Links changed: look now."""
        self._looked = float("-inf")
        self._check()

    def say(self, kind: ReportKind, subject_mac: str, about_mac: str) -> bool:
        """Tell the whole mesh; False where the rate or a missing mesh interface forbids it now."""
        if kind not in REPORT_KINDS:
            raise MessageError(f"{kind!r} is no kind of report; known are {', '.join(REPORT_KINDS)}")
        if not self._check() or not self._limit.take(self._clock()):
            return False
        self._sequence = (self._sequence + 1) & 0xFFFF_FFFF
        data = encode(
            ReportMessage(
                version=1,
                node=self._node,
                sequence=self._sequence,
                kind=kind,
                subject=mac_bytes(subject_mac),
                about=mac_bytes(about_mac),
            )
        )
        self._send(data)
        for delay in REPEATS[1:]:
            self._later(delay, data)
        return True

    def snapshot(self) -> tuple[Report, ...]:
        """What others reported lately. From any thread."""
        return self._heard.snapshot(self._clock())

    def _check(self) -> bool:
        """Is there a channel? Looks for the mesh interface at most once in `RETRY`."""
        if self._channel and self._channel.current():
            return True
        self._close()
        now = self._clock()
        if now - self._looked < RETRY:
            return False
        self._looked = now
        try:
            self._channel = watched(self._open(), self._readable)
        except ChannelError as error:
            self.trouble = "" if error.errno in ABSENT else str(error)
            return False
        self.trouble = ""
        return True

    def _close(self) -> None:
        if self._channel:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
            self._channel = None

    def _later(self, delay: float, data: bytes) -> None:
        def due() -> None:
            self._pending.discard(handle)
            self._send(data)

        handle = asyncio.get_running_loop().call_later(delay, due)
        self._pending.add(handle)

    def _send(self, data: bytes) -> None:
        if self._channel is None:
            return
        try:
            self._channel.send(data)
        except ChannelError as error:
            log.info("report not sent: %s", error)
            self._close()

    def _readable(self) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            datagrams = channel.receive()
        except ChannelError:
            self._close()
            return
        now = self._clock()
        for data, address in datagrams:
            if not self._heard.admit(address, now):
                continue
            try:
                message = decode_report(data)
            except MessageError:
                continue
            if message.node == self._node or not self._takes(f"report/{message.kind}"):
                continue
            if self._heard.take(message, now):
                self._on_news(message)
