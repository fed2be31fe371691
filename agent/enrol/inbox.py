# SPDX-License-Identifier: Apache-2.0
"""A folder where an operator puts revocation lists and bundle updates; what is taken spreads by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.enrol.standing import ITEM_BYTES
from agent.identity.errors import IdentityError
from agent.identity.keyfile import read_public

LOOK: Final = 2.0  # s between looks
MAX_FILES: Final = 32  # of one look
REFUSED: Final = ".refused"
log = logging.getLogger(__name__)


class Inbox:
    """`take(data)`: is it news? IdentityError where it is refused: then the file gets another name."""

    def __init__(self, folder: Path, take: Callable[[bytes], bool]) -> None:
        self._folder, self._take = folder, take

    async def run(self) -> None:
        """Until cancelled."""
        with contextlib.suppress(OSError):  # told by who writes there
            await asyncio.to_thread(self._folder.mkdir, 0o700, parents=True, exist_ok=True)
        while True:
            for path in await asyncio.to_thread(self._files):
                await self._one(path)
            await asyncio.sleep(LOOK)

    def _files(self) -> list[Path]:
        """By name: bundles of a rotation are numbered in their order."""
        with contextlib.suppress(OSError):
            found = sorted(self._folder.glob("*.cose"))
            return found[:MAX_FILES]
        return []

    async def _one(self, path: Path) -> None:
        try:
            data = await asyncio.to_thread(read_public, path, ITEM_BYTES)
            news = self._take(data)
            log.info("%s is %s", path.name, "taken" if news else "known already", extra={"event": "lists"})
            await asyncio.to_thread(path.unlink, missing_ok=True)
        except IdentityError as error:
            log.warning("%s is refused: %s", path.name, error, extra={"event": "lists"})
            with contextlib.suppress(OSError):
                await asyncio.to_thread(path.replace, path.with_name(path.name + REFUSED))
        except OSError as error:
            log.debug("%s: %s", path, error)
