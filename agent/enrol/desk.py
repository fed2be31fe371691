# SPDX-License-Identifier: Apache-2.0
"""An issuer's folder, opened on the node it works on: key, token key, book. Blocks: call it in a thread.

`<folder>/issuer.pem` and `token.key` are what `x0 mesh issuer` made; `register.db` is the book.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import msgspec

from agent.identity import enrolment, svid, token
from agent.identity.bundle import Bundle
from agent.identity.enrolment import CHANNEL_BYTES, Answer, Request, Target
from agent.identity.errors import AuthorityError
from agent.identity.issuer import RENEWAL_WINDOW, Issuer
from agent.identity.issuerfolders import open_issuer
from agent.identity.issuing import Signer
from agent.identity.keys import PrivateKey
from agent.identity.limits import SVID_LIFE
from agent.identity.nodefiles import Keyed
from agent.identity.register import Register
from agent.linksec.judged import Chain
from agent.linksec.trust import Trust

ROLE: Final = "issuer"  # what a node must be to be given tokens and renewals by others
OWN_ROLES: Final = ("router", ROLE)  # of the node an issuer works on
BOOK: Final = "register.db"
OWN_TOKEN_LIFE: Final = 60.0  # s; the least there is, and it is used at once


class Desk(msgspec.Struct, frozen=True):
    """One issuer, or one that stands in for it (then without a token key)."""

    name: str
    signer: Signer
    token_key: bytes
    register: Register
    life: float

    @property
    def enrols(self) -> bool:
        """Does it take tokens?"""
        return bool(self.token_key)

    def enrol(self, request: Request, channel: bytes, trust: Trust) -> Answer:
        """A new node. TokenError, EnrolmentError, AuthorityError."""
        return self._at_work(trust.bundle).enrol(request, channel, trust.moment, trust.revoked)

    def renew(self, chain: Chain, request: Request, channel: bytes, trust: Trust) -> Answer:
        """Who has shown this chain in TLS, anew. SvidError, EnrolmentError, AuthorityError."""
        peer = svid.verify(chain, trust.bundle, trust.moment, revoked=trust.revoked, grace=RENEWAL_WINDOW)
        return self._at_work(trust.bundle).renew(peer, request, channel, trust.moment, trust.revoked)

    def enrol_own(
        self, name: str, tls: PrivateKey, signing: PrivateKey, trust: Trust, serial: str = ""
    ) -> Answer:
        """The node the issuer works on: by a token it makes for itself, in the way of all others."""
        made, _ = token.make(
            self.token_key,
            trust.bundle.trust_domain,
            self.name,
            trust.moment.at,
            life=OWN_TOKEN_LIFE,
            roles=OWN_ROLES,
            name=name,
        )
        target = self._in_here(trust)
        request = enrolment.ask(target, name, tls, signing, token=made, serial=serial)
        return self.enrol(request, target.channel, trust)

    def renew_own(self, chain: Chain, tls: PrivateKey, signer: Keyed, trust: Trust) -> Answer:
        """The same node, anew; a stand-in knows it by its signing key's certificate."""
        peer = svid.verify(chain, trust.bundle, trust.moment, revoked=trust.revoked, grace=RENEWAL_WINDOW)
        target = self._in_here(trust)
        request = enrolment.ask(target, peer.node, tls, signer.key, certified=signer.chain)
        return self.renew(chain, request, target.channel, trust)

    def close(self) -> None:
        """Closes the book."""
        self.register.close()

    def _in_here(self, trust: Trust) -> Target:
        return Target(trust.bundle.trust_domain, self.name, secrets.token_bytes(CHANNEL_BYTES))

    def _at_work(self, bundle: Bundle) -> Issuer:
        return Issuer(self.name, self.signer, bundle, self.token_key, self.register, self.life)


def open_desk(folder: Path, bundle: Bundle, life: float = SVID_LIFE) -> Desk:
    """The issuer of `folder`. KeyFileError, AuthorityError: it is damaged, or of another mesh."""
    signer, token_key = open_issuer(folder)
    if not any(signer.certificate.signed_by(root) for root in bundle.roots):
        raise AuthorityError(
            f"the issuer in {folder} is under no root of mesh {bundle.trust_domain}",
            "bring the folder `x0 mesh issuer` made for this mesh, or the mesh's newest bundle",
        )
    register = Register(folder / BOOK)
    return Desk(signer.certificate.common_name, signer, token_key, register, life)
