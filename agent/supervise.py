# SPDX-License-Identifier: Apache-2.0
"""Named tasks that are started in order, restarted with back-off and cancelled in reverse order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec

log = logging.getLogger("x0.supervise")

BACKOFF_FIRST = 0.5  # s; a passing trouble (an interface renamed, a port still in use) is over by then
BACKOFF_MAX = 30.0  # s; longer would keep a technician waiting after the cause is mended
RESTARTS_MAX = 5  # restarts of an essential task within RESTART_WINDOW before the process gives up
RESTART_WINDOW = 120.0  # s; five back-offs from 0.5 s make 16 s, so a task failing at once reaches the limit
STEADY_AFTER = 60.0  # s a task must run before its back-off starts from the beginning again
CANCEL_TIMEOUT = 12.0  # s for one task's clean-up: the loop gives an action and the undoing 5 s each


class SuperviseError(Exception):
    """A task could not be kept running: which, why, and that the process ends for a fresh start."""


class TaskState(msgspec.Struct):
    """What became of one supervised task."""

    name: str
    running: bool = False
    restarts: int = 0
    error: str = ""  # the last failure, "" while it has been steady since


class _Task:
    def __init__(self, name: str, start: Callable[[], Awaitable[None]], essential: bool) -> None:
        self.start = start
        self.essential = essential
        self.state = TaskState(name)
        self.failures: deque[float] = deque(maxlen=RESTARTS_MAX + 1)


class Supervisor:
    """Runs tasks until `stop()` or until an essential one fails too often.

    A task without which nothing heals is essential: when it fails more than RESTARTS_MAX times in
    RESTART_WINDOW, `run` raises SuperviseError and the service manager starts a fresh process. Others (the
    status page) are retried for ever.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._tasks: list[_Task] = []
        self._stop = asyncio.Event()

    def add(self, name: str, start: Callable[[], Awaitable[None]], *, essential: bool = True) -> None:
        """Names a task; `start` is called for each (re)start and must not return by itself."""
        if any(task.state.name == name for task in self._tasks):
            raise SuperviseError(f"two tasks are named {name}: give each its own name")
        self._tasks.append(_Task(name, start, essential))

    def stop(self) -> None:
        """Asks `run` to cancel all and return."""
        self._stop.set()

    def states(self) -> tuple[TaskState, ...]:
        """The tasks in their order."""
        return tuple(task.state for task in self._tasks)

    async def run(self) -> None:
        """Returns after `stop()`; raises SuperviseError when an essential task cannot be kept running."""
        running = [asyncio.create_task(self._keep(task), name=task.state.name) for task in self._tasks]
        stopper = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([*running, stopper], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopper}:
                task.result()  # raises what made it give up
        finally:
            stopper.cancel()
            for task in reversed(running):
                await _cancel(task)

    async def _keep(self, task: _Task) -> None:
        state = task.state
        backoff = BACKOFF_FIRST
        while True:
            began = self._clock()
            state.running = True
            try:
                await task.start()
                state.error = "ended by itself"
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever it is, it is this task's and is told below
                state.error = f"{type(error).__name__}: {error}"
                log.debug("task %s failed", state.name, exc_info=True)
            finally:
                state.running = False
            now = self._clock()
            if now - began >= STEADY_AFTER:
                backoff = BACKOFF_FIRST
            task.failures.append(now)
            recent = sum(1 for at in task.failures if now - at <= RESTART_WINDOW)
            if task.essential and recent > RESTARTS_MAX:
                raise SuperviseError(
                    f"{state.name} failed {recent} times in {RESTART_WINDOW:.0f} s, last: {state.error}. "
                    "The agent ends so that the service manager starts it afresh"
                )
            log.warning("%s stopped (%s); it is started again in %.1f s", state.name, state.error, backoff)
            await self._sleep(backoff)
            backoff = min(backoff * 2, BACKOFF_MAX)
            state.restarts += 1


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=CANCEL_TIMEOUT)
    if not done:
        log.warning("%s did not end within %.0f s of being asked", task.get_name(), CANCEL_TIMEOUT)
    elif not task.cancelled() and task.exception() is not None:
        log.debug("%s ended with %s", task.get_name(), task.exception())
