# SPDX-License-Identifier: Apache-2.0
"""An issuer that is killed at any moment leaves no use without a certificate, and none that counts twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.enrol.asking import Applicant, ask
from agent.enrol.errors import EnrolError
from agent.identity import bundle, svid
from agent.identity.enrolment import Answer
from agent.identity.nodefiles import NodeFiles
from agent.identity.register import Register
from tests.unit.enrol.world import AT_NOW, a_token, blank, folder_of, identity, trust
from tests.unit.identity.mesh import mesh

PATIENCE = 60.0
MODULE = "tests.integration.enrol.issuer_process"


def prepare(folder: Path) -> None:
    """All the process needs of the mesh."""
    folder_of(folder, mesh().issuer)
    (folder / "bundle.json").write_bytes(bundle.dump(mesh().bundle))
    NodeFiles(folder / "identity").put_svid(identity("hill", ("issuer",)))


class Process:
    """A running issuer."""

    def __init__(self, running: asyncio.subprocess.Process, port: int) -> None:
        self._running, self._port = running, port

    async def ask(self, who: Applicant) -> Answer:
        return await ask(*await asyncio.open_connection("127.0.0.1", self._port), who, trust())

    async def held(self) -> None:
        """Wait until it has come to the moment it holds at."""
        assert self._running.stdout is not None
        assert await asyncio.wait_for(self._running.stdout.readline(), PATIENCE) == b"held\n"

    async def kill(self) -> None:
        """SIGKILL: nothing of it is run any more."""
        with contextlib.suppress(ProcessLookupError):
            self._running.kill()
        await asyncio.wait_for(self._running.wait(), PATIENCE)


@asynccontextmanager
async def issuing(folder: Path, hold: str = "never") -> AsyncIterator[Process]:
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, str(folder), hold, stdout=asyncio.subprocess.PIPE
    )
    assert made.stdout is not None
    process = Process(made, int(await asyncio.wait_for(made.stdout.readline(), PATIENCE)))
    try:
        yield process
    finally:
        await process.kill()


def spent(folder: Path) -> int:
    book = Register(folder / "register.db")
    try:
        return len(book.nodes())
    finally:
        book.close()


@pytest.mark.parametrize(("hold", "booked"), [("before", 0), ("after", 1)])
async def test_a_node_whose_issuer_was_killed_asks_again_and_spends_one_use(
    tmp_path: Path, hold: str, booked: int
) -> None:
    prepare(tmp_path)
    text = a_token()
    who, other = blank(text=text), blank("hill-other", text)
    async with issuing(tmp_path, hold) as process:
        asking = asyncio.create_task(process.ask(who))
        await process.held()
        await process.kill()
        with pytest.raises(EnrolError) as caught:
            await asking
        assert caught.value.reason in {"closed", "timeout"}
    assert spent(tmp_path) == booked
    async with issuing(tmp_path) as process:
        answer = await process.ask(who)
        assert svid.verify(answer.svid, mesh().bundle, AT_NOW).node == "hill-new"
        with pytest.raises(EnrolError) as refused:
            await process.ask(other)
        assert refused.value.reason == "used-up"
    assert spent(tmp_path) == 1


async def test_kills_at_any_moment_never_let_a_token_count_twice(tmp_path: Path) -> None:
    rng = random.Random(4)
    prepare(tmp_path)
    text = a_token(uses=2)
    nodes = [blank(f"hill-{number}", text) for number in range(3)]
    given: set[str] = set()
    for _ in range(3):
        async with issuing(tmp_path) as process:
            asking = [asyncio.create_task(process.ask(who)) for who in nodes[:2]]
            await asyncio.wait(asking, timeout=rng.uniform(0.0, 0.05))
            await process.kill()
            for who, done in zip(nodes, await asyncio.gather(*asking, return_exceptions=True), strict=False):
                if isinstance(done, Answer):
                    given.add(who.name)
        assert len(given) <= spent(tmp_path) <= 2
    async with issuing(tmp_path) as process:
        for who in nodes[:2]:
            await process.ask(who)
        with pytest.raises(EnrolError) as refused:
            await process.ask(nodes[2])
        assert refused.value.reason == "used-up"
