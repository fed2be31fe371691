# SPDX-License-Identifier: Apache-2.0
"""Nice values of this process's threads (setpriority(2): Linux keeps one for each thread)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

USUAL: Final = os.getpriority(os.PRIO_PROCESS, 0)  # as the service manager started us


def set_nice(thread: int, nice: int) -> None:
    """Of one thread by its kernel id. OSError: it ended, or RLIMIT_NICE and capabilities forbid it."""
    os.setpriority(os.PRIO_PROCESS, thread, nice)


@contextlib.contextmanager
def as_usual() -> Iterator[None]:
    """What this thread starts meanwhile inherits the usual nice value: a service outlives our hurry."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if before == USUAL:
        yield
        return
    set_nice(0, USUAL)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # forbidden meanwhile: then it stays at the usual one
            set_nice(0, before)
