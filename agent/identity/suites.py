# SPDX-License-Identifier: Apache-2.0
"""The sets of algorithms a mesh can choose, once, at `x0 mesh init`."""

from __future__ import annotations

from typing import NamedTuple

from agent.identity.errors import AuthorityError


class Suite(NamedTuple):
    """One set: FIPS 204 signatures, FIPS 203 key exchange, and the TLS group that holds it."""

    name: str
    signature: str
    kem: str
    tls_group: str
    tls_signature: str


# BSI wants hybrid key exchange, which X25519MLKEM768 is; CNSA 2.0 wants the large parameters and no hybrid.
STANDARD = Suite("standard", "ML-DSA-65", "ML-KEM-768", "X25519MLKEM768", "mldsa65")
CNSA = Suite("cnsa", "ML-DSA-87", "ML-KEM-1024", "MLKEM1024", "mldsa87")
SUITES = {suite.name: suite for suite in (STANDARD, CNSA)}


def find(name: str) -> Suite:
    """The suite of that name."""
    if name not in SUITES:
        raise AuthorityError(f"no suite is named {name[:40]!r}", f"use one of {', '.join(SUITES)}")
    return SUITES[name]


def of_signature(algorithm: str) -> Suite | None:
    """The suite whose certificates are of this algorithm."""
    return next((suite for suite in SUITES.values() if suite.signature == algorithm), None)
