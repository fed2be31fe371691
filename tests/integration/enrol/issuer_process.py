# SPDX-License-Identifier: Apache-2.0
"""An issuer in a process of its own, which can be killed: `python -m ... FOLDER HOLD`.

HOLD: `before` or `after` its book has written an enrolment it says so and goes no further; `never`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from agent.enrol import desk as desks
from agent.enrol.issuing import IssuerService
from agent.enrol.messages import ENROL
from agent.enrol.stream import BUFFER
from agent.identity import bundle
from agent.identity.nodefiles import NodeFiles
from agent.identity.register import Node, Register
from tests.unit.enrol.world import contexts, trust
from tests.unit.identity.mesh import DOMAIN

HELD = 3600.0  # s; it is killed long before


class Holding(Register):
    """A book that stops the issuer at a chosen moment."""

    hold = "never"

    def enrol(self, token: bytes, uses: int, node: Node) -> None:
        self._at("before")
        super().enrol(token, uses, node)
        self._at("after")

    def _at(self, moment: str) -> None:
        if self.hold == moment:
            print("held", flush=True)  # noqa: T201
            time.sleep(HELD)


async def main() -> None:
    Holding.hold = sys.argv[2]
    setattr(desks, "Register", Holding)  # noqa: B010  not ours to assign, to the type checker
    folder = Path(sys.argv[1])
    known = bundle.load((folder / "bundle.json").read_bytes(), DOMAIN)
    own = NodeFiles(folder / "identity").svid()
    assert own is not None
    made = contexts(own, ENROL)
    service = IssuerService(
        desks.open_desk(folder, known),
        trust=lambda: trust(known=known),
        contexts=lambda: made,
        clock=time.monotonic,
        rng=random.Random(1),
    )
    server = await asyncio.start_server(service.door._take, "127.0.0.1", 0, limit=BUFFER)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  for the test that started us
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
