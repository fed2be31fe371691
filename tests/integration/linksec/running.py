# SPDX-License-Identifier: Apache-2.0
"""LinkSecurity in a namespace: a thread with an event loop of its own, whose sockets are there."""

from __future__ import annotations

import asyncio
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from agent.kernel.macsecrows import Sci
from agent.linksec import agentrun
from agent.linksec.errors import Reason, TlsError
from agent.linksec.judged import Verifier
from agent.linksec.report import Kind, LinkEvent
from agent.linksec.service import LinkSecurity, Settings
from agent.linksec.tls import Contexts
from tests.integration.netns import inside
from tests.unit.linksec.authority import Mesh, der
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

LOOK = 0.1  # s
PATIENCE = 30.0  # s for whatever must come; a busy machine is slow, not wrong
CHANGED = threading.Condition()  # of all nodes of the process: what one waits for may happen at another
T = TypeVar("T")


class Node:
    """One end. `events` grows as things happen; `until` waits for what they have made true."""

    def __init__(self, namespace: str, mac: str, contexts: Contexts, verify: Verifier, issuer: bytes) -> None:
        self.namespace, self.sci = namespace, Sci(mac)
        self.kernel, self.owners = PretendMacsec(self.sci), PretendOwners()
        self.contexts: Contexts | None = contexts  # None: its identity cannot be read
        self.verify, self.issuer = verify, issuer
        self.events: list[LinkEvent] = []
        self.period = 600.0
        self.service: LinkSecurity
        self._loop: asyncio.AbstractEventLoop
        self.kernel.changed = self._poke
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, as a fresh agent."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=self.namespace)
        self._thread.start()
        assert ready.wait(PATIENCE)

    def stop(self) -> None:
        """End the agent; its kernel goes on."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
            self._thread = None

    def call(self, what: Callable[[LinkSecurity], T]) -> T:
        """Ask the service something in its own loop."""

        async def ask() -> T:
            return what(self.service)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(PATIENCE)

    def ready(self) -> None:
        """Wait until it listens."""
        self.until(lambda: self.call(lambda service: service.counters.beacons_sent))

    def until(self, true: Callable[[], object]) -> None:
        """Wait for what an event, or the kernel's next call, makes true."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{self.namespace}: {self.events}"
            with CHANGED:
                CHANGED.wait(LOOK)  # what no event tells is looked at by and by

    def saw(self, kind: Kind) -> list[LinkEvent]:
        """The events of a kind."""
        return [event for event in self.events if event.kind is kind]

    def _run(self, ready: threading.Event) -> None:
        with inside(self.namespace):
            asyncio.run(self._live(ready))

    async def _live(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.service = LinkSecurity(
            Settings("e1", "tal", rekey_period=self.period),
            run=agentrun.begin(secrets.token_bytes),
            sci=self.sci,
            contexts=self._identity,
            verify=lambda chain: self.verify(chain),
            issuers=lambda: (self.issuer,),
            installer=self.kernel,
            owners=self.owners,
            on_event=self._note,
            random_bytes=secrets.token_bytes,
            rng=random.Random(self.sci.mac),
        )
        ready.set()
        task = asyncio.create_task(self.service.run())
        await self._stop.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _identity(self) -> Contexts:
        if self.contexts is None:
            raise TlsError("our certificate cannot be read", Reason.CERTIFICATE)
        return self.contexts

    def _note(self, event: LinkEvent) -> None:
        with CHANGED:
            self.events.append(event)
            CHANGED.notify_all()

    def _poke(self) -> None:
        with CHANGED:
            CHANGED.notify_all()


@contextmanager
def node(namespace: str, mac: str, mesh: Mesh, name: str, *, period: float = 600.0) -> Iterator[Node]:
    """A running node of a mesh."""
    made = Node(namespace, mac, Contexts(mesh.node(name)), mesh.verifier(), der(mesh.issuer[1]))
    made.period = period
    made.start()
    try:
        yield made
    finally:
        made.stop()
