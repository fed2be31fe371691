# SPDX-License-Identifier: Apache-2.0
"""The one port neighbours use outside of MACsec: a knock (lead me to an issuer) or TLS (even out lists)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from agent.enrol.door import Door
from agent.enrol.errors import MessageError
from agent.enrol.leading import Leading
from agent.enrol.messages import KNOCK
from agent.enrol.spreading import Spreading

SECONDS: Final = 30.0  # for one visitor
TLS_HANDSHAKE: Final = b"\x16"  # first byte of a TLS record that begins a handshake (RFC 8446, 5.1)


class Porch:
    """`leading`: None where this node leads nobody. `door.keep(interface, port)` for each mesh interface."""

    def __init__(
        self,
        leading: Leading | None,
        spreading: Spreading,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._leading, self._spreading = leading, spreading
        self.door = Door("porch", self._serve, SECONDS, clock, rng)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        first = await reader.read(1)
        if first == TLS_HANDSHAKE:
            await self._spreading.serve(reader, writer, source, first)
            self.door.remember(source)
        elif first == KNOCK[:1] and self._leading is not None:
            await self._leading.serve(reader, writer, source, first)
        elif first:
            raise MessageError("a connection that neither knocks nor begins TLS")
