# SPDX-License-Identifier: Apache-2.0
"""Rules of supervision."""

import asyncio

import pytest

from agent import supervise
from agent.supervise import BACKOFF_FIRST, BACKOFF_MAX, RESTARTS_MAX, SuperviseError, Supervisor


class FakeTime:
    """A clock that sleeping advances."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


async def _forever() -> None:
    await asyncio.Event().wait()


async def test_failing_essential_task_ends_the_run_after_its_restart_limit(time: FakeTime) -> None:
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise OSError("no such device")

    supervisor = Supervisor(time.clock, time.sleep)
    supervisor.add("loop", fail)
    with pytest.raises(SuperviseError, match=r"loop failed 6 times.*no such device"):
        await supervisor.run()
    assert tries == RESTARTS_MAX + 1
    assert time.slept == [BACKOFF_FIRST * 2**n for n in range(RESTARTS_MAX)]


async def test_task_that_is_not_essential_is_retried_for_ever_with_bounded_backoff(time: FakeTime) -> None:
    tries = 0
    supervisor = Supervisor(time.clock, time.sleep)

    async def fail() -> None:
        nonlocal tries
        tries += 1
        if tries == 12:
            supervisor.stop()
        raise OSError("port in use")

    supervisor.add("web", fail, essential=False)
    await supervisor.run()
    assert tries >= 12
    assert max(time.slept) == BACKOFF_MAX
    state = supervisor.states()[0]
    assert state.restarts >= 11
    assert "port in use" in state.error


async def test_backoff_starts_again_after_a_steady_run(time: FakeTime) -> None:
    tries = 0
    supervisor = Supervisor(time.clock, time.sleep)

    async def fail_late() -> None:
        nonlocal tries
        tries += 1
        if tries == 4:
            supervisor.stop()
            await _forever()
        time.now += supervise.STEADY_AFTER + 1
        raise RuntimeError("later")

    supervisor.add("hello", fail_late)
    await supervisor.run()
    assert time.slept == [BACKOFF_FIRST] * 3


async def test_returning_counts_as_a_failure(time: FakeTime) -> None:
    supervisor = Supervisor(time.clock, time.sleep)

    async def over() -> None:
        return

    supervisor.add("monitor", over)
    with pytest.raises(SuperviseError, match="ended by itself"):
        await supervisor.run()


async def test_tasks_are_cancelled_in_reverse_order() -> None:
    ended: list[str] = []
    supervisor = Supervisor()
    started = asyncio.Event()

    def task(name: str, last: bool) -> None:
        async def run() -> None:
            if last:
                started.set()
            try:
                await _forever()
            finally:
                ended.append(name)

        supervisor.add(name, run)

    for name in ("sensors", "loop", "web"):
        task(name, name == "web")
    running = asyncio.create_task(supervisor.run())
    await started.wait()
    supervisor.stop()
    await running
    assert ended == ["web", "loop", "sensors"]


async def test_task_that_ignores_cancelling_does_not_hold_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "CANCEL_TIMEOUT", 0.01)
    release = asyncio.Event()
    started = asyncio.Event()

    async def stubborn() -> None:
        started.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor = Supervisor()
    supervisor.add("stubborn", stubborn)
    running = asyncio.create_task(supervisor.run())
    await started.wait()
    supervisor.stop()
    await asyncio.wait_for(running, 5)
    release.set()


async def test_failure_of_one_task_cancels_the_others(time: FakeTime) -> None:
    cancelled = asyncio.Event()

    async def other() -> None:
        try:
            await _forever()
        finally:
            cancelled.set()

    async def fail() -> None:
        raise OSError("gone")

    supervisor = Supervisor(time.clock, time.sleep)
    supervisor.add("other", other)
    supervisor.add("loop", fail)
    with pytest.raises(SuperviseError):
        await supervisor.run()
    assert cancelled.is_set()


def test_names_are_unique() -> None:
    supervisor = Supervisor()
    supervisor.add("loop", _forever)
    with pytest.raises(SuperviseError, match="two tasks are named loop"):
        supervisor.add("loop", _forever)
