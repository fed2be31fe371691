# SPDX-License-Identifier: Apache-2.0
"""What actions do to secured links: from the executor's thread into the event loop, where they live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from agent.remedies.base import ActionError

WAIT_S: Final = 2.0  # for the event loop: it does such things between two events

T = TypeVar("T")


class LoopLinks:
    """`restart(hardif, mac)`, `rekey(hardif)`: in the event loop; was there something to do it to?"""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        restart: Callable[[str, str], bool],
        rekey: Callable[[str], bool],
    ) -> None:
        self._loop, self._restart, self._rekey = loop, restart, rekey

    def renew(self, hardif: str, mac: str) -> None:
        """ActionError where there is no such link any more."""
        if not self._ask(lambda: self._restart(hardif, mac)):
            raise ActionError(
                f"making the link with {mac} on {hardif} anew: there is none; look with `x0 links`"
            )

    def rekey(self, hardif: str) -> None:
        """ActionError where no key is in use."""
        if not self._ask(lambda: self._rekey(hardif)):
            raise ActionError(f"changing the key of {hardif}: none is in use; look with `x0 links`")

    def _ask(self, what: Callable[[], T]) -> T:
        async def do() -> T:
            return what()

        call = asyncio.run_coroutine_threadsafe(do(), self._loop)
        try:
            return call.result(WAIT_S)
        except TimeoutError:
            call.cancel()
            raise ActionError(f"the agent did not come to it within {WAIT_S:g} s; look at its log") from None


class NoLinks:
    """Where the agent does not run (agent/undo.py), or before it does."""

    def renew(self, hardif: str, mac: str) -> None:
        """ActionError."""
        raise ActionError(f"making the link with {mac} on {hardif} anew: no agent runs; start it")

    def rekey(self, hardif: str) -> None:
        """ActionError."""
        raise ActionError(f"changing the key of {hardif}: no agent runs; start it")
