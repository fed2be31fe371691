# SPDX-License-Identifier: Apache-2.0
"""A thread that hurries hands its hurry on to nobody it starts."""

from __future__ import annotations

import os
import threading

import pytest

from agent.kernel.nice import USUAL, as_usual, set_nice
from agent.priority import AHEAD


def nice(thread: int = 0) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def in_a_thread(hurried: int) -> tuple[int, int, int]:
    """Nice values: of a thread given one, of a child it starts as usual, and of it afterwards."""
    found: list[int] = []

    def run() -> None:
        set_nice(0, hurried)
        found.append(nice())
        with as_usual():
            pid = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
        found.extend((nice(pid), nice()))
        os.kill(pid, 9)
        os.waitpid(pid, 0)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0], found[1], found[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to go before others; covered in the lab as root")
def test_a_service_started_in_a_hurry_has_the_usual_nice_value() -> None:
    assert in_a_thread(USUAL + AHEAD) == (USUAL + AHEAD, USUAL, USUAL + AHEAD)
    assert nice() == USUAL, "other threads are as they were"
