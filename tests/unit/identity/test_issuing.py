# SPDX-License-Identifier: Apache-2.0
"""What the issuing code puts into certificates, and what it leaves out."""

import pytest
from cryptography.x509.oid import ExtensionOID

from agent.identity import issuing, keys, spiffe, svid
from agent.identity.certificate import Certificate
from agent.identity.issuing import SERIAL_BITS
from agent.identity.moment import Moment
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

SERIAL_BYTES = 12
KEY_AND_SIGNATURE = 1_952 + 3_309  # FIPS 204, ML-DSA-65
REST = 350  # of an SVID with one role and short names


def signing_certificate() -> Certificate:
    own = mesh()
    key = keys.generate(keys.ML_DSA_65).public_key()
    return issuing.signing_key(own.issuer, key, spiffe.of_node(DOMAIN, svid_name()), NOW)


def svid_name() -> str:
    return svid.verify(mesh().chain, mesh().bundle, Moment(NOW)).node


@pytest.mark.parametrize("which", [lambda: mesh().svid, signing_certificate], ids=["svid", "signing"])
def test_a_leaf_carries_no_key_identifier_of_its_own(which: object) -> None:
    found = which().parsed.extensions  # type: ignore[operator]
    assert ExtensionOID.SUBJECT_KEY_IDENTIFIER not in {each.oid for each in found}
    basic = found.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS)
    assert (basic.value.ca, basic.critical) == (False, False)


def test_issuers_and_roots_keep_theirs_by_which_they_are_looked_up() -> None:
    assert mesh().issuer.certificate.subject_key == mesh().svid.authority_key
    assert mesh().root.certificate.subject_key == mesh().issuer.certificate.authority_key


def test_serials_are_random_and_of_twelve_octets_each() -> None:
    found = {
        certificate.serial
        for certificate in (
            mesh().root.certificate,
            mesh().issuer.certificate,
            mesh().svid,
            signing_certificate(),
        )
    }
    assert len(found) == 4
    assert {serial.bit_length() for serial in found} == {SERIAL_BITS}
    assert SERIAL_BITS < SERIAL_BYTES * 8  # the sign needs a bit


def test_an_svid_is_little_more_than_its_key_and_its_signature() -> None:
    assert len(mesh().svid.der) <= KEY_AND_SIGNATURE + REST
