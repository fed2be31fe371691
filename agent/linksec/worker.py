# SPDX-License-Identifier: Apache-2.0
"""Changes in the kernel, one after the other, off the loop: it may hold its lock while a radio scans."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from agent.kernel.errors import KernelError
from agent.linksec.errors import LinksecError

MAX_JOBS: Final = 1024  # that wait; more means that the kernel does not answer
Job = Callable[[], object]
Done = Callable[[KernelError | None], None]
Submit = Callable[[Job, Done], None]
log = logging.getLogger(__name__)


class Worker:
    """`submit` from the loop; each job runs in a thread, its `done` in the loop, in order."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: asyncio.Queue[tuple[Job, Done]] = asyncio.Queue(MAX_JOBS)

    def submit(self, job: Job, done: Done) -> None:
        """Queue a job. Where too many wait it fails at once, by `done`."""
        try:
            self._jobs.put_nowait((job, done))
        except asyncio.QueueFull:
            text = f"{MAX_JOBS} changes of keys wait for the kernel"
            error = KernelError(text, "the machine may be overloaded; the link is made anew")
            asyncio.get_running_loop().call_soon(done, error)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            job, done = await self._jobs.get()
            error: KernelError | None = None
            try:
                await asyncio.to_thread(job)
            except KernelError as failure:
                error = failure
            except Exception as failure:  # a mistake of ours must not end it: no key would come any more
                log.exception("%s: a change of keys failed", self._name)
                error = KernelError(f"a change of keys failed: {failure}", "see the log")
            with contextlib.suppress(LinksecError):
                done(error)
