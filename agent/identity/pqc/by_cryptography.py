# SPDX-License-Identifier: Apache-2.0
"""The default provider: `cryptography`, whose wheels carry an OpenSSL with both. Secrets are seeds."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import CONTEXT_BYTES, KEMS, SIGNATURES, KeyPair, known, sized

_KEMS: dict[str, Any] = {
    "ML-KEM-768": (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    "ML-KEM-1024": (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
}
_DSAS: dict[str, Any] = {
    "ML-DSA-65": (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    "ML-DSA-87": (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}
MEND = "the other end sends what is no such value; look at its log"


class Kem:
    """ML-KEM of OpenSSL."""

    def __init__(self, name: str) -> None:
        self.sizes, self.name = known(name, KEMS), name
        self._private, self._public = _KEMS[name]

    def generate(self) -> KeyPair:
        return self._pair(self._private.generate())

    def from_seed(self, seed: bytes) -> KeyPair:
        return self._pair(self._private.from_seed_bytes(sized(seed, self.sizes.seed, f"{self.name}'s seed")))

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        try:
            key = self._public.from_public_bytes(
                sized(public, self.sizes.public, f"{self.name}'s public key")
            )
            shared, ciphertext = key.encapsulate()
        except ValueError as error:
            raise ProviderError(f"{self.name}: the public key is none ({error})", MEND) from None
        return shared, ciphertext

    def decapsulate(self, secret: bytes, ciphertext: bytes) -> bytes:
        key = self._private.from_seed_bytes(sized(secret, self.sizes.seed, f"{self.name}'s seed"))
        try:
            shared: bytes = key.decapsulate(sized(ciphertext, self.sizes.output, f"{self.name}'s ciphertext"))
        except ValueError as error:
            raise ProviderError(f"{self.name}: the ciphertext is none ({error})", MEND) from None
        return shared

    @staticmethod
    def _pair(key: Any) -> KeyPair:
        return KeyPair(key.public_key().public_bytes_raw(), key.private_bytes_raw())


class Dsa:
    """ML-DSA of OpenSSL."""

    def __init__(self, name: str) -> None:
        self.sizes, self.name = known(name, SIGNATURES), name
        self._private, self._public = _DSAS[name]

    def generate(self) -> KeyPair:
        return self._pair(self._private.generate())

    def from_seed(self, seed: bytes) -> KeyPair:
        return self._pair(self._private.from_seed_bytes(sized(seed, self.sizes.seed, f"{self.name}'s seed")))

    def sign(self, secret: bytes, message: bytes, context: bytes = b"") -> bytes:
        if len(context) > CONTEXT_BYTES:
            raise ProviderError(f"a context of {len(context)} bytes", f"use at most {CONTEXT_BYTES}")
        key = self._private.from_seed_bytes(sized(secret, self.sizes.seed, f"{self.name}'s seed"))
        signature: bytes = key.sign(message, context)
        return signature

    def verify(self, public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
        if (
            len(public) != self.sizes.public
            or len(signature) != self.sizes.output
            or len(context) > CONTEXT_BYTES
        ):
            return False
        try:
            self._public.from_public_bytes(public).verify(signature, message, context)
        except (InvalidSignature, ValueError):
            return False
        return True

    @staticmethod
    def _pair(key: Any) -> KeyPair:
        return KeyPair(key.public_key().public_bytes_raw(), key.private_bytes_raw())


class Cryptography:
    """The provider."""

    name = "cryptography"

    def version(self) -> str:
        """cryptography's and its OpenSSL's version."""
        import cryptography
        from cryptography.hazmat.backends.openssl import backend

        return f"cryptography {cryptography.__version__}, {backend.openssl_version_text()}"

    def kem(self, name: str) -> Kem:
        """An ML-KEM."""
        return Kem(name)

    def dsa(self, name: str) -> Dsa:
        """An ML-DSA."""
        return Dsa(name)
