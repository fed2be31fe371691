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
from agent.linksec.tls import CNSA, HYBRID, Contexts
from agent.linksec.trust import Trust, credentials
from tests.unit.identity.mesh import DOMAIN, NOW, Mesh, mesh

TOKEN_KEY = bytes(range(32))
AT_NOW = Moment(NOW)


def of(algorithm: str = ML_DSA_65) -> Mesh:
    """The mesh with these algorithms, made once."""
    return mesh() if algorithm == ML_DSA_65 else mesh(DOMAIN, algorithm)


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


def desk_of(path: Path, *, stand_in: bool = False, algorithm: str = ML_DSA_65) -> Desk:
    """The desk of `hill`, or one that stands in for it."""
    own = of(algorithm)
    return open_desk(folder_of(path, own.issuer, b"" if stand_in else TOKEN_KEY), own.bundle, SVID_LIFE)


def trust(moment: Moment = AT_NOW, known: Bundle | None = None, **more: Any) -> Trust:
    """What everybody of this mesh trusts."""
    return Trust(known or mesh().bundle, moment, **more)


def identity(
    name: str, roles: tuple[str, ...] = ("router",), at: float = NOW, algorithm: str = ML_DSA_65
) -> Keyed:
    """An enrolled node's TLS identity."""
    key, own = keys.generate(algorithm), of(algorithm)
    svid = issuing.svid(own.issuer, key.public_key(), spiffe.of_node(DOMAIN, name), roles, at)
    return Keyed(key, (svid.der, own.issuer.certificate.der))


def contexts(own: Keyed, alpn: bytes) -> Contexts:
    """Its TLS contexts for a service."""
    suite = CNSA if keys.algorithm_of(own.key) == keys.ML_DSA_87 else HYBRID
    return Contexts(credentials(own), suite, alpn)


def a_token(at: float = NOW, key: bytes = TOKEN_KEY, domain: str = DOMAIN, **options: Any) -> str:
    """A join token of `hill`."""
    return token.make(key, domain, "hill", at, **options)[0]


def blank(name: str = "hill-new", text: str = "", algorithm: str = ML_DSA_65) -> Applicant:
    """A node that has its keys and nothing else."""
    tls, signing = keys.generate(algorithm), keys.generate(algorithm)
    return Applicant(name, "hill", tls, Keyed(signing), text)


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
