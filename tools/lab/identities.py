# SPDX-License-Identifier: Apache-2.0
"""A mesh authority for a lab, made on the host in memory: each node's identity files, and revocations.

A lab's node n1 is `spiffe://lab.mesh/node/lab-n1`. What an operator does with `x0 mesh` and nodes do by
enrolment is done here in one go.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.codec import cbor
from agent.identity import bundle, issuing, keys, revocation, spiffe
from agent.identity.issuing import Signer
from agent.identity.keys import ML_DSA_65
from agent.identity.nodefiles import BUNDLE, REVOCATIONS, SVID
from agent.identity.revoked import Entry, Kind
from tools.lab.client import Lab

DOMAIN: Final = "lab.mesh"
ISSUER: Final = "lab"
FOLDER: Final = PurePosixPath("/var/lib/x0/identity")
SETTINGS: Final[dict[str, Any]] = {"link_security": "required"}  # in every node's x0.yaml
WRITE: Final = 'umask 077; mkdir -p "${1%/*}"; cat >"$1.new" && mv "$1.new" "$1"'


class Authority:
    """Root and issuer of one lab."""

    settings: Mapping[str, Any] = SETTINGS

    def __init__(self, algorithm: str = ML_DSA_65) -> None:
        now, self._algorithm = time.time(), algorithm
        root, issuer = keys.generate(algorithm), keys.generate(algorithm)
        self._root = Signer(issuing.root(root, DOMAIN, now), root)
        certificate = issuing.issuer(self._root, issuer.public_key(), DOMAIN, ISSUER, now)
        self._issuer = Signer(certificate, issuer)
        self._bundle = bundle.make(DOMAIN, 1, (self._root.certificate,))
        self._revoked: list[Entry] = []

    @staticmethod
    def name(node: str) -> str:
        """What a lab's node is called in its identity."""
        return f"{ISSUER}-{node}"

    @staticmethod
    def peer(node: str) -> str:
        """Its SPIFFE id."""
        return str(spiffe.of_node(DOMAIN, Authority.name(node)))

    def enrol(self, lab: Lab, node: str) -> None:
        """Give a node a fresh identity, and tell it whom it can trust."""
        key, now = keys.generate(self._algorithm), time.time()
        own = issuing.svid(
            self._issuer, key.public_key(), spiffe.of_node(DOMAIN, self.name(node)), ("router",), now
        )
        chain = (own.der, self._issuer.certificate.der)
        pems = (x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
        put(lab, node, BUNDLE, bundle.dump(self._bundle))
        put(lab, node, SVID, keys.to_pem(key) + b"".join(pems))

    def revoke(self, lab: Lab, revoked: Iterable[str], told: Iterable[str]) -> None:
        """Tell these nodes that those are revoked, and whoever was before."""
        now = time.time()
        self._revoked += [Entry(Kind.NODE, self.name(node), int(now)) for node in revoked]
        made = revocation.make(DOMAIN, len(self._revoked), self._revoked, self._root, now)
        for node in told:
            put(lab, node, REVOCATIONS, cbor.encode([[made, True]]))


def put(lab: Lab, node: str, name: str, data: bytes) -> None:
    """Put a file of a node's identity there, as the agent would: at once and private."""
    lab.exec(node, "sh", "-c", WRITE, "sh", str(FOLDER / name), stdin=data)
