# SPDX-License-Identifier: Apache-2.0
"""The status page's server over loopback: answers, bounds, and clients that behave badly."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import pytest

from agent.web import server as server_module
from agent.web.app import Pages
from agent.web.errors import WebError
from agent.web.limits import CONNECTIONS_PER_ADDRESS, STREAMS_MAX
from agent.web.server import Server
from tests.unit.web.pages import document

HOST = "127.0.0.1"


class Site:
    """A running server and what it serves."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = int(probe.getsockname()[1])
        self.status = document()
        self.changed = asyncio.Event()
        self.pages = Pages(lambda: self.status, lambda: "x0_up 1\n", self.changed)
        self.server = Server(self.pages.app, HOST, self.port)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(200):
            try:
                return await asyncio.open_connection(HOST, self.port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)  # the server's task has not listened yet
        raise AssertionError("the server does not listen")

    async def send(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        reader, writer = await self.connect()
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split()[1]), headers, body

    async def get(self, target: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return await self.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    tasks = [asyncio.create_task(site.server.serve()), asyncio.create_task(site.pages.publish())]
    (await site.connect())[1].close()
    yield site
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("path", ["/", "/fragment"])
async def test_html_comes_with_a_strict_policy(site: Site, path: str) -> None:
    code, headers, body = await site.get(path)
    assert code == 200
    assert b"The link e2 is dead." in body
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "deny"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


async def test_status_is_json(site: Site) -> None:
    code, headers, body = await site.get("/api/v1/status?x=1")
    assert (code, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert json.loads(body) == site.status


async def test_fragment_is_the_main_part(site: Site) -> None:
    _, _, body = await site.get("/fragment")
    assert body.startswith(b'<section id="verdict"')


async def test_metrics_are_text(site: Site) -> None:
    code, headers, body = await site.get("/metrics")
    assert (code, body) == (200, b"x0_up 1\n")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    ("state", "code"),
    [("healthy", 200), ("healing", 200), ("paused", 200), ("starting", 503), ("broken", 503)],
)
async def test_health_is_200_only_while_the_node_can_do_its_work(site: Site, state: str, code: int) -> None:
    site.status = document(state=state)
    answer, _, body = await site.get("/healthz")
    assert answer == code
    told = json.loads(body)
    assert told["state"] == state
    assert ("reason" in told) == (code == 503)


async def test_head_has_no_body(site: Site) -> None:
    code, headers, body = await site.send(b"HEAD /healthz HTTP/1.1\r\n\r\n")
    assert (code, body) == (200, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", 404),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000, 431),
        (b"GET /%zz%00%ff HTTP/1.1\r\n\r\n", 404),
    ],
)
async def test_nonsense_gets_a_refusal_and_the_server_goes_on(site: Site, raw: bytes, code: int) -> None:
    assert (await site.send(raw))[0] == code
    assert (await site.get("/metrics"))[0] == 200


async def test_route_that_fails_is_a_500_and_the_server_goes_on(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    del site.status["verdict"]
    assert (await site.get("/"))[0] == 500
    assert "KeyError" in capfd.readouterr().err
    assert (await site.get("/metrics"))[0] == 200


async def _open_stream(site: Site, last: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await site.connect()
    more = f"Last-Event-ID: {last}\r\n" if last else ""
    writer.write(f"GET /api/v1/events HTTP/1.1\r\n{more}\r\n".encode())
    return reader, writer


async def _event(reader: asyncio.StreamReader) -> dict[str, str]:
    while True:
        text = (await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)).decode()
        fields = dict(line.split(": ", 1) for line in text.rpartition("\r\n\r\n")[2].strip().split("\n"))
        if "data" in fields:
            return fields


async def test_stream_tells_a_change_at_once(site: Site) -> None:
    reader, writer = await _open_stream(site)
    first = await _event(reader)
    assert json.loads(first["data"]) == site.status
    site.status = document(state="healthy")
    site.changed.set()
    second = await _event(reader)
    assert json.loads(second["data"])["state"] == "healthy"
    assert int(second["id"]) == int(first["id"]) + 1
    writer.close()
    again, writer = await _open_stream(site, first["id"])
    assert (await _event(again))["id"] == second["id"]
    writer.close()


async def test_streams_are_bounded_and_a_place_is_free_again(site: Site) -> None:
    streams = [await _open_stream(site) for _ in range(STREAMS_MAX)]
    for reader, _ in streams:
        await _event(reader)
    assert (await site.get("/api/v1/events"))[0] == 503
    streams[0][1].close()
    for _ in range(20):  # noticed with the next event that is written
        site.changed.set()
        await asyncio.sleep(0.01)
        if not site.pages.stream.full:
            break
    assert not site.pages.stream.full
    for _, writer in streams:
        writer.close()


async def test_one_address_cannot_take_every_connection(site: Site) -> None:
    """Who has not sent its request yet makes room for the next, the oldest first."""
    held = [await site.connect() for _ in range(CONNECTIONS_PER_ADDRESS)]
    assert (await site.get("/healthz"))[0] == 200
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(held[0][0].read(), 10) == b""
    assert site.server.refused == 1
    assert site.server.connections <= CONNECTIONS_PER_ADDRESS
    for _, each in held:
        each.close()


async def test_reader_that_stops_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "ANSWER_TIMEOUT", 0.2)
    reader, writer = await _open_stream(site)
    await _event(reader)
    site.status = document(errors={"x": "y" * 3_000_000})  # more than all the buffers hold
    site.changed.set()
    async with asyncio.timeout(10):
        while site.pages.stream.clients:  # noqa: ASYNC110  the server tells nobody when a client is gone
            await asyncio.sleep(0.01)
    assert (await site.get("/metrics"))[0] == 200
    writer.close()


async def test_port_in_use_is_said_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        server = Server(Site().pages.app, HOST, taken.getsockname()[1])
        with pytest.raises(WebError, match=r"cannot listen on 127\.0\.0\.1 port \d+.*web\.listen"):
            await server.serve()
