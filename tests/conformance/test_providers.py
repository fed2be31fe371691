# SPDX-License-Identifier: Apache-2.0
"""What one provider makes, the other takes; and a missing one says so without touching the network."""

import ctypes.util
import importlib
import subprocess
import sys

import pytest

from agent.identity.errors import ProviderError
from agent.identity.pqc import by_liboqs
from agent.identity.pqc.base import KEMS, SIGNATURES
from agent.identity.pqc.choose import provider
from tests.conformance.vectors import loaded

BOTH_WAYS = pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cryptography", "cryptography"),
        ("cryptography", "liboqs"),
        ("liboqs", "cryptography"),
        ("liboqs", "liboqs"),
    ],
)


@BOTH_WAYS
@pytest.mark.parametrize("algorithm", KEMS)
def test_a_secret_encapsulated_by_one_is_decapsulated_by_the_other(
    one: str, other: str, algorithm: str
) -> None:
    holder, sender = loaded(one).kem(algorithm), loaded(other).kem(algorithm)
    pair = holder.generate()
    shared, ciphertext = sender.encapsulate(pair.public)
    assert holder.decapsulate(pair.secret, ciphertext) == shared
    forged = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    assert holder.decapsulate(pair.secret, forged) != shared


@BOTH_WAYS
@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_a_signature_of_one_is_verified_by_the_other(one: str, other: str, algorithm: str) -> None:
    signer, verifier = loaded(one).dsa(algorithm), loaded(other).dsa(algorithm)
    pair = signer.generate()
    for context in (b"", b"context"):
        signature = signer.sign(pair.secret, b"message", context)
        assert verifier.verify(pair.public, b"message", signature, context)
        assert not verifier.verify(pair.public, b"message", signature, b"another")
        assert not verifier.verify(pair.public, b"massage", signature, context)


@pytest.mark.parametrize("name", ["cryptography", "liboqs"])
def test_sizes_are_those_of_the_standards(name: str) -> None:
    own = loaded(name)
    for algorithm, sizes in KEMS.items():
        pair = own.kem(algorithm).generate()
        assert (len(pair.public), len(own.kem(algorithm).encapsulate(pair.public)[1])) == (
            sizes.public,
            sizes.output,
        )
    for algorithm, sizes in SIGNATURES.items():
        pair = own.dsa(algorithm).generate()
        assert (len(pair.public), len(own.dsa(algorithm).sign(pair.secret, b""))) == (
            sizes.public,
            sizes.output,
        )


def test_liboqs_makes_no_signature_key_of_a_seed_and_says_what_does() -> None:
    with pytest.raises(ProviderError, match="use the provider cryptography"):
        loaded("liboqs").dsa("ML-DSA-65").from_seed(b"\0" * 32)


def test_without_the_shared_library_nothing_is_imported_and_the_mend_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(by_liboqs, "library", lambda: "")
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"imported {name}"))
    with pytest.raises(ProviderError, match=r"not installed\. Mend: install the liboqs"):
        provider("liboqs")


def test_the_search_for_the_library_finds_nothing_in_an_empty_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setenv("OQS_INSTALL_PATH", str(tmp_path))
    assert by_liboqs.library() == ""


def test_an_unknown_provider_or_algorithm_is_named() -> None:
    with pytest.raises(ProviderError, match="'openssl'"):
        provider("openssl")
    with pytest.raises(ProviderError, match="'ML-KEM-512'"):
        provider().kem("ML-KEM-512")
    with pytest.raises(ProviderError, match="'RSA'"):
        provider().dsa("RSA")


def test_the_default_provider_does_not_load_the_other() -> None:
    code = (
        "import sys; from agent.identity.pqc.choose import provider; provider().version(); "
        "print('oqs' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )
