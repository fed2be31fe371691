# SPDX-License-Identifier: Apache-2.0
"""The optional provider: liboqs through liboqs-python. Secrets are FIPS's expanded keys.

Importing `oqs` without the C library waits, tries to fetch and build it, and ends the process. So the shared
library is looked for first, in the places `oqs` itself looks. The wrapper pads short values with zeros, so
sizes are checked here before it sees them.
"""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.metadata
import os
import warnings
from pathlib import Path
from typing import Any

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import CONTEXT_BYTES, KEMS, SIGNATURES, KeyPair, known, sized

MEND = "install the liboqs shared library and liboqs-python, or choose the provider cryptography"
_SECRETS = {"ML-KEM-768": 2400, "ML-KEM-1024": 3168, "ML-DSA-65": 4032, "ML-DSA-87": 4896}  # FIPS 203, 204


def library() -> str:
    """Where the shared library is, "" where there is none. Imports nothing."""
    found = ctypes.util.find_library("oqs")
    if found:
        return found
    home = Path(os.environ.get("OQS_INSTALL_PATH") or Path.home() / "_oqs")
    places = (home / folder / "liboqs.so" for folder in ("lib", "lib64"))
    return next((str(place) for place in places if place.is_file()), "")


class Kem:
    """ML-KEM of liboqs."""

    def __init__(self, oqs: Any, name: str) -> None:
        self.sizes, self.name, self._oqs = known(name, KEMS), name, oqs

    def generate(self) -> KeyPair:
        with self._oqs.KeyEncapsulation(self.name) as kem:
            return KeyPair(kem.generate_keypair(), kem.export_secret_key())

    def from_seed(self, seed: bytes) -> KeyPair:
        with self._oqs.KeyEncapsulation(self.name) as kem:
            public = kem.generate_keypair_seed(sized(seed, self.sizes.seed, f"{self.name}'s seed"))
            return KeyPair(public, kem.export_secret_key())

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        own = sized(public, self.sizes.public, f"{self.name}'s public key")
        with self._oqs.KeyEncapsulation(self.name) as kem:
            try:
                ciphertext, shared = kem.encap_secret(own)
            except RuntimeError as error:
                raise ProviderError(f"{self.name}: the public key is none ({error})", MEND) from None
        return bytes(shared), bytes(ciphertext)

    def decapsulate(self, secret: bytes, ciphertext: bytes) -> bytes:
        own = sized(secret, _SECRETS[self.name], f"{self.name}'s secret key")
        with self._oqs.KeyEncapsulation(self.name, own) as kem:
            try:
                return bytes(
                    kem.decap_secret(sized(ciphertext, self.sizes.output, f"{self.name}'s ciphertext"))
                )
            except RuntimeError as error:
                raise ProviderError(f"{self.name}: the ciphertext is none ({error})", MEND) from None


class Dsa:
    """ML-DSA of liboqs."""

    def __init__(self, oqs: Any, name: str) -> None:
        self.sizes, self.name, self._oqs = known(name, SIGNATURES), name, oqs

    def generate(self) -> KeyPair:
        with self._oqs.Signature(self.name) as dsa:
            return KeyPair(dsa.generate_keypair(), dsa.export_secret_key())

    def from_seed(self, seed: bytes) -> KeyPair:
        raise ProviderError(
            f"liboqs makes no {self.name} key of a seed of {len(seed)} bytes",
            "use the provider cryptography for it",
        )

    def sign(self, secret: bytes, message: bytes, context: bytes = b"") -> bytes:
        if len(context) > CONTEXT_BYTES:
            raise ProviderError(f"a context of {len(context)} bytes", f"use at most {CONTEXT_BYTES}")
        own = sized(secret, _SECRETS[self.name], f"{self.name}'s secret key")
        with self._oqs.Signature(self.name, own) as dsa:
            return bytes(dsa.sign_with_ctx_str(message, context))

    def verify(self, public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
        if (
            len(public) != self.sizes.public
            or len(signature) != self.sizes.output
            or len(context) > CONTEXT_BYTES
        ):
            return False
        with self._oqs.Signature(self.name) as dsa:
            return bool(dsa.verify_with_ctx_str(message, signature, context, public))


class Liboqs:
    """The provider. ProviderError where the library or its wrapper is missing; nothing is fetched."""

    name = "liboqs"

    def __init__(self) -> None:
        where = library()
        if not where:
            raise ProviderError("the shared library liboqs is not installed", MEND)
        try:
            importlib.metadata.version("liboqs-python")  # PyPI's `oqs` is another project, not to be imported
        except importlib.metadata.PackageNotFoundError:
            raise ProviderError(
                f"liboqs is there ({where}), its Python package liboqs-python is not", MEND
            ) from None
        with warnings.catch_warnings():  # of the wrapper: that its version is not the library's
            warnings.simplefilter("ignore")
            try:
                self._oqs: Any = importlib.import_module("oqs")
                missing = [
                    *(name for name in KEMS if name not in self._oqs.get_enabled_kem_mechanisms()),
                    *(name for name in SIGNATURES if name not in self._oqs.get_enabled_sig_mechanisms()),
                ]
            except (ImportError, AttributeError, OSError, RuntimeError, SystemExit) as error:
                raise ProviderError(f"liboqs at {where} cannot be used ({error})", MEND) from None
        if missing:
            raise ProviderError(f"liboqs at {where} was built without {', '.join(missing)}", MEND)

    def version(self) -> str:
        """The C library's version."""
        return f"liboqs {self._oqs.oqs_version()}"

    def kem(self, name: str) -> Kem:
        """An ML-KEM."""
        return Kem(self._oqs, name)

    def dsa(self, name: str) -> Dsa:
        """An ML-DSA."""
        return Dsa(self._oqs, name)
