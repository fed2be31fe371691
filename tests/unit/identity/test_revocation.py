# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: whole, counted up, each signer for itself, roots above issuers."""

from typing import Any

import pytest

from agent.codec import cbor
from agent.identity import issuing, keys, revocation, signed
from agent.identity.errors import RevocationError
from agent.identity.issuing import Signer
from agent.identity.limits import DAY, REVOCATION_LISTS, REVOCATIONS, YEAR
from agent.identity.moment import Moment
from agent.identity.revocation import Lists
from agent.identity.revoked import Entry, Kind, serial_value
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)
LOST = Entry(Kind.NODE, "n1", int(NOW), "lost")


def made(*entries: Entry, sequence: int = 1, signer: Signer | None = None) -> bytes:
    return revocation.make(DOMAIN, sequence, entries, signer or mesh().root, NOW)


def loaded(data: bytes, lists: Lists | None = None) -> revocation.RevocationList:
    return revocation.load(data, mesh().bundle, AT_NOW, (lists or Lists()).revoked)


def test_a_list_survives_its_bytes_and_names_nodes_keys_and_certificates() -> None:
    serial = serial_value(mesh().issuer.certificate.key_id, 2**158)
    entries = (LOST, Entry(Kind.KEY, "ab" * 32, 5), Entry(Kind.SERIAL, serial, 6, "stolen"))
    found = loaded(made(*entries))
    assert set(found.entries) == set(entries)
    assert (found.by_root, found.sequence, found.issued) == (True, 1, int(NOW))
    assert found.signer == mesh().root.certificate.key_id


def test_only_a_newer_list_of_a_signer_replaces_its_list() -> None:
    lists = Lists()
    assert lists.take(loaded(made(LOST, sequence=2)))
    assert not lists.take(loaded(made(sequence=1)))
    assert lists.revoked.node("n1") == LOST
    assert lists.take(loaded(made(sequence=3)))
    assert lists.revoked.node("n1") is None


def test_two_lists_with_one_number_are_an_error_that_names_the_cause() -> None:
    lists = Lists()
    lists.take(loaded(made(LOST)))
    assert not lists.take(loaded(made(LOST)))
    with pytest.raises(RevocationError, match="two copies of its key"):
        lists.take(loaded(made()))


def test_an_issuer_revokes_nodes_but_no_issuer() -> None:
    key = mesh().issuer.certificate.key_id
    entry = Entry(Kind.KEY, key.hex(), int(NOW))
    lists = Lists()
    lists.take(loaded(made(LOST, entry, signer=mesh().issuer)))
    assert lists.revoked.node("n1") == LOST
    assert lists.revoked.issuer(key) is None
    lists.take(loaded(made(entry)))
    assert lists.revoked.issuer(key) == entry


def test_the_list_of_a_revoked_issuer_says_nothing_and_is_taken_no_more() -> None:
    lists = Lists()
    lists.take(loaded(made(LOST, signer=mesh().issuer)))
    lists.take(loaded(made(Entry(Kind.KEY, mesh().issuer.certificate.key_id.hex(), int(NOW)))))
    assert lists.revoked.node("n1") is None
    with pytest.raises(RevocationError, match="is revoked"):
        loaded(made(LOST, sequence=2, signer=mesh().issuer), lists)


def test_of_several_entries_for_one_thing_the_earliest_stands() -> None:
    early = Entry(Kind.NODE, "n1", int(NOW) - 100, "seen by hill")
    lists = Lists()
    lists.take(loaded(made(LOST)))
    lists.take(loaded(made(early, signer=mesh().issuer)))
    assert lists.revoked.node("n1") == early


def test_a_list_outlasts_its_signer() -> None:
    late = Moment(NOW + 5 * YEAR)
    assert revocation.load(made(LOST, signer=mesh().issuer), mesh().bundle, late).entries == (LOST,)


def test_a_signer_from_the_future_is_refused_and_an_untrusted_clock_lets_it_be() -> None:
    early = NOW - 10 * YEAR
    with pytest.raises(RevocationError, match="a clock is wrong"):
        revocation.load(made(LOST), mesh().bundle, Moment(early))
    assert revocation.load(made(LOST), mesh().bundle, Moment(early, trusted=False)).entries == (LOST,)


def leaf_signer() -> Signer:
    return Signer(mesh().svid, mesh().node_key)


def stranger() -> Signer:
    key = keys.generate(keys.ML_DSA_65)
    return Signer(issuing.root(key, DOMAIN, NOW), key)


def impostor() -> Signer:
    return Signer(mesh().root.certificate, keys.generate(keys.ML_DSA_65))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (lambda: made(LOST, signer=leaf_signer()), "may not sign"),
        (lambda: made(LOST, signer=stranger()), "under no root"),
        (lambda: made(LOST, signer=impostor()), "does not fit"),
        (lambda: revocation.make("other.mesh", 1, [LOST], mesh().root, NOW), r"of mesh other\.mesh"),
        (lambda: signed.sign(b"\xa0", mesh().root, b"x0 bundle 1"), "does not fit"),
        (lambda: signed.sign(b"\xa0", mesh().root, revocation.PURPOSE), "other fields"),
        (lambda: signed.sign(b"\xff", mesh().root, revocation.PURPOSE), "not of the form"),
        (lambda: b"", "not of the form"),
        (lambda: b"\0" * 300_000, "not of the form"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_this_mesh_is_refused(data: Any, why: str) -> None:
    with pytest.raises(RevocationError, match=why):
        loaded(data())


@pytest.mark.parametrize(
    "row",
    [
        ["node", "N1", 1, ""],
        ["node", "n1", -1, ""],
        ["node", "n1", "1", ""],
        ["node", "n1", 1, "r" * 101],
        ["node", "n1", 1, "a\nb"],
        ["key", "AB" * 32, 1, ""],
        ["key", "ab" * 31, 1, ""],
        ["key", "ab" * 32 + ":1", 1, ""],
        ["serial", "ab" * 32, 1, ""],
        ["serial", "ab" * 32 + ":", 1, ""],
        ["person", "n1", 1, ""],
        ["node", "n1", 1],
        "node",
        [["node"], "n1", 1, ""],
    ],
)
def test_one_bad_entry_refuses_the_list_even_signed(row: object) -> None:
    payload = cbor.encode({1: DOMAIN, 2: 1, 3: 1, 4: [row]})
    with pytest.raises(RevocationError, match="entry that is none"):
        loaded(signed.sign(payload, mesh().root, revocation.PURPOSE))


def test_a_list_is_bounded() -> None:
    most = [Entry(Kind.NODE, f"n{number}", int(NOW + DAY), "") for number in range(REVOCATIONS)]
    assert len(loaded(made(*most)).entries) == REVOCATIONS
    with pytest.raises(RevocationError, match="a list holds"):
        made(*most, LOST)
    with pytest.raises(RevocationError, match="cannot be revoked"):
        made(Entry(Kind.KEY, "short", 1))


def test_signers_are_bounded() -> None:
    lists = Lists()
    root = mesh().root
    for number in range(REVOCATION_LISTS):
        key = keys.generate(keys.ML_DSA_65)
        signer = Signer(issuing.issuer(root, key.public_key(), DOMAIN, f"i{number}", NOW), key)
        lists.take(loaded(made(signer=signer)))
    with pytest.raises(RevocationError, match="more than"):
        lists.take(loaded(made()))
