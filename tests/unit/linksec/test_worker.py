# SPDX-License-Identifier: Apache-2.0
"""Nothing ends the worker that brings keys into the kernel; where it does end, the service ends with it."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci
from agent.linksec import agentrun
from agent.linksec.errors import LinksecError, Reason, TlsError
from agent.linksec.service import LinkSecurity, Settings
from agent.linksec.tls import Contexts
from agent.linksec.worker import Worker
from tests.unit.linksec.authority import refuse_all
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

PATIENCE = 20.0  # s


def with_worker(what: Callable[[Worker], Awaitable[None]]) -> None:
    """Run it beside a working worker."""

    async def together() -> None:
        worker = Worker("e1")
        running = asyncio.create_task(worker.run())
        await asyncio.wait_for(what(worker), PATIENCE)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(together())


@pytest.mark.parametrize("mistake", [ZeroDivisionError("ours"), LinksecError("cut", Reason.MESSAGE)])
def test_a_mistake_in_what_follows_a_job_does_not_end_the_worker(mistake: Exception) -> None:
    def fails(_error: KernelError | None) -> None:
        raise mistake

    async def what(worker: Worker) -> None:
        worker.submit(lambda: None, fails)
        assert await worker.ask(lambda: 7) == 7

    with_worker(what)


def test_a_mistake_in_a_job_is_told_and_does_not_end_the_worker() -> None:
    async def what(worker: Worker) -> None:
        with pytest.raises(KernelError, match="division"):
            await worker.ask(lambda: 1 // 0)
        assert await worker.ask(lambda: 7) == 7

    with_worker(what)


def test_keys_are_changed_though_everything_else_that_blocks_hangs() -> None:
    release = threading.Event()

    async def what(worker: Worker) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        hangs = loop.run_in_executor(None, release.wait, PATIENCE)
        try:
            assert await worker.ask(lambda: 7) == 7
            assert not hangs.done()
        finally:
            release.set()
            await hangs

    with_worker(what)


def test_a_job_whose_end_nobody_saw_counts_as_failed_in_the_next_run() -> None:
    async def what() -> None:
        worker, begun, release = Worker("e1"), threading.Event(), threading.Event()
        told: list[KernelError | None] = []

        def job() -> None:
            begun.set()
            release.wait(PATIENCE)

        worker.submit(job, told.append)
        first = asyncio.create_task(worker.run())
        await asyncio.to_thread(begun.wait, PATIENCE)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        release.set()
        assert told == []
        second = asyncio.create_task(worker.run())
        assert await asyncio.wait_for(worker.ask(lambda: 7), PATIENCE) == 7
        second.cancel()
        (error,) = told
        assert isinstance(error, KernelError)

    asyncio.run(what())


def service(contexts: Callable[[], Contexts]) -> LinkSecurity:
    """One on an interface that does not exist."""
    return LinkSecurity(
        Settings("x0none", "tal"),
        run=agentrun.begin(bytes),
        sci=Sci("02:00:00:00:00:01"),
        contexts=contexts,
        verify=refuse_all,
        issuers=lambda: (),
        installer=PretendMacsec(Sci("02:00:00:00:00:01")),
        owners=PretendOwners(),
        on_event=lambda event: None,
        random_bytes=bytes,
        rng=random.Random(1),
    )


def unusable() -> Contexts:
    raise TlsError("no identity", Reason.CERTIFICATE)


def test_the_service_ends_with_its_worker_so_that_its_supervisor_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(_worker: Worker) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Worker, "run", broken)
    with pytest.raises(ExceptionGroup):
        asyncio.run(asyncio.wait_for(service(unusable).run(), PATIENCE))


def test_an_identity_that_cannot_be_used_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    again = asyncio.Event()
    times = 0

    async def begin(one: LinkSecurity) -> None:
        nonlocal times
        times += 1
        if times == 2:
            again.set()
        one._contexts()

    async def what() -> None:
        one = service(unusable)
        running = asyncio.create_task(one.run())
        await asyncio.wait_for(again.wait(), PATIENCE)
        assert "no identity" in one.problem
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    monkeypatch.setattr(LinkSecurity, "_serve", begin)
    asyncio.run(what())
