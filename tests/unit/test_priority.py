# SPDX-License-Identifier: Apache-2.0
"""In a burst the threads that find and mend go before others, and only then."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator

import pytest

from agent.priority import AHEAD, PATIENT, Priority

USUAL = 3
THREADS = ("x0-sense-fast-1", "x0-sense-slow-1", "x0-store", "x0-act-1")


@pytest.fixture
def threads() -> Iterator[dict[int, str]]:
    """Kernel id > name of this process's threads, some of them named as the agent's."""
    end = threading.Event()
    started = [threading.Thread(target=end.wait, name=name, daemon=True) for name in THREADS]
    for thread in started:
        thread.start()
    yield {thread.native_id or 0: thread.name for thread in threading.enumerate()}
    end.set()
    for thread in started:
        thread.join()


class Nices(dict[int, int]):
    """Thread > the nice value it was given."""

    def set(self, thread: int, nice: int) -> None:
        self[thread] = nice


def test_a_burst_hurries_all_but_those_nobody_waits_for(threads: dict[int, str]) -> None:
    given = Nices()
    Priority(given.set, USUAL).hurry(True)
    assert set(given.values()) == {USUAL + AHEAD}
    assert given.keys() == {number for number, name in threads.items() if not name.startswith(PATIENT)}


def test_after_the_burst_every_thread_is_as_it_was(threads: dict[int, str]) -> None:
    given = Nices()
    priority = Priority(given.set, USUAL)
    priority.hurry(True)
    priority.hurry(False)
    assert given == dict.fromkeys(threads, USUAL), "also those that were started meanwhile"


def test_nothing_is_set_while_nothing_changes() -> None:
    given = Nices()
    priority = Priority(given.set, USUAL)
    priority.hurry(False)
    assert not given
    priority.hurry(True)
    given.clear()
    priority.hurry(True)
    assert not given


def test_where_it_is_forbidden_it_is_said_once_and_left(caplog: pytest.LogCaptureFixture) -> None:
    asked = []

    def refuse(thread: int, nice: int) -> None:
        asked.append(thread)
        raise PermissionError(errno.EACCES, "Permission denied")

    caplog.set_level("INFO")
    priority = Priority(refuse, USUAL)
    for bursting in (True, False, True, False):
        priority.hurry(bursting)
    assert len(asked) == 1
    assert caplog.text.count("repairs wait") == 1


def test_a_thread_that_ends_meanwhile_keeps_no_other_from_hurrying(threads: dict[int, str]) -> None:
    given, gone = Nices(), next(iter(threads))

    def set_nice(thread: int, nice: int) -> None:
        if thread == gone:
            raise ProcessLookupError(errno.ESRCH, "No such process")
        given.set(thread, nice)

    Priority(set_nice, USUAL).hurry(True)
    assert len(given) >= 2
