# SPDX-License-Identifier: Apache-2.0
"""The trust bundle: SPIFFE's form, nobody else's roots, never backwards."""

import json
from typing import Any

import pytest

from agent.identity import bundle, bundleupdate, issuing, keys
from agent.identity.bundle import Bundle
from agent.identity.certificate import Certificate
from agent.identity.errors import BundleError
from agent.identity.issuing import Signer
from agent.identity.limits import BUNDLE_BYTES
from agent.identity.moment import Moment
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)


def document(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bundle.dump(mesh().bundle))
    return {**found, **changes}


def loaded(found: object) -> Bundle:
    return bundle.load(json.dumps(found).encode(), DOMAIN)


def another_root() -> Signer:
    key = keys.generate(keys.ML_DSA_65)
    return Signer(issuing.root(key, DOMAIN, NOW), key)


def test_a_bundle_survives_its_jwks_and_has_one_form() -> None:
    own = mesh().bundle
    data = bundle.dump(own)
    assert bundle.load(data, DOMAIN) == own
    assert bundle.dump(bundle.load(data, DOMAIN)) == data
    key = json.loads(data)["keys"][0]
    assert (key["kty"], key["use"], key["alg"], len(key["x5c"])) == ("AKP", "x509-svid", "ML-DSA-65", 1)
    assert "kid" not in key


def test_keys_of_other_uses_and_without_certificates_are_passed_over() -> None:
    keys_of_others = [
        {"kty": "EC", "use": "jwt-svid", "kid": "a"},
        {"kty": "AKP", "use": "x509-svid"},
        {"kty": "AKP", "use": "x509-svid", "x5c": []},
        {"use": "x509-svid", "x5c": ["x"]},
        "text",
    ]
    assert loaded(document(keys=[*keys_of_others, *document()["keys"]])) == mesh().bundle


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ([], "no list of keys"),
        ({"keys": {}}, "no list of keys"),
        (document(spiffe_sequence="1"), "whole number"),
        (document(spiffe_sequence=True), "whole number"),
        (document(spiffe_sequence=-1), "out of bounds"),
        (document(spiffe_sequence=2**53), "out of bounds"),
        (document(keys=document()["keys"] * 2), "one root twice"),
        (document(keys=document()["keys"] * 5), "at most 4"),
        (document(keys=[{**document()["keys"][0], "kty": "EC"}]), "key type 'EC'"),
        (document(keys=[{**document()["keys"][0], "alg": "ML-DSA-87"}]), "another key than its JWK"),
        (document(keys=[{**document()["keys"][0], "pub": "AAAA"}]), "another key than its JWK"),
        (document(keys=[{**document()["keys"][0], "x5c": ["%%%"]}]), "no base64"),
        (document(keys=[{**document()["keys"][0], "x5c": [5]}]), "no base64"),
        (document(keys=[{**document()["keys"][0], "x5c": ["AAAA"]}]), "cannot be read"),
    ],
)
def test_a_damaged_bundle_is_refused_whole(found: object, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        loaded(found)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"keys":[],"keys":[]}', b"[" * 100_000])
def test_what_is_no_json_or_names_a_thing_twice_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError):
        bundle.load(data, DOMAIN)
    with pytest.raises(BundleError, match="at most"):
        bundle.load(data + b" " * (BUNDLE_BYTES + 1), DOMAIN)


def test_a_foreign_root_is_never_merged_in() -> None:
    with pytest.raises(BundleError, match=r"not of mesh valley\.mesh but of spiffe://other\.mesh"):
        bundle.make(DOMAIN, 1, (mesh("other.mesh").root.certificate,))
    with pytest.raises(BundleError):
        bundle.load(bundle.dump(mesh("other.mesh").bundle), DOMAIN)


@pytest.mark.parametrize("which", [lambda: mesh().issuer.certificate, lambda: mesh().svid])
def test_an_issuer_or_a_node_is_no_root(which: Any) -> None:
    found: Certificate = which()
    with pytest.raises(BundleError, match="may not certify issuers"):
        bundle.make(DOMAIN, 1, (found,))


def test_a_rotation_is_followed_hop_by_hop() -> None:
    old, new = mesh().root, another_root()
    both = bundle.make(DOMAIN, 2, (old.certificate, new.certificate))
    alone = bundle.make(DOMAIN, 3, (new.certificate,))
    first, second = bundleupdate.make(both, old), bundleupdate.make(alone, new)
    assert bundleupdate.take(first, mesh().bundle, AT_NOW) == both
    assert bundleupdate.take(second, both, AT_NOW) == alone
    with pytest.raises(BundleError, match="under no root"):
        bundleupdate.take(second, mesh().bundle, AT_NOW)


def test_an_older_bundle_changes_nothing_and_a_fork_is_an_error() -> None:
    old, new = mesh().root, another_root()
    current = bundle.make(DOMAIN, 2, (old.certificate, new.certificate))
    assert bundleupdate.take(bundleupdate.make(mesh().bundle, old), current, AT_NOW) is current
    assert bundleupdate.take(bundleupdate.make(current, old), current, AT_NOW) is current
    fork = bundle.make(DOMAIN, 2, (old.certificate,))
    with pytest.raises(BundleError, match="both number 2"):
        bundleupdate.take(bundleupdate.make(fork, old), current, AT_NOW)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            lambda: bundleupdate.make(bundle.make(DOMAIN, 5, mesh().bundle.roots), mesh().issuer),
            "only a root",
        ),
        (
            lambda: bundleupdate.make(bundle.make(DOMAIN, 5, mesh().bundle.roots), another_root()),
            "under no root",
        ),
        (lambda: bundleupdate.make(bundle.make(DOMAIN, 5, ()), mesh().root), "no root"),
        (lambda: bundleupdate.make(mesh("other.mesh").bundle, mesh().root), "not of mesh"),
        (lambda: b"garbage", "not of the form"),
        (lambda: b"\0" * 200_000, "not of the form"),
    ],
)
def test_updates_nobody_may_make_are_refused(data: Any, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        bundleupdate.take(data(), mesh().bundle, AT_NOW)
