# SPDX-License-Identifier: Apache-2.0
"""Rules of the event stream."""

from collections.abc import AsyncGenerator

import pytest

from agent.web import stream
from agent.web.limits import STREAM_QUEUE_MAX, STREAMS_MAX


async def _next(follower: AsyncGenerator[bytes, None]) -> bytes:
    return await anext(follower)


async def test_events_are_numbered_and_reach_every_client() -> None:
    hub = stream.Stream()
    one, two = hub.follow(None), hub.follow(None)
    assert (await _next(one)).startswith(b"retry:")
    await _next(two)
    hub.publish("status", b"{}")
    assert await _next(one) == await _next(two) == b"id: 1\nevent: status\ndata: {}\n\n"
    await one.aclose()
    await two.aclose()
    assert hub.clients == 0


async def test_new_client_gets_the_newest_event_only() -> None:
    hub = stream.Stream()
    for number in range(3):
        hub.publish("status", b"%d" % number)
    client = hub.follow(None)
    await _next(client)
    assert b"data: 2" in await _next(client)
    await client.aclose()


async def test_returning_client_gets_what_it_missed() -> None:
    hub = stream.Stream()
    for number in range(1, 5):
        hub.publish("status", b"%d" % number)
    client = hub.follow(2)
    await _next(client)
    assert [await _next(client), await _next(client)] == [
        b"id: %d\nevent: status\ndata: %d\n\n" % (number, number) for number in (3, 4)
    ]
    await client.aclose()


async def test_id_of_a_former_run_gives_the_newest_event() -> None:
    hub = stream.Stream()
    hub.publish("status", b"now")
    client = hub.follow(9999)
    await _next(client)
    assert b"now" in await _next(client)
    await client.aclose()


async def test_slow_client_is_dropped_and_others_stay() -> None:
    hub = stream.Stream()
    slow, good = hub.follow(None), hub.follow(None)
    await _next(slow)
    await _next(good)
    for _ in range(STREAM_QUEUE_MAX + 1):
        hub.publish("status", b"x")
        await _next(good)
    assert (hub.clients, hub.dropped) == (1, 1)
    left = [event async for event in slow]
    assert len(left) == STREAM_QUEUE_MAX - 1
    await good.aclose()


async def test_clients_are_bounded() -> None:
    hub = stream.Stream()
    clients = [hub.follow(None) for _ in range(STREAMS_MAX)]
    for client in clients:
        await _next(client)
    assert hub.full
    assert [event async for event in hub.follow(None)] == []
    for client in clients:
        await client.aclose()
    assert not hub.full


async def test_silence_is_broken_by_a_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_EVERY", 0.01)
    client = stream.Stream().follow(None)
    await _next(client)
    assert await _next(client) == stream.PING
    await client.aclose()
