# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: whole, counted up, each signer for itself, roots above issuers."""

from typing import Any

import pytest

from agent.codec import cbor
from agent.identity import bundle, issuing, keys, revocation, signed
from agent.identity.errors import RevocationError
from agent.identity.issuing import Signer
from agent.identity.limits import DAY, LISTS_OF_ONE, REVOCATION_LISTS, REVOCATIONS, SEQUENCE_MAX, YEAR
from agent.identity.moment import Moment
from agent.identity.revocation import REASON_BYTES, Lists
from agent.identity.revoked import Entry, Kind, serial_value
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

AT_NOW = Moment(NOW)
LOST = Entry(Kind.NODE, "n1", int(NOW), "lost")
SOLD = Entry(Kind.NODE, "n2", int(NOW), "sold")
FOUND = Entry(Kind.NODE, "n3", int(NOW), "found at a neighbour's")
ROOT, HILL_ID = mesh().root.certificate.key_id.hex(), mesh().issuer.certificate.key_id
HILL = HILL_ID.hex()


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


def test_a_newer_list_replaces_the_signers_list_and_an_older_one_changes_nothing() -> None:
    lists = Lists()
    assert lists.take(loaded(made(LOST, sequence=2)))
    assert not lists.take(loaded(made(sequence=1)))
    assert not lists.take(loaded(made(LOST, sequence=2)))
    assert lists.take(loaded(made(LOST, SOLD, sequence=3)))
    assert [each.sequence for each in lists.all()] == [3]
    assert (lists.revoked.node("n1"), lists.revoked.node("n2"), lists.wrong) == (LOST, SOLD, ())


@pytest.mark.parametrize("sequence", [1, 2, SEQUENCE_MAX])
@pytest.mark.parametrize("honest_first", [True, False])
def test_a_list_that_leaves_something_out_takes_nothing_back_whatever_its_number(
    sequence: int, honest_first: bool
) -> None:
    honest, thiefs = loaded(made(LOST, sequence=2)), loaded(made(SOLD, sequence=sequence))
    lists = Lists()
    for each in (honest, thiefs) if honest_first else (thiefs, honest):
        assert lists.take(each)
    assert lists.revoked.node("n1") == LOST
    assert "two copies of its key" in lists.wrong[0]
    assert lists.take(loaded(made(LOST, FOUND, sequence=3)))
    assert lists.revoked.node("n3") == FOUND


def test_an_empty_list_of_the_highest_number_does_not_silence_its_signer() -> None:
    lists = Lists()
    lists.take(loaded(made(sequence=SEQUENCE_MAX)))
    assert lists.take(loaded(made(LOST, sequence=2)))
    assert lists.revoked.node("n1") == LOST


def test_a_signer_that_contradicts_itself_without_end_is_bounded() -> None:
    lists = Lists()
    for sequence, entry in enumerate((LOST, SOLD), 1):
        lists.take(loaded(made(entry, sequence=sequence)))
    with pytest.raises(RevocationError, match="things that contradict"):
        lists.take(loaded(made(FOUND, sequence=3)))
    assert len(lists.all()) == LISTS_OF_ONE


def test_an_issuer_revokes_nodes_but_no_issuer() -> None:
    key = mesh().issuer.certificate.key_id
    entry = Entry(Kind.KEY, key.hex(), int(NOW))
    lists = Lists()
    lists.take(loaded(made(LOST, entry, signer=mesh().issuer)))
    assert lists.revoked.node("n1") == LOST
    assert lists.revoked.issuer(key) is None
    lists.take(loaded(made(entry)))
    assert lists.revoked.issuer(key) == entry


def test_what_an_issuer_revoked_outlasts_its_own_revocation_and_it_says_nothing_new() -> None:
    lists = Lists(mesh().bundle)
    lists.take(loaded(made(LOST, signer=mesh().issuer)))
    lists.take(loaded(made(Entry(Kind.KEY, HILL, int(NOW)))))
    assert lists.revoked.node("n1") == LOST
    with pytest.raises(RevocationError, match="is revoked"):
        loaded(made(LOST, sequence=2, signer=mesh().issuer), lists)


def test_a_root_voids_what_a_stolen_issuer_said_and_an_issuer_voids_nobody() -> None:
    lists = Lists(mesh().bundle)
    lists.take(loaded(made(LOST, Entry(Kind.VOID, ROOT, int(NOW)), signer=mesh().issuer)))
    lists.take(loaded(made(SOLD)))
    assert (lists.revoked.node("n1"), lists.revoked.node("n2")) == (LOST, SOLD)
    lists.take(loaded(made(SOLD, Entry(Kind.VOID, HILL, int(NOW)), sequence=2)))
    assert (lists.revoked.node("n1"), lists.revoked.node("n2")) == (None, SOLD)


def test_what_a_root_revoked_outlasts_it_unless_the_next_root_voids_it() -> None:
    next_root, hill = stranger(), Entry(Kind.KEY, HILL, int(NOW))
    after = bundle.make(DOMAIN, 2, (next_root.certificate,))
    lists = Lists(mesh().bundle)
    lists.take(loaded(made(LOST, hill)))
    lists.settle(after)
    assert lists.revoked.node("n1") == LOST
    assert lists.revoked.issuer(mesh().issuer.certificate.key_id) == hill
    void = made(Entry(Kind.VOID, ROOT, int(NOW)), signer=next_root)
    assert lists.take(revocation.load(void, after, AT_NOW))
    assert lists.revoked.node("n1") is None


def test_a_root_that_has_left_voids_nothing_the_next_one_says() -> None:
    next_root = stranger()
    both = bundle.make(DOMAIN, 2, (mesh().root.certificate, next_root.certificate))
    lists = Lists(bundle.make(DOMAIN, 3, (next_root.certificate,)))
    theirs = Entry(Kind.VOID, next_root.certificate.key_id.hex(), int(NOW))
    for data in (made(theirs), made(LOST, signer=next_root)):
        lists.take(revocation.load(data, both, AT_NOW))
    assert lists.revoked.node("n1") == LOST


def test_of_several_entries_for_one_thing_the_earliest_stands() -> None:
    early = Entry(Kind.NODE, "n1", int(NOW) - 100, "seen by hill")
    lists = Lists()
    lists.take(loaded(made(LOST)))
    lists.take(loaded(made(early, signer=mesh().issuer)))
    assert lists.revoked.node("n1") == early


def test_a_list_outlasts_its_signer() -> None:
    late = Moment(NOW + 5 * YEAR)
    assert revocation.load(made(LOST, signer=mesh().issuer), mesh().bundle, late).entries == (LOST,)


@pytest.mark.parametrize("off", [-DAY, 3 * YEAR])
def test_a_list_dated_when_its_signer_was_not_valid_is_refused(off: float) -> None:
    data = revocation.make(DOMAIN, 1, [LOST], mesh().issuer, NOW + off)
    with pytest.raises(RevocationError, match="when its signer was not valid"):
        loaded(data)


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
        ["void", "n1", 1, ""],
        ["serial", "ab" * 32, 1, ""],
        ["serial", "ab" * 32 + ":", 1, ""],
        ["person", "n1", 1, ""],
        ["node", "n1", 1],
        "node",
        [["node"], "n1", 1, ""],
    ],
)
def test_one_bad_entry_refuses_the_list_even_signed(row: object) -> None:
    payload = cbor.encode({1: DOMAIN, 2: 1, 3: int(NOW), 4: [row]})
    with pytest.raises(RevocationError, match="entry that is none"):
        loaded(signed.sign(payload, mesh().root, revocation.PURPOSE))


def test_a_list_is_bounded() -> None:
    most = [Entry(Kind.NODE, f"n{number}", int(NOW + DAY), "") for number in range(REVOCATIONS)]
    assert len(loaded(made(*most)).entries) == REVOCATIONS
    with pytest.raises(RevocationError, match="a list holds"):
        made(*most, LOST)
    with pytest.raises(RevocationError, match="cannot be revoked"):
        made(Entry(Kind.KEY, "short", 1))


def test_the_longest_entries_of_a_full_list_fit_its_bound() -> None:
    """Four-byte characters in the reason, the longest serials, the larger signature."""
    strong = mesh(algorithm=keys.ML_DSA_87)
    reason = "\N{PILE OF POO}" * (REASON_BYTES // 4)
    rows = [
        Entry(Kind.SERIAL, serial_value(HILL_ID, 2**159 - 1 - number), 2**53 - 1, reason)
        for number in range(REVOCATIONS)
    ]
    data = revocation.make(DOMAIN, SEQUENCE_MAX, rows, strong.root, NOW)
    assert len(revocation.load(data, strong.bundle, AT_NOW).entries) == REVOCATIONS
    with pytest.raises(RevocationError, match="100 bytes"):
        made(Entry(Kind.NODE, "n1", 1, reason + "x"))


def an_issuer(name: str, life: float = YEAR) -> Signer:
    key = keys.generate(keys.ML_DSA_65)
    return Signer(issuing.issuer(mesh().root, key.public_key(), DOMAIN, name, NOW, life), key)


def full(life: float = YEAR) -> Lists:
    """A list of each of as many issuers as are kept, each with a word of its own; `life` of the first."""
    lists = Lists(mesh().bundle)
    for number in range(REVOCATION_LISTS):
        entry = Entry(Kind.NODE, f"i{number}-n", int(NOW))
        signer = an_issuer(f"i{number}", YEAR if number else life)
        lists.take(loaded(made(entry, signer=signer)))
    return lists


def test_signers_are_bounded_but_a_root_always_has_room() -> None:
    lists = full()
    with pytest.raises(RevocationError, match="more than"):
        lists.take(loaded(made(LOST, signer=an_issuer("late"))))
    assert lists.take(loaded(made(LOST)))
    assert len(lists.all()) == REVOCATION_LISTS + 1


def test_a_signer_that_was_revoked_makes_room_for_one_that_is_not() -> None:
    lists = full()
    gone = lists.all()[3].signer
    lists.take(loaded(made(Entry(Kind.KEY, gone.hex(), int(NOW)))))
    assert lists.take(loaded(made(SOLD, signer=an_issuer("late"))))
    assert gone not in {each.signer for each in lists.all()}


def test_a_signer_that_is_over_makes_room_for_one_that_is_not() -> None:
    lists, later = full(life=DAY), Moment(NOW + 2 * DAY)
    data = revocation.make(DOMAIN, 1, [SOLD], an_issuer("late"), later.at)
    assert lists.take(revocation.load(data, mesh().bundle, later))
    assert (lists.revoked.node("i0-n"), lists.revoked.node("n2")) == (None, SOLD)


def test_a_voided_list_goes_before_the_honest_one_it_copied() -> None:
    """Else a thief would push a list out by saying the same, and be voided then."""
    lists, thief = Lists(mesh().bundle), an_issuer("thief")
    lists.take(loaded(made(LOST, signer=an_issuer("honest"))))
    lists.take(loaded(made(LOST, FOUND, signer=thief)))
    for number in range(REVOCATION_LISTS - 2):
        entry = Entry(Kind.NODE, f"i{number}-n", int(NOW))
        lists.take(loaded(made(entry, signer=an_issuer(f"i{number}"))))
    lists.take(loaded(made(Entry(Kind.VOID, thief.certificate.key_id.hex(), int(NOW)))))
    assert lists.take(loaded(made(SOLD, signer=an_issuer("late"))))
    assert thief.certificate.key_id not in {each.signer for each in lists.all()}
    assert (lists.revoked.node("n1"), lists.revoked.node("n3")) == (LOST, None)
    with pytest.raises(RevocationError, match="more than"):
        lists.take(loaded(made(SOLD, FOUND, signer=an_issuer("later"))))


def test_retired_roots_do_not_outgrow_the_bound_of_what_is_kept() -> None:
    lists = full()
    lists.take(loaded(made(SOLD)))
    lists.settle(bundle.make(DOMAIN, 2, (stranger().certificate,)))
    assert len(lists.all()) == REVOCATION_LISTS


def test_a_list_that_says_only_what_others_say_makes_room_first() -> None:
    lists = full()
    idle = lists.all()[3]
    lists.take(loaded(made(Entry(Kind.KEY, lists.all()[4].signer.hex(), int(NOW)), *idle.entries)))
    assert lists.take(loaded(made(SOLD, signer=an_issuer("late"))))
    assert idle.signer not in {each.signer for each in lists.all()}
    assert lists.revoked.node(idle.entries[0].value) is not None
