# SPDX-License-Identifier: Apache-2.0
"""A few published vectors that are in the repository, so that no machine is without any."""

import base64
import hashlib
import json
from typing import Any

from agent.codec import cose
from tests.conformance.vectors import OWN, each_provider, loaded

VECTORS: dict[str, Any] = json.loads((OWN / "published.json").read_text())


def raw(name: str, field: str) -> bytes:
    return base64.b64decode(VECTORS[name][field])


@each_provider
def test_ml_kem_768_from_seed_to_secret(name: str) -> None:
    kem = loaded(name).kem("ML-KEM-768")
    pair = kem.from_seed(raw("mlkem768", "seed"))
    assert hashlib.sha256(pair.public).hexdigest() == VECTORS["mlkem768"]["ek_sha256"]
    assert kem.decapsulate(pair.secret, raw("mlkem768", "c")) == raw("mlkem768", "K")


@each_provider
def test_ml_dsa_65_verifies_with_its_context_only(name: str) -> None:
    public = loaded("cryptography").dsa("ML-DSA-65").from_seed(raw("mldsa65", "seed")).public
    assert hashlib.sha256(public).hexdigest() == VECTORS["mldsa65"]["pk_sha256"]
    verify = loaded(name).dsa("ML-DSA-65").verify
    message, signature, context = (raw("mldsa65", field) for field in ("msg", "sig", "ctx"))
    assert verify(public, message, signature, context)
    assert not verify(public, message, signature, b"")
    assert not verify(public, message + b"x", signature, context)


def test_cose_mac0_is_the_working_groups_example_byte_for_byte() -> None:
    vector = VECTORS["cose_mac0"]
    made = cose.mac0(vector["payload"].encode(), key=raw("cose_mac0", "key"), purpose=b"")
    assert made.hex().upper() == vector["cbor"]
    read = cose.read_mac0(made, 1000)
    assert cose.mac_matches(read, key=raw("cose_mac0", "key"), purpose=b"")
