# SPDX-License-Identifier: Apache-2.0
"""A node's end of a request: judges the issuer, asks for this channel alone, checks what it gets. asyncio.

A blank node judges by the bundle of its YAML. The issuer must have the role for it, and where a token is
shown it must be certified by the very issuer the token names: no other may read it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from agent.enrol.desk import ROLE
from agent.enrol.errors import EnrolError, RefusedError, Word
from agent.enrol.messages import ENROL, REPLY_BYTES, Refused, decode_reply
from agent.enrol.stream import TlsStream, close
from agent.identity import enrolment, keys, signerkey, svid
from agent.identity.certificate import key_id_of
from agent.identity.enrolment import Answer, Target
from agent.identity.errors import EnrolmentError
from agent.identity.keys import PrivateKey
from agent.identity.nodefiles import Keyed
from agent.linksec.errors import LinksecError, PeerRefusedError, Reason
from agent.linksec.judged import Chain, Judged
from agent.linksec.trust import Trust, credentials

if TYPE_CHECKING:
    from agent.linksec.tls import Suite

TIMES: Final = frozenset({"not-early", "not-over", "issuer-in-time"})  # the identity package's names of rules
SECONDS: Final = 20.0  # for all of it: the issuer's own bound, and the way there
BROKE_OFF: Final = (
    "see the log of the issuer: it is over its bounds, or it refuses our certificate (revoked, or over for "
    "more than a year); it is tried again"
)


class Applicant(msgspec.Struct, frozen=True):
    """Who asks. `token`: "" in a renewal, for which `own` is the identity to renew. Keys never leave."""

    name: str
    issuer: str
    tls: PrivateKey  # of the SVID asked for
    signer: Keyed
    token: str = ""
    serial: str = ""
    own: Keyed | None = None

    @property
    def certified(self) -> Chain:
        """The signing key's chain so far: a stand-in knows the node by it."""
        return () if self.token else self.signer.chain


def suite_of(trust: Trust) -> Suite:
    """What a mesh's TLS must use: by its newest root."""
    from agent.linksec import tls

    algorithms = [root.algorithm for root in trust.bundle.roots]
    return tls.CNSA if algorithms[-1:] == [keys.ML_DSA_87] else tls.HYBRID


