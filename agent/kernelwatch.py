# SPDX-License-Identifier: Apache-2.0
"""Calls back as soon as the kernel says that an interface changed: polling is the fallback, not the rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.kernel.errors import KernelError
from agent.kernel.events import LinkEvents


async def watch_links(changed: Callable[[], None]) -> None:
    """Until cancelled; raises KernelError where the kernel's socket fails (the supervisor tries again)."""
    events = LinkEvents()
    running = asyncio.get_running_loop()
    failed: asyncio.Future[None] = running.create_future()

    def readable() -> None:
        try:
            links = events.drain()
        except KernelError as error:
            if not failed.done():
                failed.set_exception(error)
            return
        if links or events.overruns:
            events.overruns = 0
            changed()

    try:
        running.add_reader(events.fileno(), readable)
        await failed
    finally:
        running.remove_reader(events.fileno())
        events.close()
