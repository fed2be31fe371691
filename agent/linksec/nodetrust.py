# SPDX-License-Identifier: Apache-2.0
"""This node's identity and whom it trusts, from its files, as link security wants them.

Loads the crypto libraries: import it late.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from agent.authz.standing import by_revocations
from agent.authz.subject import Subject
from agent.identity import spiffe
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate, read
from agent.identity.errors import IdentityError
from agent.identity.moment import Moment
from agent.identity.nodefiles import BUNDLE, REVOCATIONS, SVID, TIME_FLOOR, NodeFiles
from agent.identity.revoked import NOTHING, Revoked
from agent.identity.timefloor import TimeFloor
from agent.kernel import clock as kernelclock
from agent.kernel.errors import KernelError
from agent.linksec.errors import PeerRefusedError, Reason, TlsError
from agent.linksec.judged import Verifier
from agent.linksec.tls import SUITES, Contexts
from agent.linksec.trust import Permit, Trust, anybody, credentials, verifier
from agent.securityreadings import OwnIdentity

FILES: Final = (SVID, BUNDLE, REVOCATIONS)
Marks = tuple[tuple[int, int, int] | None, ...]


class News(msgspec.Struct, frozen=True):
    """What a look at the files has shown."""

    identity: bool = False  # another certificate to show
    trust: bool = False  # another bundle, other revocations, or the clock became trusted


def clock_is_trusted() -> bool:
    """Is the kernel's clock disciplined?"""
    try:
        return kernelclock.state().synchronised
    except KernelError:
        return False


class NodeTrust:
    """`look` blocks and is called from one thread at a time; all else in the event loop.

    A file that cannot be read or is damaged changes nothing: what was read of it before holds.
    """

    def __init__(
        self,
        folder: Path,
        suite: str,
        *,
        clock: Callable[[], float] = time.time,
        clock_trusted: Callable[[], bool] = clock_is_trusted,
        grace: Callable[[], float] = lambda: 0.0,
        permit: Permit = anybody,
    ) -> None:
        """`grace()`: seconds an expired certificate is good for now (agent/identity/grace.py)."""
        self._files, self._suite = NodeFiles(folder), SUITES[suite]
        self._clock, self._clock_trusted, self._grace = clock, clock_trusted, grace
        self._floor = TimeFloor(folder / TIME_FLOOR)
        self._marks: Marks = ()
        self._trusted = False
        self._contexts: Contexts | None = None
        self._own: Certificate | None = None
        self._bundle: Bundle | None = None
        self._revoked: Revoked = NOTHING
        self._issuers: tuple[bytes, ...] = ()
        self._issuer = b""  # SHA-256 of our issuer's key
        self.problem = "it was not looked at yet"  # why there is no identity, or an older one is used
        self.verify: Verifier = verifier(self._trust, permit)

    # -- for link security

    def contexts(self) -> Contexts:
        """Of the identity of now. TlsError where there is none."""
        if self._contexts is None:
            raise TlsError(f"this node has no identity it could show: {self.problem}", Reason.CERTIFICATE)
        return self._contexts

    @property
    def trust_domain(self) -> str:
        """The mesh's name, "" where there is no identity yet."""
        return self._bundle.trust_domain if self._bundle is not None else ""

    @property
    def revoked(self) -> Revoked:
        """What the lists of now come to."""
        return self._revoked

    def issuers(self) -> tuple[bytes, ...]:
        """Certificates of issuers that peers need not send."""
        return self._issuers

    def own(self) -> OwnIdentity:
        """For people and faults."""
        if self._own is None or self._contexts is None:
            return OwnIdentity(time_trusted=self._trusted, problem=self.problem)
        moment = self._moment()
        return OwnIdentity(
            self._contexts.spiffe_id,
            self._own.not_before,
            self._own.not_after,
            self._own.not_after - moment.at,
            self._trusted,
            self.problem,
            self._expelled(),
        )

    # -- looking

    def look(self) -> News:
        """Read what has changed on disk; the clock, too."""
        trusted = self._clock_trusted()
        if trusted:
            self._floor.saw_clock(self._clock())
        clock_news = trusted != self._trusted
        self._trusted = trusted
        marks = tuple(map(self._mark, FILES))
        if marks == self._marks:
            return News(trust=clock_news)
        self._marks = marks
        before = (self._own, self._bundle, self._revoked)
        try:
            self._read()
        except (IdentityError, PeerRefusedError, TlsError, OSError) as error:
            self.problem, self._marks = str(error), ()  # read again at the next look
            return News(trust=clock_news)
        self.problem = ""
        own = before[0] is None or self._own is None or before[0].der != self._own.der
        return News(own, clock_news or before[1:] != (self._bundle, self._revoked))

    def _expelled(self) -> str:
        """Why neighbours refuse us, "" where the lists say nothing of it."""
        own, subject = self._own, self._contexts
        if own is None or subject is None:
            return ""
        node = spiffe.parse(subject.spiffe_id).node or ""
        me = Subject("member", subject.spiffe_id, node, key_id=own.key_id, serial=own.serial)
        return by_revocations(lambda: self._revoked)(msgspec.structs.replace(me, issuer_key_id=self._issuer))

    def _mark(self, name: str) -> tuple[int, int, int] | None:
        """Tells one content of a file from the next: they are replaced by a rename."""
        try:
            found = (self._files.folder / name).stat()
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _read(self) -> None:
        identity = self._files.svid()
        if identity is None or not identity.chain:
            where = self._files.folder / SVID
            raise PeerRefusedError(f"{where} holds no certificate: the node must be enrolled")
        own = read(identity.chain[0], "our own SVID")
        shown = credentials(identity)
        domain = spiffe.parse(shown.spiffe_id).trust_domain
        bundle = self._files.bundle(domain)
        if bundle is None:
            raise PeerRefusedError(f"{self._files.folder / BUNDLE} is not there: nobody can be trusted")
        lists, _wrong = self._files.revocations(bundle)
        if self._own is None or own.der != self._own.der:
            self._contexts = Contexts(shown, self._suite)
        self._own, self._bundle, self._revoked = own, bundle, lists.revoked
        self._issuers = identity.chain[1:2]
        self._issuer = read(self._issuers[0], "our issuer's certificate").key_id if self._issuers else b""

    def _moment(self) -> Moment:
        return self._floor.moment(self._clock(), trusted=self._trusted)

    def _trust(self) -> Trust:
        if self._bundle is None:
            raise PeerRefusedError("there is no trust bundle here, so nobody is trusted")
        return Trust(self._bundle, self._moment(), self._revoked, self._grace(), self._issuers)
