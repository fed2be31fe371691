# SPDX-License-Identifier: Apache-2.0
"""Many viewers of the status page at once: who gets what, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.web.app import Pages
from agent.web.limits import STREAMS_MAX
from agent.web.server import Server
from tests.integration.harm import settle, unharmed
from tests.integration.running import HOST, Agent, running
from tests.unit.web.pages import document

log = logging.getLogger("x0.test")

VIEWERS = 200
SIXTEEN_MAX = 3_000_000  # bytes of all sixteen streams (issue: <= 3 MB)
NEIGHBOURS = 100


async def _get(port: int, source: str, path: str) -> tuple[str, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=(source, 0))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        code = head[9:12].decode()
        if code == "503":
            assert b"too many streams" in await reader.read()
        elif path == "/":
            assert (await reader.read()).endswith(b"</html>\n")
    if path == "/" or code != "200":
        writer.close()
        await writer.wait_closed()
    return code, writer


async def _many(agent: Agent, path: str, addresses: int) -> tuple[Counter[str], list[asyncio.StreamWriter]]:
    asked = (_get(agent.port, f"127.0.3.{number % addresses + 1}", path) for number in range(VIEWERS))
    answers = await asyncio.gather(*asked)
    return Counter(code for code, _ in answers), [writer for _, writer in answers]


@pytest.mark.long  # other tests beside it leave no processor for so many
def test_two_hundred_viewers_at_once_all_get_the_page_and_sixteen_a_stream(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        before, cpu = settle(agent), agent.cpu_s()

        async def look() -> None:
            codes, streams = await _many(agent, "/api/v1/events", VIEWERS)
            assert codes == {"200": STREAMS_MAX, "503": VIEWERS - STREAMS_MAX}
            for addresses in (VIEWERS, 10):  # 200 phones; ten houses of twenty phones
                pages, _ = await _many(agent, "/", addresses)
                assert pages == {"200": VIEWERS}
            for writer in streams:
                writer.close()
            await asyncio.sleep(0)  # closing takes a turn of the loop

        asyncio.run(look())
        log.info("%d viewers: %d kB, %.2f s of CPU", VIEWERS, agent.pss_kb() - before, agent.cpu_s() - cpu)
        unharmed(agent, before)


@contextlib.contextmanager
def _viewers(port: int, reading: bool) -> Iterator[None]:
    """Sixteen streams; their readers read and forget, or never read."""
    socks = []
    for _ in range(STREAMS_MAX):
        sock = socket.create_connection((HOST, port))
        sock.sendall(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
        socks.append(sock)

    def read(sock: socket.socket) -> None:
        buffer = bytearray(4096)
        with contextlib.suppress(OSError):
            while sock.recv_into(buffer):
                pass

    threads = [threading.Thread(target=read, args=(sock,), daemon=True) for sock in socks if reading]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in threads:
            thread.join(10)


@pytest.mark.parametrize("reading", [True, False], ids=["readers", "readers that stopped"])
async def test_sixteen_viewers_cost_little_while_a_hundred_neighbours_appear(reading: bool) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    status = document(neighbours=[])
    (one,) = document()["neighbours"]
    changed = asyncio.Event()
    pages = Pages(lambda: status, lambda: "", changed)
    tasks = [asyncio.create_task(Server(pages.app, HOST, port).serve()), asyncio.create_task(pages.publish())]
    await asyncio.sleep(0.1)
    tracemalloc.start()
    try:
        before, most = tracemalloc.get_traced_memory()[0], 0
        viewing = _viewers(port, reading)
        await asyncio.to_thread(viewing.__enter__)
        for number in range(NEIGHBOURS):  # a new one with each event, and some events more
            status["neighbours"].append(one | {"node": f"n{number}", "mac": f"02:78:30:00:01:{number:02x}"})
            changed.set()
            await asyncio.sleep(0.02)
            most = max(most, tracemalloc.get_traced_memory()[0])
        size = len(msgspec.json.encode(status))
        cost = most - before
        log.info("16 viewers, document of %d bytes: %d kB in all", size, cost // 1000)
        assert pages.stream.clients == STREAMS_MAX if reading else pages.stream.clients <= STREAMS_MAX
        assert size > 14_000
        assert cost < SIXTEEN_MAX
        await asyncio.to_thread(viewing.__exit__, None, None, None)
    finally:
        tracemalloc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
