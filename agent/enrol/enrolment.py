# SPDX-License-Identifier: Apache-2.0
"""Enrolment on a node, as one thing to start: identity, issuer, join proxy, lists. asyncio.

`run()` is for the supervisor. What it needs of the configuration and the disk it reads there, so that a
mistake is told in `status()` and mended without a restart. Importing this loads the crypto libraries: late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from agent.config import Config
from agent.enrol.inbox import Inbox
from agent.enrol.parts import Parts
from agent.enrol.spreading import Neighbour
from agent.enrol.standing import Clock
from agent.enrol.status import Problem, State, Status
from agent.enrol.telling import status_of
from agent.identity.errors import IdentityError
from agent.kernel import clock as kernel_clock
from agent.kernel.errors import KernelError
from agent.linksec.errors import PeerRefusedError, Reason, TlsError
from agent.linksec.judged import Chain, Judged
from agent.linksec.tls import Contexts
from agent.linksec.trust import Trust

RETRY: Final = 10.0  # s until unusable files are looked at again
SAVE: Final = 1.0  # s between looks whether anything must be brought to disk
SAVE_AGAIN: Final = 60.0  # s after it failed
log = logging.getLogger(__name__)


def system_clock() -> tuple[float, bool]:
    """The wall clock; trusted while the kernel says that something disciplines it (NTP, GPS)."""
    try:
        return time.time(), kernel_clock.state().synchronised
    except KernelError:
        return time.time(), False


class Enrolment:
    """One per node.

    `neighbours()`: those link security has let in; `on_identity`: we have a new certificate (LinkSecurity's
    `renew`); `on_trust`: bundle or revocations have changed (its `recheck`). Both in the event loop.
    """

    def __init__(
        self,
        config: Config,
        *,
        neighbours: Callable[[], Iterable[Neighbour]] = lambda: (),
        on_identity: Callable[[], object] = lambda: None,
        on_trust: Callable[[], object] = lambda: None,
        serial: Callable[[], str] = lambda: "",
        wall: Clock = system_clock,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._neighbours, self._on_identity, self._on_trust = neighbours, on_identity, on_trust
        self._serial, self._wall, self._clock = serial, wall, clock
        self._rng = rng or random.Random()
        self._parts: Parts | None = None
        self._problem: Problem | None = None
        self._changed = asyncio.Event()

    # -- what others ask

    @property
    def enrolled(self) -> bool:
        """Is there an identity that may be shown?"""
        return self._parts is not None and self._parts.obtaining.verified is not None

    def contexts(self) -> Contexts:
        """TLS contexts of our identity for links. TlsError: there is none yet."""
        return self._ready().contexts()

    def trust(self) -> Trust:
        """What a peer is judged by now. TlsError: nothing is known yet."""
        return self._ready().trust()

    def verify(self, chain: Chain) -> Judged:
        """Whose chain is it? PeerRefusedError; also while nothing is known by which to judge."""
        if self._parts is None:
            raise PeerRefusedError("this node has no identity to judge others by yet")
        return self._parts.verify(chain)

    def issuers(self) -> tuple[bytes, ...]:
        """Certificates of issuers (DER) that peers need not send."""
        return self._parts.issuers() if self._parts else ()

    def take(self, data: bytes) -> bool:
        """A revocation list or bundle update, by hand: is it news? IdentityError: it is refused."""
        if self._parts is None:
            raise IdentityError("this node has no mesh yet", "configure identity.mesh and identity.bundle")
        news = self._parts.standing.take(data)
        if news:
            self._news()
        return news

    def grace(self) -> float:
        """Seconds a certificate that is over still counts now."""
        return self._parts.trust().grace if self._parts is not None else 0.0

    def status(self) -> Status:
        """For page, metrics and commands."""
        if self._config.identity.mesh is None:
            return Status(State.OFF)
        if self._parts is None:
            return Status(State.UNUSABLE, problem=self._problem)
        return status_of(self._parts)

    # -- life

    async def run(self) -> None:
        """Until cancelled. Without a configured mesh it only waits."""
        if self._config.identity.mesh is None:
            await asyncio.get_running_loop().create_future()
        while True:
            try:
                self._parts = await asyncio.to_thread(self._open)
                break
            except IdentityError as error:
                if self._problem is None or self._problem.what != error.what:
                    log.error("%s", error, extra={"event": "enrolment"})
                self._problem = Problem("settings", error.what, error.mend, next_in=RETRY)
                await asyncio.sleep(RETRY)
        self._problem = None
        try:
            async with asyncio.TaskGroup() as together:
                for name, part in self._parts.tasks():
                    together.create_task(part, name=name)
                together.create_task(self._keep_on_disk(self._parts), name="identity on disk")
                inbox = Inbox(self._folder / "inbox", self.take)
                together.create_task(inbox.run(), name="inbox of lists")
        finally:
            await self._parts.end()
            self._parts = None

    def _news(self) -> None:
        """Bundle or revocations have changed: in force now, on disk soon; told at both times."""
        self._changed.set()
        self._on_trust()

    @property
    def _folder(self) -> Path:
        return Path(self._config.node.state_dir) / "identity"

    def _open(self) -> Parts:
        return Parts(
            self._config,
            self._folder,
            neighbours=self._neighbours,
            on_identity=self._on_identity,
            on_trust=self._news,
            serial=self._serial(),
            wall=self._wall,
            clock=self._clock,
            rng=self._rng,
        )

    def _ready(self) -> Parts:
        if self._parts is None:
            raise TlsError("this node has no identity yet", Reason.CERTIFICATE)
        return self._parts

    async def _keep_on_disk(self, parts: Parts) -> None:
        standing, again_at = parts.standing, float("-inf")
        while True:
            if standing.reread():
                self._on_trust()
            # cleared even where nothing is to be done: what was set during a save may be in it already, and
            # waiting for an event that is set never lets go of the event loop
            news = self._changed.is_set()
            self._changed.clear()
            if standing.saved != standing.changes and (news or self._clock() >= again_at):
                await asyncio.to_thread(standing.save)
                self._on_trust()
                if standing.trouble:
                    log.warning("%s", standing.trouble, extra={"event": "enrolment"})
                    again_at = self._clock() + SAVE_AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAVE):
                    await self._changed.wait()
