# SPDX-License-Identifier: Apache-2.0
"""A radio that is deaf until somebody does to it what cures a real one.

mac80211_hwsim has no receiver that could fail: its edges are cut, and what would have reset a real receiver
is watched for and lets the edges go. Groups are symmetric, so the others do not hear it either.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable

from tools.lab.guest import processes
from tools.lab.guest.errors import GuestError
from tools.lab.guest.nodes import Node

# cure: the program that tells of it, and what it says then
SIGNS = {
    "scan": (["iw", "event"], "scan started"),
    "rejoin": (["iw", "event"], "del station"),  # leaving the mesh forgets its stations
    # its flags without UP; leaving the mesh takes only the carrier
    "restart": (["ip", "monitor", "link", "dev", "wlan0"], "<BROADCAST,MULTICAST>"),
}


class Deaf:
    """One deaf radio; `cure` is called once, by the sign or when it is cleared."""

    def __init__(self, node: Node, until: str, cure: Callable[[], None]) -> None:
        if until not in SIGNS:
            raise GuestError(f"{node.name}: a radio is deaf until one of {', '.join(SIGNS)}, not {until!r}")
        self._node, (self._argv, self._sign), self._cure = node, SIGNS[until], cure
        self._cured = False
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch for the cure."""
        self._process = await asyncio.create_subprocess_exec(
            *self._node.command(self._argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._watching = asyncio.create_task(self._watch(self._process))

    async def end(self) -> None:
        """Hear again, if nothing has cured it."""
        self._heal()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                processes.send(processes.entered(self._process.pid), signal.SIGKILL)
            await self._process.wait()
        if self._watching is not None:
            await self._watching

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            if self._sign in line.decode(errors="replace"):
                self._heal()

    def _heal(self) -> None:
        if not self._cured:
            self._cured = True
            self._cure()
