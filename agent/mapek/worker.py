# SPDX-License-Identifier: Apache-2.0
"""A daemon thread that runs blocking calls for the event loop.

Not a ThreadPoolExecutor: the interpreter joins that one's threads at exit, so a sensor stuck in the kernel
would keep a stopped agent from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any


class Worker:
    """One thread, calls in the order given. Start it from the event loop whose futures it settles."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], Any]) -> asyncio.Future[Any]:
        """The call's result or exception, in the event loop. Cancelling the future does not stop the call."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((call, future))
        return future

    def close(self) -> None:
        """Ends the thread after the calls already given; does not wait for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                result, error = call(), None
            except BaseException as caught:  # noqa: BLE001 - whatever it was belongs to the one who waits
                result, error = None, caught
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            del job, call, future, result, error  # a waiting thread must keep nothing alive


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(
        error, StopIteration | SystemExit | KeyboardInterrupt
    ):  # a future refuses or reraises these
        future.set_exception(RuntimeError(f"the call ended with {type(error).__name__}: {error}"))
    else:
        future.set_exception(error)
