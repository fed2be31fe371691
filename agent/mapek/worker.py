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

_Job = tuple[Callable[[], Any], asyncio.Future[Any], Callable[[], None]]


def _nothing() -> None:
    return


class Worker:
    """One thread, calls in the order given. Start it from the event loop whose futures it settles."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], Any], then: Callable[[], None] = _nothing) -> asyncio.Future[Any]:
        """The call's result or exception, in the event loop. Cancelling the future does not stop the call.

        `then` is called as soon as the future is done; a call-back of its own comes a round later.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((call, future, then))
        return future

    def close(self) -> None:
        """Ends the thread after the calls already given; does not wait for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, future, then = job
            try:
                result, error = call(), None
            except BaseException as caught:  # noqa: BLE001 - whatever it was belongs to the one who waits
                result, error = None, caught
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_settle, future, result, error, then)
            del job, call, future, result, error, then  # a waiting thread must keep nothing alive


def _settle(
    future: asyncio.Future[Any], result: Any, error: BaseException | None, then: Callable[[], None]
) -> None:
    if not future.done():
        _fill(future, result, error)
    then()


def _fill(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if error is None:
        future.set_result(result)
    elif isinstance(
        error, StopIteration | SystemExit | KeyboardInterrupt
    ):  # a future refuses or reraises these
        future.set_exception(RuntimeError(f"the call ended with {type(error).__name__}: {error}"))
    else:
        future.set_exception(error)
