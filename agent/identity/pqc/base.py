# SPDX-License-Identifier: Apache-2.0
"""The interface of a provider. Keys are raw bytes; only public ones mean the same to every provider."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from agent.identity.errors import ProviderError


class Sizes(NamedTuple):
    """Bytes, by FIPS 203 table 3 and FIPS 204 table 2. `output`: ciphertext or signature."""

    public: int
    output: int
    seed: int


KEMS = {"ML-KEM-768": Sizes(1184, 1088, 64), "ML-KEM-1024": Sizes(1568, 1568, 64)}
SIGNATURES = {"ML-DSA-65": Sizes(1952, 3309, 32), "ML-DSA-87": Sizes(2592, 4627, 32)}
SHARED_BYTES = 32
CONTEXT_BYTES = 255  # FIPS 204, 5.2
MESSAGE_BYTES = 16_777_216  # of one message; bounds the work of one call


class KeyPair(NamedTuple):
    """`secret` is the provider's own form: a seed with cryptography, the expanded key with liboqs."""

    public: bytes
    secret: bytes


class Kem(Protocol):
    """One ML-KEM parameter set. ProviderError for values of the wrong size or form."""

    name: str

    def generate(self) -> KeyPair:
        """A new key pair."""
        ...

    def from_seed(self, seed: bytes) -> KeyPair:
        """The key pair of FIPS 203's 64-byte seed (d, z)."""
        ...

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """Shared secret and ciphertext for the holder of `public`."""
        ...

    def decapsulate(self, secret: bytes, ciphertext: bytes) -> bytes:
        """The shared secret; for a forged ciphertext another one, by design (implicit rejection)."""
        ...


class Dsa(Protocol):
    """One ML-DSA parameter set, the pure version with context. ProviderError as above."""

    name: str

    def generate(self) -> KeyPair:
        """A new key pair."""
        ...

    def from_seed(self, seed: bytes) -> KeyPair:
        """The key pair of FIPS 204's 32-byte seed; ProviderError where the provider cannot."""
        ...

    def sign(self, secret: bytes, message: bytes, context: bytes = b"") -> bytes:
        """A hedged signature."""
        ...

    def verify(self, public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
        """Is it the signature of `message`? False for any size or form that is none; raises for no value."""
        ...


class Provider(Protocol):
    """A library that has the primitives."""

    name: str

    def version(self) -> str:
        """The library's version, for the page and reports."""
        ...

    def kem(self, name: str) -> Kem:
        """A key encapsulation by FIPS 203's name."""
        ...

    def dsa(self, name: str) -> Dsa:
        """A signature by FIPS 204's name."""
        ...


def sized(value: bytes, size: int, what: str) -> bytes:
    """`value` as bytes where it has that size; some libraries pad or cut what has not."""
    if len(value) != size:
        raise ProviderError(
            f"{what} has {len(value)} bytes instead of {size}", "both ends must use the same algorithm"
        )
    return bytes(value)


def known(name: str, table: dict[str, Sizes]) -> Sizes:
    """The sizes of an algorithm we take."""
    if name not in table:
        raise ProviderError(f"algorithm {name[:40]!r} is none of {', '.join(table)}", "choose one of those")
    return table[name]
