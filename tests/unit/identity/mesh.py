# SPDX-License-Identifier: Apache-2.0
"""A small mesh for the tests of identity: one root, one issuer, one node, made once."""

from functools import cache
from typing import NamedTuple

from agent.identity import bundle, issuing, keys, spiffe
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate
from agent.identity.issuing import Signer

NOW = 1_800_000_000.0  # Unix seconds, January 2027
DOMAIN = "valley.mesh"


class Mesh(NamedTuple):
    """Keys and certificates of one mesh."""

    root: Signer
    issuer: Signer
    node_key: keys.PrivateKey
    svid: Certificate
    bundle: Bundle

    @property
    def chain(self) -> list[bytes]:
        """What the node shows in TLS."""
        return [self.svid.der, self.issuer.certificate.der]


@cache
def mesh(domain: str = DOMAIN, algorithm: str = keys.ML_DSA_65) -> Mesh:
    """The mesh `domain`, made at NOW."""
    root_key, issuer_key, node_key = (keys.generate(algorithm) for _ in range(3))
    root = Signer(issuing.root(root_key, domain, NOW), root_key)
    certificate = issuing.issuer(root, issuer_key.public_key(), domain, "hill", NOW)
    issuer = Signer(certificate, issuer_key)
    svid = issuing.svid(issuer, node_key.public_key(), spiffe.of_node(domain, "hill-n1"), ("router",), NOW)
    return Mesh(root, issuer, node_key, svid, bundle.make(domain, 1, (root.certificate,)))
