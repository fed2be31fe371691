# SPDX-License-Identifier: Apache-2.0
"""An issuer at work: enrols with tokens, renews what is in force. No sockets; the channel says who asks."""

from __future__ import annotations

import msgspec

from agent.identity import issuing, signerkey, spiffe, token
from agent.identity.bundle import Bundle
from agent.identity.certificate import key_id_of, read
from agent.identity.enrolment import MEND, Answer, Request, Target, proved_keys
from agent.identity.errors import EnrolmentError, IdentityError
from agent.identity.issuing import Signer
from agent.identity.keys import PublicKey
from agent.identity.limits import SVID_LIFE, YEAR
from agent.identity.moment import Moment
from agent.identity.register import Node, Register
from agent.identity.revoked import NOTHING, Revoked
from agent.identity.svid import Verified

RENEWAL_WINDOW = YEAR  # after an SVID's end: a summer mesh sleeps the winter, then renews without a token


class Issuer(msgspec.Struct, frozen=True):
    """What an issuer needs. Its time is trusted: without one it would sign wrong ends (checked in _now).

    `token_key` is empty where it only stands in: two books that both enrol could give one name twice.
    """

    name: str
    signer: Signer
    bundle: Bundle
    token_key: bytes
    register: Register
    life: float = SVID_LIFE

    @property
    def mesh(self) -> str:
        """The mesh's name."""
        return self.bundle.trust_domain

    def enrol(self, request: Request, channel: bytes, moment: Moment, revoked: Revoked = NOTHING) -> Answer:
        """A new node's certificates. TokenError or EnrolmentError; only the last step spends a use.

        `channel`: what our end of the channel exports for this (enrolment.Target).
        """
        now = _now(moment)
        name = spiffe.node_name(request.name)
        if not self.token_key:
            raise EnrolmentError(
                "stand-in",
                f"this node stands in for issuer {self.name}: it renews nodes and enrols none",
                f"enrol at {self.name} itself; where it is lost for good: x0 mesh issuer {self.name}",
            )
        self._refuse_others(name)
        found = token.check(request.token, self.token_key, self.mesh, self.name, moment, name, request.serial)
        tls, signing = self._keys(request, channel)
        self._refuse_revoked(name, (tls, signing), revoked)
        node = Node(name, key_id_of(signing), request.serial, found.roles, int(now), int(now))
        self.register.enrol(found.id, found.uses, node)
        return self._answer(name, found.roles, tls, signing, now)

    def renew(
        self, peer: Verified, request: Request, channel: bytes, moment: Moment, revoked: Revoked = NOTHING
    ) -> Answer:
        """New certificates for a node the channel has authenticated, with its old signing key.

        `peer` may be over by up to RENEWAL_WINDOW (verify it with that grace), never revoked.
        """
        now = _now(moment)
        if request.name != peer.node:
            raise EnrolmentError(
                "name-changed", f"{peer.node} asks for the name {request.name[:64]}", "keep the name"
            )
        self._refuse_others(peer.node)
        if now > peer.not_after + RENEWAL_WINDOW:
            raise EnrolmentError("too-late", f"{peer.node}'s SVID ended more than a year ago", token.NEW)
        tls, signing = self._keys(request, channel)
        self._refuse_revoked(peer.node, (tls, signing), revoked)
        own = self.register.find(peer.node)
        known = own.signing_key if own else self._certified(peer, request, revoked)
        if known != key_id_of(signing):
            raise EnrolmentError(
                "key-changed",
                f"{peer.node} asks with signing key {key_id_of(signing).hex()[:16]}, has {known.hex()[:16]}",
                "restore the node's signing key, or revoke the node and enrol it anew under another name",
            )
        answer = self._answer(peer.node, own.roles if own else peer.roles, tls, signing, now)
        self.register.renewed(peer.node, int(now))
        return answer

    def _refuse_others(self, name: str) -> None:
        """A name belongs to one issuer for good: no other book has to be asked who holds it."""
        if not spiffe.within(self.name, name):
            raise EnrolmentError(
                "other-name",
                f"{name} is not a name of issuer {self.name}, whose nodes are {self.name} or {self.name}-...",
                f"let the node reach its own issuer, or name it {self.name}-{name} (node.name in its YAML)",
            )

    def _keys(self, request: Request, channel: bytes) -> tuple[PublicKey, PublicKey]:
        return proved_keys(request, Target(self.mesh, self.name, channel), self.bundle.algorithms)

    def _refuse_revoked(self, name: str, asked: tuple[PublicKey, ...], revoked: Revoked) -> None:
        entry = revoked.node(name)
        for key in asked:
            entry = entry or revoked.key(key_id_of(key))
        if entry:
            raise EnrolmentError(
                "revoked",
                f"{entry.kind} {entry.value[:32]} is revoked",
                "enrol the device under a new name, with new keys",
            )

    def _certified(self, peer: Verified, request: Request, revoked: Revoked) -> bytes:
        """The signing key of a node enrolled in another book: by the certificate it shows, while it held."""
        try:
            leaf = read(request.certified[0]) if request.certified else None
            if leaf is None:
                raise EnrolmentError(
                    "key-changed", f"{peer.node} shows no certificate of its signing key", MEND
                )
            at = Moment(min(leaf.not_after, peer.not_after))
            found = signerkey.verify(request.certified, self.bundle, at, revoked=revoked)
        except EnrolmentError:
            raise
        except IdentityError as error:
            raise EnrolmentError(
                "key-changed", f"{peer.node}'s signing certificate: {error.what}", error.mend
            ) from None
        if found.node != peer.node:
            raise EnrolmentError(
                "key-changed", f"{peer.node} shows the signing certificate of {found.node}", MEND
            )
        return found.key_id

    def _answer(
        self, name: str, roles: tuple[str, ...], tls: PublicKey, signing: PublicKey, now: float
    ) -> Answer:
        own = spiffe.of_node(self.mesh, name)
        certificate = issuing.svid(self.signer, tls, own, roles, now, self.life)
        signer = issuing.signing_key(self.signer, signing, own, now)
        above = self.signer.certificate.der
        return Answer((certificate.der, above), (signer.der, above))


def _now(moment: Moment) -> float:
    if not moment.trusted:
        raise EnrolmentError(
            "form",
            "the issuer's clock is not set, so it signs nothing",
            "give the issuer the time (NTP, GPS), or set it by hand",
        )
    return moment.at
