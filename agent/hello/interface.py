# SPDX-License-Identifier: Apache-2.0
"""Hellos on one interface: its timers, and its channel, opened again when the interface comes or changes."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
from collections.abc import Callable

from agent.hello.channel import Channel
from agent.hello.errors import ChannelError, MessageError
from agent.hello.message import HelloMessage, decode_hello, encode
from agent.hello.peers import Entry, News, Peers

MIN_GAP = 0.05  # s between two hellos on one interface: 20 a second at most, within a receiver's burst
JITTER = 0.1  # share of the interval, so that nodes booted together do not collide for ever
ANNOUNCE_REPEATS = 2  # hellos for an announcement, a gap apart: one may meet the very loss it speaks of
RETRY = 1.0  # s until a missing interface is looked for again; `refresh` does it at once
ABSENT = frozenset({errno.ENODEV, errno.ENETDOWN})  # missing or down: the sensors tell it, and better

Open = Callable[[str], Channel]
Heard = Callable[[News, Entry], None]
log = logging.getLogger(__name__)


def watched(channel: Channel, readable: Callable[[], None]) -> Channel:
    """The channel, of which the event loop tells when it can be read; ChannelError where it cannot tell."""
    try:
        asyncio.get_running_loop().add_reader(channel.fileno(), readable)
    except OSError as error:  # epoll's own bounds
        channel.close()
        text = f"hello on {channel.name}: {error.strerror or error}: the event loop cannot watch its socket"
        raise ChannelError(text, error.errno or 0) from error
    return channel


class Interface:
    """One mesh interface. All methods are called in the event loop."""

    def __init__(
        self,
        name: str,
        *,
        interval: float,
        open_channel: Open,
        compose: Callable[[Interface], HelloMessage | None],
        on_news: Heard,
        on_hello: Callable[[Interface, HelloMessage], None] = lambda *_: None,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.name = name
        self.peers = Peers(name)
        self.malformed = 0
        self.sent = 0
        self.refused = 0  # datagrams over a rate
        self.problem = ""  # why there is no channel, "" while there is one
        self.trouble = ""  # the same, "" also where the interface is just missing or down
        self._interval, self._open, self._compose = interval, open_channel, compose
        self._on_news, self._on_hello, self._clock, self._rng = on_news, on_hello, clock, rng
        self._channel: Channel | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_sent = float("-inf")
        self._urgent = 0  # hellos still owed to an announcement
        self._running = False

    @property
    def mac(self) -> str:
        """The interface's MAC while a channel is open, else ""."""
        return self._channel.mac if self._channel else ""

    @property
    def index(self) -> int:
        """The interface's index while a channel is open, else 0."""
        return self._channel.index if self._channel else 0

    def start(self) -> None:
        """Begin; the first hello goes out at once."""
        self._running = True
        self._beat()

    def stop(self) -> None:
        """Close the channel and stop."""
        self._running = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._close(ChannelError("stopped", errno.ENODEV))

    def refresh(self) -> None:
        """Something happened to the interface: look now whether its channel still fits."""
        if self._running and self._check():
            self.announce()

    def announce(self) -> None:
        """Say a hello at once, or as soon as the least gap allows."""
        if self._running:
            self._urgent = ANNOUNCE_REPEATS
            delay = max(0.0, self._last_sent + MIN_GAP - self._clock())
            due = asyncio.get_running_loop().time() + delay
            if self._timer is None or self._timer.when() > due:  # never put off what is due sooner
                self._schedule(delay)

    def pace(self, interval: float) -> None:
        """Another interval (s) from now on; the hello that says so goes out at once."""
        self._interval = interval
        self.announce()

    def _schedule(self, delay: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._beat)

    def _beat(self) -> None:
        """Send what is due, notice who has gone, set the next time (whatever fails: it is our only clock)."""
        self._timer = None
        try:
            now = self._clock()
            for gone in self.peers.expire(now):
                self._on_news(News.GONE, gone)
            self._check()
            if self._channel:
                self._last_sent = now
                self._send(self._channel)
        finally:
            self._urgent = max(0, self._urgent - 1)
            if self._running and self._timer is None:  # a call-back may have announced
                pause = self._interval if self._channel else max(self._interval, RETRY)
                pause *= self._rng.uniform(1 - JITTER, 1 + JITTER)
                self._schedule(MIN_GAP if self._urgent else pause)

    def _send(self, channel: Channel) -> None:
        try:
            message = self._compose(self)
            if message is not None:
                channel.send(encode(message))
                self.sent += 1
        except ChannelError as error:
            self._close(error)
        except MessageError:  # what the call-backs gave us is no MAC or name; a bug or an interface half made
            log.exception("hello on %s not sent", self.name)

    def _check(self) -> bool:
        """Open, close or open again as the interface demands; is a channel newly open?"""
        if self._channel and not self._channel.current():
            self._close(ChannelError("the interface went away or changed", errno.ENODEV))
        if self._channel:
            return False
        try:
            self._channel = watched(self._open(self.name), self._readable)
        except ChannelError as error:
            if str(error) != self.problem:
                self._note(error)
                log.info("no hellos: %s", self.problem)
            return False
        self.problem = self.trouble = ""
        return True

    def _close(self, why: ChannelError) -> None:
        if self._channel:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            self._channel.close()
            self._channel = None
            self._note(why)

    def _note(self, why: ChannelError) -> None:
        self.problem = str(why)
        self.trouble = "" if why.errno in ABSENT else self.problem

    def _readable(self) -> None:
        channel = self._channel
        if channel is None:
            return
        try:
            datagrams = channel.receive()
        except ChannelError as error:
            self._close(error)
            return
        now = self._clock()
        for data, address in datagrams:
            if not self.peers.admit(address, now):
                self.refused += 1
                continue
            try:
                message = decode_hello(data)
            except MessageError:
                self.malformed += 1
                continue
            news = self.peers.take(message, address, channel.mac, now)
            entry = self.peers.entry(message.mac)
            if entry and entry.message is message:  # neither late nor a stranger's
                self._on_hello(self, message)
            if entry:
                for each in news:
                    self._on_news(each, entry)
