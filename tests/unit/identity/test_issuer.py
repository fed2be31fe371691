# SPDX-License-Identifier: Apache-2.0
"""Enrolment and renewal, from the messages' bytes to a peer that recognises the node."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.codec import cbor
from agent.identity import bundle, enrolment, issuing, keys, signerkey, spiffe, svid, token
from agent.identity.certificate import key_id_of
from agent.identity.enrolment import CHANNEL_BYTES, Request, Target
from agent.identity.errors import AuthorityError, EnrolmentError, TokenError
from agent.identity.issuer import RENEWAL_WINDOW, Issuer
from agent.identity.issuing import Signer
from agent.identity.keys import ML_DSA_65, ML_DSA_87
from agent.identity.limits import BACKDATE, DAY, SVID_LIFE, YEAR
from agent.identity.moment import Moment
from agent.identity.register import Register
from agent.identity.revoked import Entry, Kind, Revoked
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)
TOKEN_KEY = bytes(range(32))
CHANNEL = b"c" * CHANNEL_BYTES
TARGET = Target(DOMAIN, "hill", CHANNEL)


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    book = Register(tmp_path / "register.db")
    yield Issuer("hill", mesh().issuer, mesh().bundle, TOKEN_KEY, book)
    book.close()


def a_token(**options: object) -> str:
    return token.make(TOKEN_KEY, DOMAIN, "hill", NOW, **options)[0]  # type: ignore[arg-type]


class Applicant:
    """A node with its two keys."""

    def __init__(self, name: str = "hill-n7") -> None:
        self.name, self.tls, self.signing = name, keys.generate(ML_DSA_65), keys.generate(ML_DSA_65)

    def request(self, text: str = "", target: Target = TARGET, name: str = "", **further: Any) -> Request:
        """As the issuer reads it."""
        own = enrolment.ask(target, name or self.name, self.tls, self.signing, token=text, **further)
        return enrolment.decode_request(enrolment.encode_request(own))


def enrolled(issuer: Issuer, node: Applicant, **options: object) -> enrolment.Answer:
    answer = issuer.enrol(node.request(a_token(**options)), CHANNEL, AT_NOW)
    return enrolment.decode_answer(enrolment.encode_answer(answer))


def test_a_node_with_a_token_becomes_one_its_peers_recognise(issuer: Issuer) -> None:
    node = Applicant("Hill-N7")
    answer = enrolled(issuer, node, roles=("router", "gateway"))
    found = svid.verify(answer.svid, mesh().bundle, AT_NOW)
    assert (found.node, found.roles, found.key_id) == (
        "hill-n7",
        ("router", "gateway"),
        key_id_of(node.tls.public_key()),
    )
    assert found.not_after == NOW + SVID_LIFE
    signer = signerkey.verify(answer.signer, mesh().bundle, AT_NOW)
    assert (signer.node, signer.key_id) == ("hill-n7", key_id_of(node.signing.public_key()))
    assert found.not_before == NOW - BACKDATE


def test_the_certificate_of_the_signing_key_is_no_svid_and_the_svid_signs_no_statements(
    issuer: Issuer,
) -> None:
    answer = enrolled(issuer, Applicant())
    with pytest.raises(svid.SvidError) as caught:
        svid.verify(answer.signer, mesh().bundle, AT_NOW)
    assert {each.rule for each in caught.value.broken} == {"both-purposes", "bounded-life"}
    with pytest.raises(svid.SvidError, match="document-signing"):
        signerkey.verify(answer.svid, mesh().bundle, AT_NOW)


def test_a_signing_certificate_is_judged_at_the_time_of_the_statement(issuer: Issuer) -> None:
    answer = enrolled(issuer, Applicant())
    with pytest.raises(svid.SvidError, match="not-over"):
        signerkey.verify(answer.signer, mesh().bundle, Moment(NOW + 5 * YEAR))
    assert signerkey.verify(answer.signer, mesh().bundle, Moment(NOW + YEAR)).node == "hill-n7"


def test_a_token_is_good_for_its_uses_and_a_lost_answer_costs_none(issuer: Issuer) -> None:
    text = a_token(uses=2)
    first, second, third = Applicant("hill-a"), Applicant("hill-b"), Applicant("hill-c")
    for node in (first, first, second, first):
        issuer.enrol(node.request(text), CHANNEL, AT_NOW)
    with pytest.raises(TokenError, match="used up"):
        issuer.enrol(third.request(text), CHANNEL, AT_NOW)


@pytest.mark.parametrize(
    ("text", "moment", "reason"),
    [
        (lambda: token.make(TOKEN_KEY, "other.mesh", "hill", NOW)[0], AT_NOW, "mesh"),
        (lambda: token.make(TOKEN_KEY, DOMAIN, "dale", NOW)[0], AT_NOW, "issuer"),
        (lambda: token.make(bytes(32), DOMAIN, "hill", NOW)[0], AT_NOW, "forged"),
        (lambda: a_token(), Moment(NOW + 8 * DAY), "expired"),
        (lambda: a_token(serial="A17"), AT_NOW, "serial"),
        (lambda: "", AT_NOW, "form"),
    ],
    ids=["mesh", "issuer", "forged", "expired", "serial", "none"],
)
def test_a_bad_token_enrols_nobody_and_spends_nothing(
    issuer: Issuer, text: object, moment: Moment, reason: str
) -> None:
    with pytest.raises(TokenError) as caught:
        issuer.enrol(Applicant().request(text()), CHANNEL, moment)  # type: ignore[operator]
    assert caught.value.reason == reason
    assert issuer.register.nodes() == ()


def a_key(made: Any) -> bytes:
    found: bytes = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


@pytest.mark.parametrize("which", ["tls", "signing"])
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (lambda: b"garbage", "form"),
        (lambda: a_key(ed25519.Ed25519PrivateKey.generate()), "proof"),
        (lambda: a_key(keys.generate(ML_DSA_87)), "proof"),
        (lambda: a_key(keys.generate(ML_DSA_65)), "proof"),
    ],
    ids=["garbage", "Ed25519", "ML-DSA-87", "another's"],
)
def test_a_key_that_is_not_proved_or_not_of_the_suite_is_refused(
    issuer: Issuer, key: Any, reason: str, which: str
) -> None:
    request = msgspec.structs.replace(Applicant().request(a_token()), **{which: key()})
    with pytest.raises(EnrolmentError) as caught:
        issuer.enrol(request, CHANNEL, AT_NOW)
    assert caught.value.reason == reason
    assert issuer.register.nodes() == ()


@pytest.mark.parametrize("proof", ["tls_proof", "signing_proof"])
@pytest.mark.parametrize(
    "other",
    [
        {"target": Target("other.mesh", "hill", CHANNEL)},
        {"target": Target(DOMAIN, "dale", CHANNEL)},
        {"target": Target(DOMAIN, "hill", bytes(32))},
        {"name": "hill-n8"},
        {"text": "x0join.another"},
        {"serial": "A18"},
    ],
    ids=["mesh", "issuer", "channel", "name", "token", "serial"],
)
def test_a_proof_made_for_anything_else_proves_nothing(
    issuer: Issuer, other: dict[str, Any], proof: str
) -> None:
    """So a recorded request, or one that an issuer got, is of no use elsewhere."""
    node, text = Applicant(), a_token()
    before = node.request(**{"text": text, **other})
    request = msgspec.structs.replace(node.request(text), **{proof: getattr(before, proof)})
    with pytest.raises(EnrolmentError, match="did not sign this request") as caught:
        issuer.enrol(request, CHANNEL, AT_NOW)
    assert caught.value.reason == "proof"
    assert issuer.register.nodes() == ()


def test_a_key_cannot_be_taken_over_from_another_nodes_request(issuer: Issuer) -> None:
    node, thief = Applicant(), Applicant("hill-n8")
    theirs, text = node.request(a_token()), a_token()
    stolen = msgspec.structs.replace(thief.request(text), tls=theirs.tls, tls_proof=theirs.tls_proof)
    with pytest.raises(EnrolmentError, match="TLS key did not sign"):
        issuer.enrol(stolen, CHANNEL, AT_NOW)


def test_a_whole_request_is_no_use_in_another_channel(issuer: Issuer) -> None:
    request = Applicant().request(a_token())
    for channel, why in ((bytes(32), "did not sign"), (b"", "binding of 0 bytes")):
        with pytest.raises(EnrolmentError, match=why):
            issuer.enrol(request, channel, AT_NOW)
    assert issuer.enrol(request, CHANNEL, AT_NOW).svid


def test_one_key_for_both_ends_is_refused(issuer: Issuer) -> None:
    node = Applicant()
    node.signing = node.tls
    with pytest.raises(EnrolmentError, match="one key"):
        issuer.enrol(node.request(a_token()), CHANNEL, AT_NOW)


def test_an_issuer_without_a_trusted_clock_signs_nothing(issuer: Issuer) -> None:
    with pytest.raises(EnrolmentError, match="clock is not set"):
        issuer.enrol(Applicant().request(a_token()), CHANNEL, Moment(NOW, trusted=False))


def test_a_renewal_gives_a_new_key_and_keeps_the_signing_key(issuer: Issuer) -> None:
    node = Applicant()
    peer = svid.verify(enrolled(issuer, node, roles=("router",)).svid, mesh().bundle, AT_NOW)
    node.tls = keys.generate(ML_DSA_65)
    later = Moment(NOW + SVID_LIFE / 2)
    found = svid.verify(issuer.renew(peer, node.request(), CHANNEL, later).svid, mesh().bundle, later)
    assert (found.node, found.roles) == ("hill-n7", ("router",))
    assert found.key_id != peer.key_id
    assert found.not_after == later.at + SVID_LIFE


def test_a_renewal_with_another_signing_key_or_name_is_refused(issuer: Issuer) -> None:
    node, other = Applicant(), Applicant("hill-n7")
    peer = svid.verify(enrolled(issuer, node).svid, mesh().bundle, AT_NOW)
    with pytest.raises(EnrolmentError, match="asks with signing key") as caught:
        issuer.renew(peer, other.request(), CHANNEL, AT_NOW)
    assert caught.value.reason == "key-changed"
    with pytest.raises(EnrolmentError, match="asks for the name hill-n8"):
        issuer.renew(peer, node.request(name="hill-n8"), CHANNEL, AT_NOW)


def another(name: str, book: Path, token_key: bytes = b"") -> Issuer:
    """An issuer of the same mesh with keys and a book of its own."""
    key = keys.generate(ML_DSA_65)
    signer = Signer(issuing.issuer(mesh().root, key.public_key(), DOMAIN, name, NOW), key)
    return Issuer(name, signer, mesh().bundle, token_key, Register(book))


def test_a_stand_in_renews_a_node_that_shows_its_signing_certificate(issuer: Issuer, tmp_path: Path) -> None:
    node = Applicant()
    answer = enrolled(issuer, node)
    peer = svid.verify(answer.svid, mesh().bundle, AT_NOW)
    other = another("hill", tmp_path / "lake.db")
    renewed = other.renew(peer, node.request(certified=answer.signer), CHANNEL, AT_NOW)
    found = svid.verify(renewed.svid, mesh().bundle, AT_NOW)
    assert found.issuer_key_id == other.signer.certificate.key_id
    with pytest.raises(EnrolmentError, match="shows no certificate"):
        other.renew(peer, node.request(), CHANNEL, AT_NOW)
    stranger = enrolled(issuer, Applicant("hill-n8"))
    with pytest.raises(EnrolmentError, match="signing certificate of hill-n8"):
        other.renew(peer, node.request(certified=stranger.signer), CHANNEL, AT_NOW)
    with pytest.raises(EnrolmentError, match="document-signing"):
        other.renew(peer, node.request(certified=answer.svid), CHANNEL, AT_NOW)
    other.register.close()


def test_a_stand_in_enrols_nobody(issuer: Issuer, tmp_path: Path) -> None:
    other = another("hill", tmp_path / "lake.db")
    with pytest.raises(EnrolmentError, match="renews nodes and enrols none") as caught:
        other.enrol(Applicant().request(a_token()), CHANNEL, AT_NOW)
    assert caught.value.reason == "stand-in"
    other.register.close()


def test_no_issuer_gives_a_name_of_another_whatever_its_tokens_say(issuer: Issuer, tmp_path: Path) -> None:
    """Whoever holds a token of dale does not become a node of hill: not there, not here, not by renewal."""
    enrolled(issuer, Applicant())
    dale, at_dale = another("dale", tmp_path / "dale.db", TOKEN_KEY), Target(DOMAIN, "dale", CHANNEL)
    thief, text = Applicant(), token.make(TOKEN_KEY, DOMAIN, "dale", NOW)[0]
    with pytest.raises(EnrolmentError, match="hill-n7 is not a name of issuer dale") as caught:
        dale.enrol(thief.request(text, at_dale), CHANNEL, AT_NOW)
    assert caught.value.reason == "other-name"
    with pytest.raises(TokenError, match="is for issuer dale, this is hill"):
        issuer.enrol(thief.request(text), CHANNEL, AT_NOW)
    answer = dale.enrol(thief.request(text, at_dale, name="dale-n7"), CHANNEL, AT_NOW)
    peer = svid.verify(answer.svid, mesh().bundle, AT_NOW)
    asked = thief.request(name="dale-n7", certified=answer.signer)
    with pytest.raises(EnrolmentError, match="dale-n7 is not a name of issuer hill"):
        issuer.renew(peer, asked, CHANNEL, AT_NOW)
    dale.register.close()


def test_no_certificate_is_signed_for_a_name_of_another_issuer() -> None:
    key, theirs = keys.generate(ML_DSA_65).public_key(), spiffe.of_node(DOMAIN, "dale-n7")
    with pytest.raises(AuthorityError, match="is not a name of issuer hill"):
        issuing.svid(mesh().issuer, key, theirs, (), NOW)
    with pytest.raises(AuthorityError, match="is not a name of issuer hill"):
        issuing.signing_key(mesh().issuer, key, theirs, NOW)


def test_a_token_for_one_name_enrols_no_other_and_spends_nothing(issuer: Issuer) -> None:
    text = a_token(name="hill-roof")
    with pytest.raises(TokenError, match="gives the name hill-roof, not hill-n7") as caught:
        issuer.enrol(Applicant().request(text), CHANNEL, AT_NOW)
    assert caught.value.reason == "name"
    assert issuer.enrol(Applicant("hill-roof").request(text), CHANNEL, AT_NOW).svid


@pytest.mark.parametrize("kind", [Kind.NODE, Kind.KEY])
def test_the_revoked_are_neither_enrolled_nor_renewed(issuer: Issuer, kind: Kind) -> None:
    node = Applicant()
    peer = svid.verify(enrolled(issuer, node).svid, mesh().bundle, AT_NOW)
    value = "hill-n7" if kind is Kind.NODE else key_id_of(node.signing.public_key()).hex()
    revoked = Revoked({(kind, value): Entry(kind, value, int(NOW))})
    with pytest.raises(EnrolmentError, match="is revoked"):
        issuer.renew(peer, node.request(), CHANNEL, AT_NOW, revoked)
    with pytest.raises(EnrolmentError, match="is revoked"):
        issuer.enrol(node.request(a_token()), CHANNEL, AT_NOW, revoked)


def test_a_node_that_slept_a_winter_renews_and_one_that_slept_for_years_does_not(issuer: Issuer) -> None:
    node = Applicant()
    peer = svid.verify(enrolled(issuer, node).svid, mesh().bundle, AT_NOW)
    spring = Moment(peer.not_after + RENEWAL_WINDOW)
    renewed = svid.verify(issuer.renew(peer, node.request(), CHANNEL, spring).svid, mesh().bundle, spring)
    assert renewed.not_after == spring.at + SVID_LIFE
    with pytest.raises(EnrolmentError, match="more than a year ago"):
        issuer.renew(peer, node.request(), CHANNEL, Moment(spring.at + 1))


def test_certificates_never_outlive_their_issuer(issuer: Issuer) -> None:
    end = mesh().issuer.certificate.not_after
    late = Moment(end - DAY)
    text = token.make(TOKEN_KEY, DOMAIN, "hill", late.at)[0]
    answer = issuer.enrol(Applicant().request(text), CHANNEL, late)
    assert svid.verify(answer.svid, mesh().bundle, late).not_after == end


def test_an_answer_carries_no_bundle_and_nothing_else_beside_what_was_signed(issuer: Issuer) -> None:
    data = enrolment.encode_answer(enrolled(issuer, Applicant()))
    own, root = mesh().issuer.certificate.der, mesh().root.certificate.der
    assert root not in data
    assert data.count(own) == 2
    further = cbor.encode({**cbor.decode(data, len(data)), 3: bundle.dump(mesh().bundle)})  # type: ignore[dict-item]
    with pytest.raises(EnrolmentError, match="other fields"):
        enrolment.decode_answer(further)


@pytest.mark.parametrize("data", [b"", b"\xa0", b"\xff" * 100, b"\xa4" + b"\0" * 70_000])
def test_messages_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(EnrolmentError):
        enrolment.decode_request(data)
    with pytest.raises(EnrolmentError):
        enrolment.decode_answer(data)
