# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes for all of identity that reads them: the package's own errors or a good value."""

import contextlib
import json

import cbor2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.codec import cbor, cose
from agent.codec.errors import CodecError
from agent.identity import bundle, bundleupdate, enrolment, revocation, sealed, spiffe, svid, token
from agent.identity.errors import IdentityError
from agent.identity.moment import Moment
from agent.identity.revoked import Entry, Kind
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

LIMIT = 100_000
AT_NOW = Moment(NOW)
TOKEN_KEY = bytes(32)
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")  # as certificate.py does

keys = st.integers(cbor.INT_MIN, cbor.INT_MAX) | st.text(max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(cbor.INT_MIN, cbor.INT_MAX)
    | st.binary(max_size=40)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(keys, inner, max_size=8),
    max_leaves=40,
)


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with a few bytes changed, taken out or put in, or its end missing."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(found))) if found else 0
        kind = draw(st.sampled_from("cdie"))
        if kind == "c" and at < len(found):
            found[at] = draw(st.integers(0, 255))
        elif kind == "d":
            del found[at : at + draw(st.integers(1, 50))]
        elif kind == "i":
            found[at:at] = draw(st.binary(max_size=20))
        elif kind == "e":
            del found[at:]
    return bytes(found)


@given(values)
def test_every_value_has_one_encoding_and_comes_back(value: object) -> None:
    data = cbor.encode(value)
    found = cbor.decode(data, LIMIT)
    assert found == value
    assert cbor.encode(found) == data


