# SPDX-License-Identifier: Apache-2.0
"""The machine's own copy of the agent, compiled, taken from the shared source tree.

Importing over 9p takes seconds a process, and without compiled bytecode an agent needs 8 MB more.
"""

import asyncio
import time
from pathlib import Path

from tools.lab.guest.nodes import RUN
from tools.lab.guest.setup import run

SOURCE = Path("/src")
TREE = RUN / "tree"


class Tree:
    """Copies when asked; whoever starts an agent waits for the newest copy."""

    def __init__(self) -> None:
        self._copying: asyncio.Task[float] | None = None

    def refresh(self) -> None:
        """Begin to copy, after a copy that is under way."""
        self._copying = asyncio.create_task(self._copy(self._copying))

    async def ready(self) -> float:
        """Wait for the copy, beginning one if there was none; return the seconds it took."""
        if self._copying is None:
            self.refresh()
        assert self._copying is not None
        return await asyncio.shield(self._copying)

    async def _copy(self, before: asyncio.Task[float] | None) -> float:
        if before is not None:
            await asyncio.wait([before])
        started = time.monotonic()
        new = TREE.with_suffix(".new")
        script = (
            f"rm -rf {new} && mkdir -p {new} && cd {SOURCE} && "
            f"tar --exclude=__pycache__ -cf - $(ls -d agent bpf 2>/dev/null) | tar -C {new} -xf - && "
            f"python3 -m compileall -q {new} >/dev/null; rm -rf {TREE}; mv {new} {TREE}"
        )
        await run(["sh", "-c", script])
        return time.monotonic() - started
