# SPDX-License-Identifier: Apache-2.0
"""Rules of the request reader."""

import asyncio

import pytest

from agent.web import request
from agent.web.errors import BadRequestError
from agent.web.limits import HEAD_MAX, HEADERS_MAX


def test_head_is_read() -> None:
    head = request.parse_head(b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\nLast-Event-ID:  7 \r\n\r\n")
    assert (head.method, head.target) == ("GET", "/a?b=1")
    assert head.headers == {"host": "x", "last-event-id": "7"}


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"GET http://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEADERS_MAX + 1) + b"\r\n", 431),
    ],
)
def test_nonsense_is_refused_with_its_status(raw: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as caught:
        request.parse_head(raw)
    assert caught.value.status == status


async def test_dripping_client_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "HEAD_TIMEOUT", 0.01)
    reader = asyncio.StreamReader(limit=HEAD_MAX)
    reader.feed_data(b"GET / HT")
    with pytest.raises(BadRequestError) as caught:
        await request.read_head(reader)
    assert caught.value.status == 408


async def test_endless_head_is_refused() -> None:
    reader = asyncio.StreamReader(limit=HEAD_MAX)
    reader.feed_data(b"GET / HTTP/1.1\r\n" + b"a" * (HEAD_MAX + 1))
    with pytest.raises(BadRequestError) as caught:
        await request.read_head(reader)
    assert caught.value.status == 431


async def test_client_that_closes_gets_nothing() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"GET")
    reader.feed_eof()
    assert await request.read_head(reader) is None