@given(values)
def test_another_implementation_reads_what_we_write(value: object) -> None:
    assert cbor2.loads(cbor.encode(value)) == value


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_what_the_decoder_takes_the_encoder_would_have_written(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert cbor.encode(cbor.decode(data, LIMIT)) == data


@given(values.flatmap(lambda value: spoilt(cbor.encode(value))))
@settings(max_examples=200)
def test_spoilt_cbor_is_refused_or_another_value_in_its_one_encoding(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert cbor.encode(cbor.decode(data, LIMIT)) == data


@given(values)
def test_what_another_implementation_writes_canonically_and_we_take_is_the_same_value(value: object) -> None:
    data = cbor2.dumps(value, canonical=True)
    with contextlib.suppress(CodecError):  # its order of keys is the older one: not always ours
        assert cbor.decode(data, LIMIT) == value


SIGNED = cose.sign1(
    b"payload", algorithm="ML-DSA-65", sign=lambda message: b"s" * 64, purpose=b"p", chain=(b"a", b"b")
)
MACED = cose.mac0(b"payload", key=TOKEN_KEY, purpose=b"p")


@given(st.binary(max_size=300) | spoilt(SIGNED) | values.map(cbor.encode))
def test_cose_sign1(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        cose.read_sign1(data, LIMIT)


@given(st.binary(max_size=300) | spoilt(MACED))
def test_a_changed_mac_message_never_matches(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        read = cose.read_mac0(data, LIMIT)
        assert not cose.mac_matches(read, key=TOKEN_KEY, purpose=b"p") or data == MACED


@given(spoilt(mesh().svid.der), st.booleans())
@settings(max_examples=200)
def test_a_spoilt_certificate_is_refused_by_a_rule(data: bytes, as_issuer: bool) -> None:
    own = mesh()
    chain = [own.svid.der, data] if as_issuer else [data, own.issuer.certificate.der]
    if data != own.svid.der or as_issuer:
        with pytest.raises(svid.SvidError):
            svid.verify(chain, own.bundle, AT_NOW)


@given(spoilt(mesh().issuer.certificate.der))
@settings(max_examples=200)
def test_a_spoilt_issuer_is_refused_by_a_rule(data: bytes) -> None:
    own = mesh()
    if data != own.issuer.certificate.der:
        with pytest.raises(svid.SvidError):
            svid.verify([own.svid.der, data], own.bundle, AT_NOW)


@given(st.lists(st.binary(max_size=100), max_size=6), st.floats(allow_nan=False), st.booleans())
def test_garbage_chains_are_refused_at_any_time(chain: list[bytes], at: float, trusted: bool) -> None:
    with pytest.raises(svid.SvidError):
        svid.verify(chain, mesh().bundle, Moment(at, trusted))


@given(st.floats(allow_nan=False), st.booleans(), st.floats(0, 1e12))
def test_any_clock_gives_a_verdict(at: float, trusted: bool, grace: float) -> None:
    with contextlib.suppress(svid.SvidError):
        found = svid.verify(mesh().chain, mesh().bundle, Moment(at, trusted), grace=grace)
        assert at <= found.not_after + grace


JWKS = bundle.dump(mesh().bundle)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
jwk = st.fixed_dictionaries({}, optional=dict.fromkeys(("kty", "use", "x5c", "alg", "pub"), json_values))
jwks = st.fixed_dictionaries({"keys": st.lists(jwk)}, optional={"spiffe_sequence": json_values})


@given(st.binary(max_size=200) | spoilt(JWKS) | jwks.map(lambda found: json.dumps(found).encode()))
def test_bundles(data: bytes) -> None:
    with contextlib.suppress(IdentityError):
        found = bundle.load(data, DOMAIN)
        assert bundle.load(bundle.dump(found), DOMAIN) == found


UPDATE = bundleupdate.make(bundle.make(DOMAIN, 2, mesh().bundle.roots), mesh().root)
LIST = revocation.make(DOMAIN, 1, [Entry(Kind.NODE, "n1", 1, "lost")], mesh().root, NOW)


@given(st.binary(max_size=200) | spoilt(UPDATE) | spoilt(LIST))
@settings(max_examples=100)
def test_nothing_but_what_a_root_signed_changes_the_bundle(data: bytes) -> None:
    if data != UPDATE:
        with pytest.raises(IdentityError):
            bundleupdate.take(data, mesh().bundle, AT_NOW)


@given(st.binary(max_size=200) | spoilt(LIST) | spoilt(UPDATE))
@settings(max_examples=100)
def test_nothing_but_what_was_signed_revokes(data: bytes) -> None:
    if data != LIST:
        with pytest.raises(IdentityError):
            revocation.load(data, mesh().bundle, AT_NOW)


TOKEN = token.make(TOKEN_KEY, DOMAIN, "hill", NOW)[0]


@given(
    st.text(max_size=200)
    | st.text(max_size=200).map(lambda text: token.PREFIX + text)
    | spoilt(TOKEN.encode()).map(lambda raw: raw.decode("latin-1"))
)
def test_nothing_but_the_token_is_the_token(text: str) -> None:
    if text.strip() != TOKEN:
        with pytest.raises(IdentityError):
            token.check(text, TOKEN_KEY, DOMAIN, "hill", AT_NOW, "hill-n1")


REQUEST = enrolment.encode_request(
    enrolment.Request("n1", b"tls", b"signing", b"t", b"s", TOKEN, "A17", (b"a", b"b"))
)
ANSWER = enrolment.encode_answer(enrolment.Answer((b"a", b"b"), (b"c", b"d")))


@given(st.binary(max_size=200) | spoilt(REQUEST) | values.map(cbor.encode))
def test_requests(data: bytes) -> None:
    with contextlib.suppress(IdentityError):
        assert enrolment.encode_request(enrolment.decode_request(data)) == data


@given(st.binary(max_size=200) | spoilt(ANSWER) | values.map(cbor.encode))
def test_answers(data: bytes) -> None:
    with contextlib.suppress(IdentityError):
        assert enrolment.encode_answer(enrolment.decode_answer(data)) == data


TARGET = enrolment.Target(DOMAIN, "hill", bytes(enrolment.CHANNEL_BYTES))
ASKED = enrolment.ask(TARGET, "n1", mesh().node_key, mesh().issuer.key)


@given(st.binary(max_size=4_000) | spoilt(ASKED.tls), st.binary(max_size=4_000) | spoilt(ASKED.tls_proof))
def test_nothing_but_the_key_and_its_signature_prove_a_key(tls: bytes, proof: bytes) -> None:
    if (tls, proof) != (ASKED.tls, ASKED.tls_proof):
        changed = msgspec.structs.replace(ASKED, tls=tls, tls_proof=proof)
        with pytest.raises(IdentityError):
            enrolment.proved_keys(changed, TARGET, mesh().bundle.algorithms)


@given(st.text(max_size=300) | st.text(max_size=60).map(lambda text: f"spiffe://{text}"))
def test_spiffe_ids_that_are_taken_read_back_letter_by_letter(text: str) -> None:
    with contextlib.suppress(IdentityError):
        assert str(spiffe.parse(text)) == text


SEALED = sealed.seal(b"secret", "a passphrase", n=2**4)


@given(st.binary(max_size=200) | spoilt(SEALED.replace(b'"n": 16', b'"n": 2')))
def test_sealed_keys(data: bytes) -> None:
    with pytest.raises(IdentityError):
        sealed.unseal(data, "a passphrase", "here")
