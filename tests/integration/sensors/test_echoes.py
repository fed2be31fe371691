# SPDX-License-Identifier: Apache-2.0
"""Echo probing of a neighbour's kernel over a real (veth) wire."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from agent.hello.peers import eui64
from agent.kernel.echo import EchoSocket
from agent.readings import Echo
from agent.sensors.echoes import FAST_PERIOD, MAX_TARGETS, SLOW_PERIOD, Echoes
from tests.integration.netns import inside, ip, missing, pair

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
NEIGHBOUR = "02:00:00:00:00:02"


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    with pair("e") as names:
        yield names


class Prober:
    def __init__(self, namespace: str) -> None:
        self.returned: list[tuple[str, str]] = []

        def open_socket() -> EchoSocket:
            with inside(namespace):
                return EchoSocket()

        with inside(namespace):
            index = socket.if_nametoindex("e1")
        self.echoes = Echoes(
            lambda _hardif, mac: eui64(mac),
            on_return=lambda hardif, mac: self.returned.append((hardif, mac)),
            index=lambda _name: index,
            open_socket=open_socket,
        )

    @property
    def echo(self) -> Echo:
        (echo,) = self.echoes.read(time.monotonic())
        return echo

    async def until(self, what: Callable[[], object], timeout: float = 5.0) -> float:
        began = time.monotonic()
        async with asyncio.timeout(timeout):
            while not what():  # noqa: ASYNC110 - the loop under test has no event; its tick is 40 ms
                await asyncio.sleep(0.01)
        return time.monotonic() - began


@pytest.fixture
async def prober(wire: tuple[str, str]) -> AsyncIterator[Prober]:
    prober = Prober(wire[0])
    prober.echoes.start()
    prober.echoes.probe("e1", NEIGHBOUR, 5.0)
    await prober.until(lambda: prober.echo.streak >= 3)  # the wire carries
    yield prober
    prober.echoes.stop()


async def test_the_kernel_answers_every_40_ms_without_any_agent(prober: Prober) -> None:
    before = prober.echo
    took = await prober.until(lambda: prober.echo.answered >= before.answered + 10)
    after = prober.echo
    assert 8 * FAST_PERIOD < took < 3.0, "ten answers, one per period; the machine may be busy"
    assert after.sent - before.sent <= after.answered - before.answered + 3
    assert after.unanswered_for < 0.08
    assert after.rtt_ms is not None
    assert after.rtt_ms < 100
    assert after.streak_age > before.streak_age


async def test_silence_shows_within_the_threshold_and_return_at_once(
    prober: Prober, wire: tuple[str, str]
) -> None:
    ip("-n", wire[1], "link", "set", "e1", "down")
    before = prober.echo.sent
    took = await prober.until(lambda: prober.echo.unanswered_for >= 0.12 and prober.echo.sent - before >= 3)
    assert took < 0.4
    await prober.until(lambda: prober.echo.streak == 0)
    prober.returned.clear()  # of the wire's own start
    prober.echoes.probe("e1", NEIGHBOUR, 5.0)
    ip("-n", wire[1], "link", "set", "e1", "up")
    await prober.until(lambda: prober.returned)
    assert prober.echo.unanswered_for < 0.2
    assert prober.returned[0] == ("e1", NEIGHBOUR)


async def test_probing_ends_when_the_suspicion_is_not_renewed(prober: Prober) -> None:
    prober.echoes.watch([])
    await prober.until(lambda: not prober.echoes.read(0.0), timeout=7.0)


async def test_watched_neighbours_are_asked_slowly_and_for_ever(prober: Prober) -> None:
    prober.echoes.watch([("e1", "02:00:00:00:00:02"), ("e1", "02:00:00:00:00:77")])

    def asked() -> Echo:
        return next(e for e in prober.echoes.read(0.0) if e.mac.endswith("77"))

    took = await prober.until(lambda: asked().sent >= 3)
    unknown = asked()
    assert took > 1.5 * SLOW_PERIOD, "the first at once, then two pauses"
    assert unknown.answered == 0
    assert unknown.answer_age is None


async def test_targets_at_the_same_time_are_capped(prober: Prober) -> None:
    took = [prober.echoes.probe("e1", f"02:00:00:00:01:{n:02x}", 0.1) for n in range(MAX_TARGETS + 5)]
    assert took.count(True) == MAX_TARGETS - 1
    assert prober.echoes.refused == 6
