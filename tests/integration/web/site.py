# SPDX-License-Identifier: Apache-2.0
"""The agent's own web server with its PIN and forms, over a status document that a test changes."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.web import pin
from agent.web.access import Access
from agent.web.actions import Actions, Done, Fields
from agent.web.app import Pages
from agent.web.desk import Desk
from agent.web.server import Server

HOST = "127.0.0.1"
PIN = "7294016"
START_S = 10.0


class Site:
    """Runs in a thread of its own: browsers and tests wait for it, it waits for nobody."""

    def __init__(self, folder: Path, status: Callable[[], dict[str, Any]], port: int = 0) -> None:
        self.status = status
        self.asked: list[tuple[str, dict[str, str]]] = []
        pin.store(folder / "pin", pin.make(PIN))
        self._folder = folder
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            self.port = int(probe.getsockname()[1])
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(START_S)
        deadline = time.monotonic() + START_S
        while not self._listens():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    @property
    def url(self) -> str:
        """Of the page."""
        return f"http://{HOST}:{self.port}/"

    def show(self, status: dict[str, Any]) -> None:
        """The document from now on; the stream says so at once."""
        self.status = lambda: status
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._changed.set)

    def stop(self) -> None:
        """As when the agent is killed: every connection breaks."""
        assert self._loop is not None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(START_S)

    def _runner(self, name: str) -> Callable[[Fields], Any]:
        async def run(given: Fields) -> Done:
            self.asked.append((name, dict(given)))
            return Done("resumed", "Repairs go on.")

        return run

    async def _run(self) -> None:
        self._loop, self._changed, self._end = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        access = Access(self._folder / "pin", self._folder / "access.json", "boot")
        names = ("pause", "resume", "link-test", "restart-agent", "support-bundle", "reboot")
        actions = Actions({name: self._runner(name) for name in names}, changed=self._changed.set)
        pages = Pages(lambda: self.status(), lambda: "x0_up 1\n", self._changed, Desk(access, actions))
        server = Server(pages.app, HOST, self.port)
        tasks = [asyncio.create_task(server.serve()), asyncio.create_task(pages.publish())]
        self._ready.set()
        await self._end.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def serving(folder: Path, status: Callable[[], dict[str, Any]], port: int = 0) -> Iterator[Site]:
    """A site that is up, and down afterwards."""
    site = Site(folder, status, port)
    try:
        yield site
    finally:
        site.stop()
