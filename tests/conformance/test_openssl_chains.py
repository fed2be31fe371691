# SPDX-License-Identifier: Apache-2.0
"""Our path checks beside OpenSSL's: it takes our chains, and alone it would take most of those we refuse."""

import datetime
from typing import Any

import pytest

from tests.unit.identity.forge import issuer, leaf
from tests.unit.identity.mesh import NOW, mesh
from tests.unit.identity.test_rules import BREAKS, Break

SSL: Any = pytest.importorskip("OpenSSL", reason="pyOpenSSL is not among the locked libraries yet")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Parsed a serial number")


def openssl_accepts(chain: list[bytes]) -> bool:
    """Does OpenSSL accept the chain under our root, at NOW?"""
    crypto = SSL.crypto
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(mesh().root.certificate.parsed))
    store.set_time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
    try:
        loaded = [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in chain]
        crypto.X509StoreContext(store, loaded[0], loaded[1:]).verify_certificate()
    except (crypto.Error, crypto.X509StoreContextError):
        return False
    return True


def test_openssl_takes_our_chains_with_their_critical_name_constraint() -> None:
    assert openssl_accepts(mesh().chain)
    assert openssl_accepts([leaf(), issuer()])


@pytest.mark.parametrize("each", [b for b in BREAKS if b.rule == "trust-domain"], ids=lambda each: each.how)
def test_openssl_holds_an_issuer_to_its_mesh(each: Break) -> None:
    assert not openssl_accepts(each.chain())


def test_openssl_alone_would_take_most_chains_that_break_a_rule() -> None:
    taken = [each for each in BREAKS if openssl_accepts(each.chain())]
    assert len(taken) > len(BREAKS) / 2
    assert {"one-uri", "spiffe-id", "node-path", "leaf-not-ca", "both-purposes"} <= {
        each.rule for each in taken
    }
