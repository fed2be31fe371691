# SPDX-License-Identifier: Apache-2.0
"""An issuer's service: one request a connection, answered once the book holds it. asyncio.

The book is asked in one thread, request after request: what it has decided is on the medium before an answer
is made, and an answer is made before a byte of it is sent. Whoever gets none asks again with the same signing
key and gets the use that was spent (identity/register.py).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import msgspec

from agent.enrol.door import Counts, Door
from agent.enrol.errors import Word
from agent.enrol.messages import Granted, Refused, Reply, encode_reply, refusal
from agent.enrol.stream import TlsStream
from agent.identity import enrolment, svid
from agent.identity.enrolment import REQUEST_BYTES
from agent.identity.errors import EnrolmentError, IdentityError, TokenError
from agent.identity.issuer import RENEWAL_WINDOW
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.judged import Chain, Judged
from agent.linksec.trust import NOT_REVOKED, Trust

if TYPE_CHECKING:
    from agent.enrol.desk import Desk
    from agent.linksec.tls import Contexts

SECONDS: Final = 15.0  # for handshake, request and answer: 40 KB over a poor link with lost segments


PER_SOURCE: Final = 8  # connections of one address at once: a neighbour that leads new nodes has four


class Tally(msgspec.Struct):
    """What became of requests since the agent's start."""

    enrolled: int = 0
    renewed: int = 0
    refused: dict[str, int] = {}

    def no(self, reason: str) -> None:
        """Count a refusal under its word."""
        self.refused[reason] = self.refused.get(reason, 0) + 1


class IssuerService:
    """`trust()`, `contexts()`: of now (ALPN ENROL). Give `door` its listeners; `end` when it stops."""

    def __init__(
        self,
        desk: Desk,
        *,
        trust: Callable[[], Trust],
        contexts: Callable[[], Contexts],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.desk, self.tally = desk, Tally()
        self._trust, self._contexts = trust, contexts
        self._pool = ThreadPoolExecutor(1, "x0-issuer")
        self.door = Door(f"issuer {desk.name}", self._serve, SECONDS, clock, rng, PER_SOURCE)

    @property
    def counts(self) -> Counts:
        """Of its connections."""
        return self.door.counts

    async def end(self) -> None:
        """Cut everybody; the book is closed once nobody writes in it."""
        await self.door.end()
        await asyncio.get_running_loop().run_in_executor(self._pool, self.desk.close)
        self._pool.shutdown(wait=False)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: str) -> None:
        tls = self._contexts().server(self._judge, strangers=True)
        stream = TlsStream(reader, writer, tls, most=REQUEST_BYTES)
        await stream.open()
        data = await stream.receive()
        loop = asyncio.get_running_loop()
        said = (data, tls.binding(), tls.chain, self._trust())
        reply = await loop.run_in_executor(self._pool, self._decide, *said)
        if isinstance(reply, Refused):
            self.tally.no(reply.reason)
        elif tls.chain:
            self.door.remember(source)
        await stream.send(encode_reply(reply))
        await stream.close()

    def _judge(self, chain: Chain) -> Judged:
        """Who shows a certificate must be one of ours: it may be over, as that is what is mended here."""
        now = self._trust()
        try:
            found = svid.verify(chain, now.bundle, now.moment, revoked=now.revoked, grace=RENEWAL_WINDOW)
        except svid.SvidError as error:
            revoked = any(each.rule == NOT_REVOKED for each in error.broken)
            raise PeerRefusedError(str(error), Reason.REVOKED if revoked else Reason.CERTIFICATE) from None
        return Judged(str(found.id), chain)

    def _decide(self, data: bytes, channel: bytes, chain: Chain, trust: Trust) -> Reply:
        try:
            request = enrolment.decode_request(data)
            if request.token:
                answer = self.desk.enrol(request, channel, trust)
                self.tally.enrolled += 1
            elif not chain:
                mend = "show the SVID that is to be renewed, or send a join token"
                return Refused(Word.CERTIFICATE, "a request without token and without certificate", mend)
            else:
                answer = self.desk.renew(chain, request, channel, trust)
                self.tally.renewed += 1
        except (TokenError, EnrolmentError) as error:
            return refusal(error.reason, error)
        except IdentityError as error:
            return refusal(Word.TROUBLE, error)
        return Granted(enrolment.encode_answer(answer))
