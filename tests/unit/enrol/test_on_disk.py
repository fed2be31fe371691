# SPDX-License-Identifier: Apache-2.0
"""What is taken while the disk is written to is written too, and the event loop goes on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from agent.config import Config
from agent.config import Node as Named
from agent.enrol.enrolment import Enrolment

PATIENCE = 10.0  # s


class Standing:
    """`in_save` happens when a save begins, before it looks at what there is to write; then `after`."""

    def __init__(self, in_save: Callable[[], None], after: Callable[[], object]) -> None:
        self.changes, self.saved, self.trouble = 1, 0, ""
        self._in_save, self._after = in_save, after

    def reread(self) -> bool:
        return False

    def save(self) -> None:
        self._in_save()
        self.saved = self.changes
        self._after()


async def test_news_that_the_running_save_still_takes_along_does_not_hold_up_the_event_loop() -> None:
    enrolment: Any = Enrolment(Config(Named("hill-n1")))

    def more() -> None:
        standing.changes += 1
        loop.call_soon_threadsafe(enrolment._changed.set)

    loop, written = asyncio.get_running_loop(), asyncio.Event()
    standing = Standing(more, lambda: loop.call_soon_threadsafe(written.set))
    enrolment._changed.set()
    keeping = asyncio.create_task(enrolment._keep_on_disk(SimpleNamespace(standing=standing)))
    async with asyncio.timeout(PATIENCE):
        await written.wait()
        for _ in range(20):  # rounds of the event loop, each of which a busy keeper would swallow
            await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert standing.saved == standing.changes == 2