class Judge:
    """Is this an issuer we may ask? `strict`: certified by `issuer` itself, since it will see a token.

    `times`: it was refused for nothing but its times.
    """

    def __init__(self, trust: Trust, issuer: str, *, strict: bool) -> None:
        self.times = False
        self._trust, self._issuer, self._strict = trust, issuer, strict

    def __call__(self, chain: Chain) -> Judged:
        """A Verifier."""
        now = self._trust
        try:
            found = svid.verify(chain, now.bundle, now.moment, revoked=now.revoked, grace=now.grace)
        except svid.SvidError as error:
            self.times = {each.rule for each in error.broken} <= TIMES
            raise PeerRefusedError(str(error)) from None
        if ROLE not in found.roles:
            raise PeerRefusedError(
                f"{found.node} does not have the role {ROLE}: enrol it with a token for that (--role {ROLE})"
            )
        if self._strict and found.issuer_name != self._issuer:
            words = f"{found.node} is of issuer {found.issuer_name}, the token of {self._issuer}"
            raise PeerRefusedError(words)
        return Judged(str(found.id), chain)


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: Applicant, trust: Trust
) -> Answer:
    """What the issuer at the other end gives, checked. EnrolError; the connection is closed in any case."""
    judge = Judge(trust, who.issuer, strict=bool(who.token))
    try:
        async with asyncio.timeout(SECONDS):
            return await _ask(reader, writer, who, trust, judge)
    except TimeoutError:
        what = f"issuer {who.issuer} was not done within {SECONDS:.0f} s"
        raise EnrolError(Word.TIMEOUT, what, "it is tried again; is the way to it very slow?") from None
    except LinksecError as error:
        if judge.times:
            mend = "set this node's clock, or the issuer's; a node without one waits for no time at all"
            raise EnrolError(Word.CLOCK, f"by our clock {who.issuer} is refused: {error}", mend) from None
        if error.reason in (Reason.CERTIFICATE, Reason.REVOKED):
            mend = "is the bundle this mesh's newest, and the address the issuer's? Else somebody poses as it"
            raise EnrolError(Word.ISSUER, f"who answers as {who.issuer} is refused: {error}", mend) from None
        raise EnrolError(Word.CLOSED, f"issuer {who.issuer} broke off: {error}", BROKE_OFF) from None
    except OSError as error:
        raise EnrolError(Word.CLOSED, f"issuer {who.issuer} broke off: {error}", BROKE_OFF) from None
    finally:
        await close(writer)


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    who: Applicant,
    trust: Trust,
    judge: Judge,
) -> Answer:
    from agent.linksec import tls

    suite = suite_of(trust)
    if who.token or who.own is None:
        end = tls.stranger(judge, suite, alpn=ENROL)
    else:
        end = tls.Contexts(credentials(who.own), suite, ENROL).client(judge)
    stream = TlsStream(reader, writer, end, most=REPLY_BYTES)
    await stream.open()
    target = Target(trust.bundle.trust_domain, who.issuer, end.binding())
    await stream.send(await asyncio.to_thread(_request, target, who))
    reply = decode_reply(await stream.receive())
    await stream.close()
    if isinstance(reply, Refused):
        raise RefusedError(reply.reason, f"issuer {who.issuer} refuses: {reply.what}", reply.mend)
    try:
        answer = enrolment.decode_answer(reply.answer)
    except EnrolmentError as error:
        raise EnrolError(Word.ANSWER, error.what, error.mend) from None
    await asyncio.to_thread(check, answer, who, trust)
    return answer


def _request(target: Target, who: Applicant) -> bytes:
    request = enrolment.ask(
        target,
        who.name,
        who.tls,
        who.signer.key,
        token=who.token,
        serial=who.serial,
        certified=who.certified,
    )
    return enrolment.encode_request(request)


def check(answer: Answer, who: Applicant, trust: Trust) -> None:
    """Is that what was asked for, by the rules every peer will judge it by? EnrolError."""
    mend = "it is not used, what was there before is; see the issuer's log and both clocks"
    try:
        own = svid.verify(answer.svid, trust.bundle, trust.moment, revoked=trust.revoked)
        signer = signerkey.verify(answer.signer, trust.bundle, trust.moment, revoked=trust.revoked)
    except svid.SvidError as error:
        raise EnrolError(Word.ANSWER, f"issuer {who.issuer} gave what breaks {error.what}", mend) from None
    wanted = (who.name, key_id_of(who.tls.public_key()), who.issuer)
    if (own.node, own.key_id, own.issuer_name) != wanted:
        raise EnrolError(Word.ANSWER, f"issuer {who.issuer} gave the SVID of another node or key", mend)
    if (signer.node, signer.key_id) != (who.name, key_id_of(who.signer.key.public_key())):
        raise EnrolError(Word.ANSWER, f"issuer {who.issuer} certified another signing key", mend)


async def reach(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, issuer: str, trust: Trust
) -> None:
    """Is an issuer there? Its certificate is judged, nothing asked. EnrolError; the connection is closed."""
    from agent.linksec import tls

    end = tls.stranger(Judge(trust, issuer, strict=False), suite_of(trust), alpn=ENROL)
    stream = TlsStream(reader, writer, end, most=REPLY_BYTES)
    try:
        async with asyncio.timeout(SECONDS):
            await stream.open()
    except (LinksecError, OSError) as error:  # of OSError is also what came too late
        raise EnrolError(
            Word.UNREACHABLE, f"no issuer {issuer} there: {error}", "it is tried again"
        ) from None
    finally:
        await stream.close()
