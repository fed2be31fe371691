# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's ML-DSA-65 vectors (C2SP, Apache-2.0), by each provider.

Signatures here are hedged, so the published ones are verified, and ours verified under the published keys.
Tests on mu (no message) are for an inner function no provider's interface has.
"""

from typing import Any

import pytest

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import Dsa
from tests.conformance.vectors import each_provider, groups, loaded


def dsa(name: str) -> Dsa:
    return loaded(name).dsa("ML-DSA-65")


def context(test: dict[str, Any]) -> bytes:
    return bytes.fromhex(test.get("ctx", ""))


@each_provider
def test_published_signatures_verify_or_do_not(name: str) -> None:
    wrong, valid, invalid = [], 0, 0
    for group in groups("mldsa_65_verify_test"):
        for test in group["tests"]:
            if "msg" not in test:
                continue
            public, message, signature = (
                bytes.fromhex(x) for x in (group["publicKey"], test["msg"], test["sig"])
            )
            found = dsa(name).verify(public, message, signature, context(test))
            valid, invalid = valid + found, invalid + (not found)
            if found != (test["result"] == "valid"):
                wrong.append((test["tcId"], test["comment"]))
    assert wrong == []
    assert valid >= 50
    assert invalid >= 50


def test_seeds_give_the_published_keys_which_verify_what_they_sign() -> None:
    own = dsa("cryptography")  # liboqs makes no key of a seed
    wrong, signed, refused = [], 0, 0
    for group in groups("mldsa_65_sign_seed_test"):
        for test in group["tests"]:
            if "msg" not in test:
                continue
            message = bytes.fromhex(test["msg"])
            try:
                pair = own.from_seed(bytes.fromhex(group["privateSeed"]))
                signature = own.sign(pair.secret, message, context(test))
            except ProviderError:
                refused += 1
                if test["result"] == "valid":
                    wrong.append(test["tcId"])
                continue
            signed += 1
            good = pair.public.hex() == group["publicKey"] and own.verify(
                pair.public, message, signature, context(test)
            )
            published = own.verify(pair.public, message, bytes.fromhex(test["sig"]), context(test))
            if test["result"] != "valid" or not good or not published:
                wrong.append(test["tcId"])
    assert wrong == []
    assert signed >= 50
    assert refused >= 3


def test_published_signatures_of_seeds_verify_with_the_other_provider() -> None:
    other = dsa("liboqs")
    wrong, tried = [], 0
    for group in groups("mldsa_65_sign_seed_test"):
        for test in group["tests"]:
            if test["result"] != "valid" or "msg" not in test:
                continue
            tried += 1
            public, message, signature = (
                bytes.fromhex(x) for x in (group["publicKey"], test["msg"], test["sig"])
            )
            if not other.verify(public, message, signature, context(test)):
                wrong.append(test["tcId"])
    assert tried >= 50
    assert wrong == []


@each_provider
def test_values_of_another_size_do_not_verify_and_do_not_raise(name: str) -> None:
    own = dsa(name)
    pair = own.generate()
    signature = own.sign(pair.secret, b"m", b"c")
    assert own.verify(pair.public, b"m", signature, b"c")
    assert not own.verify(pair.public[:-1], b"m", signature, b"c")
    assert not own.verify(pair.public, b"m", signature[:-1], b"c")
    assert not own.verify(pair.public, b"m", signature + b"\0", b"c")
    assert not own.verify(pair.public, b"m", signature, b"c" * 256)
    with pytest.raises(ProviderError, match="at most 255"):
        own.sign(pair.secret, b"m", b"c" * 256)
