# SPDX-License-Identifier: Apache-2.0
"""Changes in the kernel, one after the other, off the loop: it may hold its lock while a radio scans."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from agent.kernel.errors import KernelError

MAX_JOBS: Final = 1024  # that wait; more means that the kernel does not answer
Job = Callable[[], object]
Done = Callable[[KernelError | None], None]
Submit = Callable[[Job, Done], None]
T = TypeVar("T")
log = logging.getLogger(__name__)


class Worker:
    """`submit` from the loop; each job runs in a thread, its `done` in the loop, in order.

    The thread is the worker's own: whatever else blocks in the process delays no key.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: asyncio.Queue[tuple[Job, Done]] = asyncio.Queue(MAX_JOBS)
        self._interrupted: Done | None = None  # of the job that was under way when `run` was ended

    def submit(self, job: Job, done: Done) -> None:
        """Queue a job. Where too many wait it fails at once, by `done`."""
        try:
            self._jobs.put_nowait((job, done))
        except asyncio.QueueFull:
            text = f"{MAX_JOBS} changes of keys wait for the kernel"
            error = KernelError(text, "the machine may be overloaded; the link is made anew")
            asyncio.get_running_loop().call_soon(self._tell, done, error)

    async def ask(self, job: Callable[[], T]) -> T:
        """The answer of a job that stands in line like all others. KernelError where it fails."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        found: list[T] = []

        def done(error: KernelError | None) -> None:
            if answer.done():
                return  # whoever asked was cancelled
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found[0])

        self.submit(lambda: found.append(job()), done)
        return await answer

    async def run(self) -> None:
        """Until cancelled. A job that an earlier run was ended in counts as failed: its end was not seen."""
        if self._interrupted is not None:
            missed, self._interrupted = self._interrupted, None
            self._tell(
                missed, KernelError("a change of keys was interrupted", "it is done again where needed")
            )
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, thread_name_prefix=f"linksec {self._name}")
        try:
            while True:
                job, done = await self._jobs.get()
                self._interrupted = done
                error = await self._one(loop, pool, job)
                self._interrupted = None
                self._tell(done, error)
        finally:
            pool.shutdown(wait=False)

    async def _one(
        self, loop: asyncio.AbstractEventLoop, pool: ThreadPoolExecutor, job: Job
    ) -> KernelError | None:
        try:
            await loop.run_in_executor(pool, job)
        except KernelError as error:
            return error
        except Exception as error:  # a mistake of ours must not end it: no key would come any more
            log.exception("%s: a change of keys failed", self._name)
            return KernelError(f"a change of keys failed: {error}", "see the log")
        return None

    def _tell(self, done: Done, error: KernelError | None) -> None:
        try:
            done(error)
        except Exception:  # the same: one neighbour's mistake is not the end of all keys
            log.exception("%s: what follows a change of keys failed", self._name)
