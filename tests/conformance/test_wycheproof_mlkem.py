# SPDX-License-Identifier: Apache-2.0
"""Wycheproof's ML-KEM-768 vectors (C2SP, Apache-2.0), by each provider.

Encapsulation with a given random number is in no provider's interface: of those only the key is tried.
"""

from typing import Any

import pytest

from agent.identity.errors import ProviderError
from agent.identity.pqc.base import SHARED_BYTES, Kem
from tests.conformance.vectors import each_provider, groups, loaded


def vectors(name: str) -> list[dict[str, Any]]:
    return [
        test for group in groups(name) for test in group["tests"] if group["parameterSet"] == "ML-KEM-768"
    ]


def kem(name: str) -> Kem:
    return loaded(name).kem("ML-KEM-768")


@each_provider
def test_a_seed_gives_the_published_key(name: str) -> None:
    tried = vectors("mlkem_768_keygen_seed_test")
    wrong = [
        t["tcId"] for t in tried if kem(name).from_seed(bytes.fromhex(t["seed"])).public.hex() != t["ek"]
    ]
    assert len(tried) == 100
    assert wrong == []


@each_provider
def test_decapsulation_gives_the_published_secret_or_refuses(name: str) -> None:
    wrong, valid, invalid = [], 0, 0
    for test in vectors("mlkem_768_test"):
        seed, ciphertext = bytes.fromhex(test["seed"]), bytes.fromhex(test["c"])
        try:
            pair = kem(name).from_seed(seed)
            shared = kem(name).decapsulate(pair.secret, ciphertext)
        except ProviderError:
            invalid += 1
            if test["result"] == "valid":
                wrong.append(test["tcId"])
            continue
        valid += 1
        if test["result"] != "valid" or shared.hex() != test["K"] or pair.public.hex() != test["ek"]:
            wrong.append(test["tcId"])
    assert wrong == []
    assert (valid, invalid) == (153, 40)


@each_provider
def test_encapsulation_takes_good_keys_and_refuses_bad_ones(name: str) -> None:
    wrong, good, bad = [], 0, 0
    for test in vectors("mlkem_768_encaps_test"):
        try:
            shared, ciphertext = kem(name).encapsulate(bytes.fromhex(test["ek"]))
        except ProviderError:
            bad += 1
            if test["result"] == "valid":
                wrong.append(test["tcId"])
            continue
        good += 1
        if test["result"] != "valid" or len(shared) != SHARED_BYTES or len(ciphertext) != 1088:
            wrong.append(test["tcId"])
    assert wrong == []
    assert (good, bad) == (133, 132)


def test_expanded_keys_decapsulate_or_are_refused() -> None:
    liboqs = kem("liboqs")  # the other provider keeps seeds: it has no way in for an expanded key
    wrong, tried = [], vectors("mlkem_768_semi_expanded_decaps_test")
    for test in tried:
        try:
            shared = liboqs.decapsulate(bytes.fromhex(test["dk"]), bytes.fromhex(test["c"]))
        except ProviderError:
            if test["result"] == "valid":
                wrong.append(test["tcId"])
        else:
            if test["result"] != "valid" or shared.hex() != test["K"]:
                wrong.append(test["tcId"])
    assert len(tried) == 9
    assert wrong == []


@each_provider
@pytest.mark.parametrize("size", [0, 1, 63, 65, 2400])
def test_a_secret_of_another_size_is_refused_not_padded(name: str, size: int) -> None:
    own = kem(name)
    pair = own.generate()
    _, ciphertext = own.encapsulate(pair.public)
    if size != len(pair.secret):
        with pytest.raises(ProviderError, match=f"{size} bytes instead of"):
            own.decapsulate(b"\1" * size, ciphertext)
    with pytest.raises(ProviderError, match="instead of"):
        own.encapsulate(pair.public[:-1])
    with pytest.raises(ProviderError, match="instead of"):
        own.decapsulate(pair.secret, ciphertext + b"\0")
