# SPDX-License-Identifier: Apache-2.0
"""A node in a namespace: enrolment and link security joined as the agent joins them, the kernel pretended."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from agent.configfile import load_text
from agent.enrol.enrolment import Enrolment
from agent.enrol.spreading import Neighbour
from agent.enrol.status import State, Status
from agent.identity import bundle
from agent.kernel.macsecrows import Sci
from agent.linksec import agentrun
from agent.linksec.report import Kind, LinkEvent
from agent.linksec.service import LinkSecurity, Settings
from tests.integration.enrol.nets import MACS
from tests.integration.netns import inside
from tests.unit.identity.mesh import DOMAIN, NOW, mesh
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

PATIENCE = 60.0  # s for whatever must come; a busy machine is slow, not wrong
LOOK = 0.05
BEGAN = time.monotonic()
T = TypeVar("T")


def wall() -> tuple[float, bool]:
    """The time of the tests' mesh, trusted."""
    return NOW + time.monotonic() - BEGAN, True


def yaml(name: str, state: Path, interfaces: list[str], **identity: object) -> str:
    """A node's whole configuration, as text: JSON is YAML."""
    own = {"mesh": DOMAIN, "bundle": bundle.dump(mesh().bundle).decode(), **identity}
    return json.dumps(
        {
            "node": {"name": name, "state_dir": str(state)},
            "mesh": {"name": "m0", "interfaces": [{"name": each} for each in interfaces]},
            "identity": {key: value for key, value in own.items() if value is not None},
        }
    )


class Node:
    """`letter` of nets.row; its wires are those of its configuration."""

    def __init__(
        self,
        names: dict[str, str],
        letter: str,
        text: str,
        clock: Callable[[], tuple[float, bool]] = wall,
    ) -> None:
        self.letter, self.config, self._wall = letter, load_text(text), clock
        self.namespace = names[letter]
        self.events: list[LinkEvent] = []
        self.enrolment: Enrolment
        self.links: list[LinkSecurity] = []
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None

    @property
    def folder(self) -> Path:
        """Of its identity."""
        return Path(self.config.node.state_dir) / "identity"

    def start(self) -> None:
        """Begin, as a fresh agent."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name=self.namespace, daemon=True)
        self._thread.start()
        assert ready.wait(PATIENCE)

    def stop(self) -> None:
        """End the agent."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
            self._thread = None

    def call(self, what: Callable[[Enrolment], T]) -> T:
        """Ask in its own loop."""

        async def ask() -> T:
            return what(self.enrolment)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(PATIENCE)

    def status(self) -> Status:
        """Of its enrolment."""
        return self.call(lambda enrolment: enrolment.status())

    def until(self, true: Callable[[Status], object]) -> Status:
        """Wait for what its status comes to say."""
        end = time.monotonic() + PATIENCE
        while not true(found := self.status()):
            assert time.monotonic() < end, f"{self.letter}: {found}\n{self.events}"
            time.sleep(LOOK)  # threads of other loops make it true
        return found

    def enrolled(self) -> Status:
        """Wait until it is."""
        return self.until(lambda status: status.state is State.ENROLLED)

    def linked(self, peer: str) -> None:
        """Wait for a link to that node."""
        self.until(
            lambda _: any(each.kind is Kind.UP and each.peer.endswith(f"/{peer}") for each in self.events)
        )

    def _run(self, ready: threading.Event) -> None:
        with inside(self.namespace):
            asyncio.run(self._live(ready))

    async def _live(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.enrolment = Enrolment(
            self.config,
            neighbours=self._neighbours,
            on_identity=self._renew,
            on_trust=lambda: [each.recheck() for each in self.links],
            wall=self._wall,
            rng=random.Random(self.letter),
        )
        run = agentrun.begin(secrets.token_bytes)
        self.links = [self._link(each.name, run) for each in self.config.mesh.interfaces]
        ready.set()
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(link.run()) for link in self.links]
        tasks.append(asyncio.create_task(self.enrolment.run()))
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait([*tasks, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done - {stop}:
            task.result()

    def _renew(self) -> None:
        for link in self.links:
            link.renew()

    def _neighbours(self) -> list[Neighbour]:
        found = [state for link in self.links for state in link.states()]
        return [Neighbour(each.interface, each.address, each.peer) for each in found if each.address]

    def _link(self, interface: str, run: agentrun.AgentRun) -> LinkSecurity:
        sci = Sci(MACS[self.letter, interface])
        return LinkSecurity(
            Settings(interface, DOMAIN),
            run=run,
            sci=sci,
            contexts=self.enrolment.contexts,
            verify=self.enrolment.verify,
            issuers=self.enrolment.issuers,
            installer=PretendMacsec(sci),
            owners=PretendOwners(),
            on_event=self.events.append,
            random_bytes=secrets.token_bytes,
        )


@contextmanager
def running(*nodes: Node) -> Iterator[None]:
    """Start them, and stop them in any case."""
    try:
        for node in nodes:
            node.start()
        yield
    finally:
        for node in nodes:
            node.stop()
