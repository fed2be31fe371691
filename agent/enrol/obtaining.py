# SPDX-License-Identifier: Apache-2.0
"""Gets the node's certificates and renews them in time, by whatever way leads to an issuer. asyncio.

Keys are made here and stay in their files. The signing key is on disk before anybody hears of it, so that a
node which lost an answer asks again as the same. A renewed identity counts once it is on disk: on a full disk
the old one stays in force.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from agent.enrol.asking import Applicant, check, reach
from agent.enrol.errors import EnrolError, RefusedError, Word
from agent.enrol.standing import Standing
from agent.enrol.status import Problem, State
from agent.enrol.trying import ask_in_turn
from agent.enrol.ways import Way, connect
from agent.identity import keys, rotation, spiffe, svid, token
from agent.identity.enrolment import Answer
from agent.identity.errors import IdentityError, KeyFileError
from agent.identity.issuer import RENEWAL_WINDOW
from agent.identity.limits import RENEW_AT
from agent.identity.nodefiles import Keyed, NodeFiles
from agent.identity.svid import Verified
from agent.linksec.trust import NOT_REVOKED

if TYPE_CHECKING:
    from agent.enrol.desk import Desk

BLANK_FIRST, BLANK_MAX = 2.0, 60.0  # s between tries of a new node, doubled; a neighbour may just be starting
REFUSED_FIRST: Final = (
    60.0  # s after an issuer's refusal, doubled up to rotation.RETRY_MAX: a person must act
)
LEAST: Final = 1.0  # s between two tries, whatever news there is
LOOK: Final = 30.0  # s between looks at the clock while nothing is due: it may be set meanwhile
UNTIMED_FIRST: Final = (
    300.0  # s after the start a node without trusted time renews, at random up to twice that
)
PROBE: Final = 21_600.0  # s between looks whether an issuer can be reached, +-25 %: 20 KB each
PROBE_FIRST: Final = 30.0  # s after the start, likewise
REACHED: Final = 1.5 * PROBE  # an issuer spoken to so long ago counts as reachable
EARLY: Final = "not-early"  # the identity package's name of the rule
MAX_WAYS: Final = 8  # tried in one go
log = logging.getLogger(__name__)


class Obtaining:
    """One per node. `ways(issuer, enrols)`: in the order to try them; `desk()`: the issuer on this node."""

    def __init__(
        self,
        name: str,
        text: str,
        files: NodeFiles,
        standing: Standing,
        *,
        ways: Callable[[str, bool], Sequence[Way]],
        led: Callable[[Way, bool], None],
        desk: Callable[[], Desk | None],
        on_identity: Callable[[], object],
        clock: Callable[[], float],
        rng: random.Random,
        serial: str = "",
    ) -> None:
        self.own: Keyed | None = None
        self.verified: Verified | None = None
        self.problem: Problem | None = None
        self.renew_at: float | None = None
        self.enrolled = asyncio.Event()  # once there is a certificate that holds
        self.refusal = ""  # why our own certificate is no good, "" where it is
        self.broken: frozenset[str] = frozenset()  # the rules it breaks
        self._name, self._text, self._serial = name, text, serial
        self._files, self._standing = files, standing
        self._ways, self._led, self._desk = ways, led, desk
        self._on_identity, self._clock, self._rng = on_identity, clock, rng
        self._news = asyncio.Event()
        self._failures = 0
        self._patient = False  # an issuer said no: another way to it changes nothing
        self._chance = rng.random()
        self._untimed_at = clock() + UNTIMED_FIRST * (1 + rng.random())
        self._reached_at = float("-inf")
        self._probe_at = clock() + PROBE_FIRST * (1 + rng.random())

    # -- what others ask

    @property
    def state(self) -> State:
        """How far it has come."""
        if self.own is None or not self.own.chain:
            return State.BLANK
        if NOT_REVOKED in self.broken:
            return State.REVOKED
        if self.verified is None:
            return State.UNUSABLE
        now = self._standing.moment().at
        if now > self.verified.not_after:
            return State.OVER
        return State.DUE if self._due() else State.ENROLLED

    @property
    def seeking(self) -> bool:
        """Is a way to an issuer needed now?"""
        return self.state in (State.BLANK, State.DUE, State.OVER, State.UNUSABLE)

    @property
    def reachable(self) -> bool:
        """Was an issuer spoken to lately?"""
        return self._clock() - self._reached_at < REACHED

    def news(self) -> None:
        """Another way was heard of: try soon, and soon again if it is not ready yet."""
        if not self._patient:
            self._failures = 0
            self._news.set()

    def load(self) -> None:
        """What is on disk. KeyFileError."""
        self.own = self._files.svid()
        self._judge()

    # -- life

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._judge()
            wait = await self._step()
            self._standing.issuer_reachable = self.reachable
            self._news.clear()
            await asyncio.sleep(LEAST)
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _step(self) -> float:
        """Do what is due; seconds until the next look."""
        if self.state is State.REVOKED:
            what = f"this node is revoked: {self.refusal}"
            mend = (
                "the mesh expelled it; if that was a mistake: remove svid.pem and signer.pem, give the node "
                "another name and a new token"
            )
            self.problem = Problem("revoked", what, mend)
            return LOOK
        if EARLY in self.broken:
            mend = "set this node's clock (NTP, GPS, by hand); if it is right, the issuer's was wrong"
            self.problem = Problem(
                Word.CLOCK, f"our own certificate is from the future: {self.refusal}", mend
            )
            return LOOK
        if not self._due():
            self.problem = None
            await self._probe()
            return LOOK
        try:
            await self._obtain()
        except EnrolError as error:
            return self._failed(error)
        except KeyFileError as error:
            return self._failed(EnrolError(Word.DISK, error.what, error.mend))
        except IdentityError as error:
            return self._failed(EnrolError(Word.SETTINGS, error.what, error.mend))
        self._patient = False
        self.problem, self._failures, self._chance = None, 0, self._rng.random()
        self._judge()
        if self.verified is not None:
            self._untimed_at = self._clock() + RENEW_AT * (self.verified.not_after - self.verified.not_before)
        self._on_identity()
        return LEAST

    def _judge(self) -> None:
        """What is our own certificate worth? A renewal mends one that is over."""
        self.verified, self.refusal, self.renew_at, self.broken = None, "", None, frozenset()
        if self.own is None or not self.own.chain:
            return
        now = self._standing.trust()
        try:
            self.verified = svid.verify(
                self.own.chain, now.bundle, now.moment, revoked=now.revoked, grace=RENEWAL_WINDOW
            )
        except svid.SvidError as error:
            self.refusal, self.broken = error.what, frozenset(each.rule for each in error.broken)
            return
        self.enrolled.set()
        self.renew_at = rotation.due(self.verified.not_before, self.verified.not_after, self._chance)

    def _due(self) -> bool:
        if self.verified is None or self.renew_at is None:
            return True
        now = self._standing.moment()
        if now.at >= self.renew_at:
            return True
        return not now.trusted and self._clock() >= self._untimed_at

    def _failed(self, error: EnrolError) -> float:
        self._failures += 1
        self._patient = refused = isinstance(error, RefusedError)
        if self.verified is not None:
            wait = rotation.retry_after(self._failures, self._rng.random())
        else:
            first, most = (REFUSED_FIRST, rotation.RETRY_MAX) if refused else (BLANK_FIRST, BLANK_MAX)
            wait = min(most, first * 2.0 ** min(self._failures - 1, 12)) * (0.75 + 0.5 * self._rng.random())
        if self.problem is None or self.problem.what != error.what:
            log.warning("%s", error, extra={"event": "enrolment"})
        self.problem = Problem(error.reason, error.what, error.mend, self._failures, wait)
        return wait

    # -- one try

    async def _obtain(self) -> None:
        signer = await asyncio.to_thread(self._signer)
        algorithm = self._standing.bundle.roots[-1].algorithm
        tls = await asyncio.to_thread(keys.generate, algorithm)
        desk = self._desk()
        who = self._applicant(tls, signer, desk)
        if desk is not None and desk.name == who.issuer and not who.token:
            answer = await asyncio.to_thread(self._from_desk, desk, who)
            self._reached_at = self._clock()
        else:
            answer = await self._from_issuer(who)
        await asyncio.to_thread(self._keep, who, answer)
        self.own = Keyed(who.tls, answer.svid)

    def _signer(self) -> Keyed:
        found = self._files.signer()
        if found is None:
            found = Keyed(keys.generate(self._standing.bundle.roots[-1].algorithm))
            self._files.put_signer(found)
        return found

    def _applicant(self, tls: keys.PrivateKey, signer: Keyed, desk: Desk | None) -> Applicant:
        if self.verified is not None:
            return Applicant(
                self.verified.node, self.verified.issuer_name, tls, signer, serial=self._serial, own=self.own
            )
        if desk is not None and desk.enrols and spiffe.within(desk.name, self._name):
            return Applicant(self._name, desk.name, tls, signer, serial=self._serial)
        if self._text:
            said = token.read(self._text)
            if said.mesh != self._standing.bundle.trust_domain:
                what = f"the join token is for mesh {said.mesh}, this is {self._standing.bundle.trust_domain}"
                raise EnrolError("mesh", what, token.NEW)
            return Applicant(self._name, said.issuer, tls, signer, self._text, self._serial)
        lost = f" and its certificate is no good ({self.refusal})" if self.refusal else ""
        what = f"this node is not enrolled{lost}, and its configuration has no join token"
        raise EnrolError(Word.SETTINGS, what, "add identity.token: x0 mesh token ISSUER prints one")

    def _from_desk(self, desk: Desk, who: Applicant) -> Answer:
        trust = self._standing.trust()
        if who.own is None:
            answer = desk.enrol_own(who.name, who.tls, who.signer.key, trust, who.serial)
        else:
            answer = desk.renew_own(who.own.chain, who.tls, who.signer, trust)
        check(answer, who, trust)
        return answer

    async def _from_issuer(self, who: Applicant) -> Answer:
        ways = self._ways(who.issuer, bool(who.token))[:MAX_WAYS]
        if not ways:
            what = f"no way to issuer {who.issuer} is known: none announced on the mesh, no neighbour heard"
            mend = "is a neighbour of this mesh in reach and on? Else write its address to identity.issuers"
            raise EnrolError(Word.NO_WAY, what, mend)
        return await ask_in_turn(ways, who, self._standing.trust, self._way_led)

    def _way_led(self, way: Way, good: bool) -> None:
        if good:
            self._reached_at = self._clock()
        self._led(way, good)

    def _keep(self, who: Applicant, answer: Answer) -> None:
        """The SVID last: with it the node is enrolled."""
        self._files.put_signer(Keyed(who.signer.key, answer.signer))
        self._files.put_svid(Keyed(who.tls, answer.svid))

    async def _probe(self) -> None:
        """Can an issuer be reached? Decides over the grace of others, so it is looked at now and then."""
        now = self._clock()
        if now < self._probe_at or self.verified is None:
            return
        self._probe_at = now + PROBE * self._rng.uniform(0.75, 1.25)
        desk = self._desk()
        if desk is not None and self._standing.moment().trusted:
            self._reached_at = now
            return
        for way in self._ways(self.verified.issuer_name, False)[:MAX_WAYS]:
            try:
                streams = await connect(way)
                await reach(*streams, self.verified.issuer_name, self._standing.trust())
            except EnrolError as error:
                log.debug("%s: %s", way, error)
                continue
            self._reached_at = self._clock()
            return
