# SPDX-License-Identifier: Apache-2.0
"""ML-DSA keys of certificates: made, written as PKCS#8 (the seed, RFC 9881), read again."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from agent.identity.errors import KeyFileError

ML_DSA_65, ML_DSA_87 = "ML-DSA-65", "ML-DSA-87"
PRIVATE: dict[str, Any] = {ML_DSA_65: mldsa.MLDSA65PrivateKey, ML_DSA_87: mldsa.MLDSA87PrivateKey}
PUBLIC: dict[str, Any] = {ML_DSA_65: mldsa.MLDSA65PublicKey, ML_DSA_87: mldsa.MLDSA87PublicKey}

PrivateKey = mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
PublicKey = mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey


def generate(algorithm: str) -> PrivateKey:
    """A new key from the system's random numbers."""
    key: PrivateKey = PRIVATE[algorithm].generate()
    return key


def algorithm_of(key: object) -> str:
    """`ML-DSA-65` or `ML-DSA-87`, "" for any other key."""
    for name in PRIVATE:
        if isinstance(key, (PRIVATE[name], PUBLIC[name])):
            return name
    return ""


def to_pem(key: PrivateKey) -> bytes:
    """The key as unencrypted PKCS#8: for files only their owner can read (keyfile.py)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(data: bytes, where: str) -> PrivateKey:
    """The key of a PEM file's first private key."""
    mend = "restore it from a backup, or make it anew (a node: enrol again; an issuer: x0 mesh issuer)"
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{where} holds no key that can be read ({error})", mend) from None
    if not algorithm_of(key):
        raise KeyFileError(f"{where} holds a {type(key).__name__}, not an ML-DSA key", mend)
    return key  # type: ignore[return-value]  # checked above
