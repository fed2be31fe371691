# SPDX-License-Identifier: Apache-2.0
"""An issuer's service on loopback, in the test's own loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent.enrol.asking import Applicant, ask
from agent.enrol.desk import Desk
from agent.enrol.issuing import IssuerService
from agent.enrol.messages import ENROL
from agent.identity.enrolment import Answer
from agent.identity.keys import ML_DSA_65
from agent.identity.nodefiles import Keyed
from agent.linksec.trust import Trust
from tests.unit.enrol.world import contexts, desk_of, identity, trust


class Served:
    """`port` on loopback; `trust` is what the issuer trusts now."""

    def __init__(self, desk: Desk, own: Keyed, clock: Callable[[], float]) -> None:
        self.trust: Trust = trust()
        made = contexts(own, ENROL)
        self.service = IssuerService(
            desk, trust=lambda: self.trust, contexts=lambda: made, clock=clock, rng=random.Random(1)
        )
        self.port = 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, who: Applicant, known: Trust | None = None) -> Answer:
        return await ask(*await self.connect(), who, known or trust())


@asynccontextmanager
async def issuer(
    path: Path,
    *,
    own: Keyed | None = None,
    clock: Callable[[], float] = time.monotonic,
    stand_in: bool = False,
    algorithm: str = ML_DSA_65,
) -> AsyncIterator[Served]:
    """A running issuer `hill`; without bounds of rate where `clock` leaps."""
    desk = desk_of(path, stand_in=stand_in, algorithm=algorithm)
    served = Served(desk, own or identity("hill", ("issuer",), algorithm=algorithm), clock)
    server = await asyncio.start_server(served.service.door._take, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await served.service.end()
