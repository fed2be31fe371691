# SPDX-License-Identifier: Apache-2.0
"""A mesh for the tests of enrolment: the issuer `hill` with its folder, its node, tokens and blank nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.enrol.asking import Applicant
from agent.enrol.desk import Desk, open_desk
from agent.identity import bundle, issuing, keyfile, keys, spiffe, token
from agent.identity.bundle import Bundle
from agent.identity.issuing import Signer
from agent.identity.keys import ML_DSA_65
from agent.identity.limits import SVID_LIFE
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed
from agent.linksec.tls import Contexts
from agent.linksec.trust import Trust, credentials
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

TOKEN_KEY = bytes(range(32))
AT_NOW = Moment(NOW)


def folder_of(path: Path, signer: Signer, token_key: bytes = TOKEN_KEY) -> Path:
    """The issuer's folder, as `x0 mesh issuer` would have made it."""
    keyfile.write(path / "issuer.pem", keys.to_pem(signer.key) + pem(signer))
    if token_key:
        keyfile.write(path / "token.key", token_key)
    return path


def pem(signer: Signer) -> bytes:
    """Its certificate."""
    from agent.identity.issuerfolders import to_pem

    return to_pem(signer.certificate)


def desk_of(path: Path, *, stand_in: bool = False, life: float = SVID_LIFE) -> Desk:
    """The desk of `hill`, or one that stands in for it."""
    return open_desk(folder_of(path, mesh().issuer, b"" if stand_in else TOKEN_KEY), mesh().bundle, life)


def trust(moment: Moment = AT_NOW, known: Bundle | None = None, **more: Any) -> Trust:
    """What everybody of this mesh trusts."""
    return Trust(known or mesh().bundle, moment, **more)


def identity(name: str, roles: tuple[str, ...] = ("router",), at: float = NOW, **more: Any) -> Keyed:
    """An enrolled node's TLS identity."""
    key = keys.generate(ML_DSA_65)
    svid = issuing.svid(mesh().issuer, key.public_key(), spiffe.of_node(DOMAIN, name), roles, at, **more)
    return Keyed(key, (svid.der, mesh().issuer.certificate.der))


def contexts(own: Keyed, alpn: bytes) -> Contexts:
    """Its TLS contexts for a service."""
    return Contexts(credentials(own), alpn=alpn)


def a_token(at: float = NOW, key: bytes = TOKEN_KEY, domain: str = DOMAIN, **options: Any) -> str:
    """A join token of `hill`."""
    return token.make(key, domain, "hill", at, **options)[0]


def blank(name: str = "hill-new", text: str = "", **more: Any) -> Applicant:
    """A node that has its keys and nothing else."""
    tls, signing = keys.generate(ML_DSA_65), keys.generate(ML_DSA_65)
    return Applicant(name, "hill", tls, Keyed(signing), text, **more)


class Foreign:
    """Another mesh of the same name: everything is right but the root."""

    def __init__(self) -> None:
        root_key, issuer_key, self.key = (keys.generate(ML_DSA_65) for _ in range(3))
        self.root = Signer(issuing.root(root_key, DOMAIN, NOW), root_key)
        self.issuer = Signer(
            issuing.issuer(self.root, issuer_key.public_key(), DOMAIN, "hill", NOW), issuer_key
        )
        self.bundle = bundle.make(DOMAIN, 1, (self.root.certificate,))

    def identity(self, name: str = "hill", roles: tuple[str, ...] = ("issuer",)) -> Keyed:
        """Of its issuer's node."""
        own = issuing.svid(self.issuer, self.key.public_key(), spiffe.of_node(DOMAIN, name), roles, NOW)
        return Keyed(self.key, (own.der, self.issuer.certificate.der))
