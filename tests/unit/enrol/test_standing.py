# SPDX-License-Identifier: Apache-2.0
"""What a node trusts: taken once verified, in force at once, on disk soon, handed on as it was signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.enrol.standing import MAX_REFUSED, Standing, first_bundle
from agent.identity import bundle, bundleupdate, issuing, keys, revocation
from agent.identity.errors import BundleError, IdentityError, RevocationError
from agent.identity.issuing import Signer
from agent.identity.limits import DAY, GRACE
from agent.identity.nodefiles import NodeFiles
from agent.identity.revoked import Entry, Kind
from tests.unit.enrol.world import Foreign
from tests.unit.identity.mesh import DOMAIN, NOW, mesh


def revoked(number: int, *names: str, signer: Signer | None = None, at: float = NOW) -> bytes:
    entries = [Entry(Kind.NODE, name, int(at)) for name in names]
    return revocation.make(DOMAIN, number, entries, signer or mesh().root, at)


def next_bundle() -> tuple[bytes, bundle.Bundle]:
    key = keys.generate(keys.ML_DSA_65)
    new = bundle.make(DOMAIN, 2, (mesh().root.certificate, issuing.root(key, DOMAIN, NOW)))
    return bundleupdate.make(new, mesh().root), new


def standing(path: Path, *, trusted: bool = True, now: float = NOW) -> Standing:
    return Standing(NodeFiles(path), mesh().bundle, lambda: (now, trusted), GRACE)


def test_a_list_is_in_force_at_once_and_after_a_restart(tmp_path: Path) -> None:
    own = standing(tmp_path)
    assert own.take_list(revoked(1, "hill-x"))
    assert own.revoked.node("hill-x")
    assert own.saved != own.changes
    own.save()
    assert own.saved == own.changes
    assert standing(tmp_path).revoked.node("hill-x")


def test_a_list_that_is_known_is_no_news(tmp_path: Path) -> None:
    own = standing(tmp_path)
    data = revoked(1, "hill-x")
    assert [own.take_list(data), own.take_list(data), own.changes] == [True, False, 1]


def test_a_full_disk_is_told_and_the_list_is_in_force_all_the_same(tmp_path: Path) -> None:
    own = standing(tmp_path)
    own.take_list(revoked(1, "hill-x"))
    (tmp_path / "revocations.cbor").mkdir()
    own.save()
    assert "revocations.cbor" in own.trouble
    assert own.saved != own.changes
    assert own.revoked.node("hill-x")
    (tmp_path / "revocations.cbor").rmdir()
    own.save()
    assert (own.trouble, own.saved) == ("", own.changes)


@pytest.mark.parametrize("who", ["node", "foreign"])
def test_a_list_that_nobody_may_sign_is_refused_and_remembered(tmp_path: Path, who: str) -> None:
    own = standing(tmp_path)
    signer = Foreign().issuer if who == "foreign" else Signer(mesh().svid, mesh().node_key)
    data = revoked(1, "hill-x", signer=signer)
    with pytest.raises(RevocationError):
        own.take_list(data)
    assert not own.revoked.node("hill-x")
    assert len(own.known()) == 1
    assert not own.documents()


def test_what_is_remembered_of_refusals_is_bounded_and_cleared_by_news(tmp_path: Path) -> None:
    own = standing(tmp_path)
    for number in range(MAX_REFUSED + 10):
        with pytest.raises(RevocationError):
            own.take_list(b"garbage %d" % number)
    assert len(own.known()) == MAX_REFUSED
    own.take_list(revoked(1, "hill-x"))
    assert own.known() == frozenset(own.documents())


def test_a_bundle_follows_its_update_and_the_update_is_handed_on_after_a_restart(tmp_path: Path) -> None:
    own = standing(tmp_path)
    data, new = next_bundle()
    assert own.take_bundle(data)
    assert own.bundle == new
    assert own.updates_after(1) == [data]
    assert own.updates_after(2) == []
    own.save()
    again = standing(tmp_path)
    assert again.bundle == new
    assert again.updates_after(1) == [data]


def test_a_bundle_that_a_foreign_root_signed_is_refused(tmp_path: Path) -> None:
    own = standing(tmp_path)
    foreign = Foreign()
    data = bundleupdate.make(bundle.make(DOMAIN, 2, (foreign.root.certificate,)), foreign.root)
    with pytest.raises(BundleError):
        own.take_bundle(data)
    assert own.bundle == mesh().bundle


def test_by_hand_either_is_taken_and_neither_is_explained(tmp_path: Path) -> None:
    own = standing(tmp_path)
    data, _ = next_bundle()
    assert own.take(data)
    assert own.take(revoked(1, "hill-x"))
    with pytest.raises(IdentityError, match="as a bundle"):
        own.take(b"a photograph")


def test_the_order_in_which_lists_come_makes_no_difference(tmp_path: Path) -> None:
    one, other = standing(tmp_path / "1"), standing(tmp_path / "2")
    lists = [revoked(1, "hill-x"), revoked(1, "hill-y", signer=mesh().issuer)]
    for data in lists:
        one.take_list(data)
    assert not other.documents()
    for data in reversed(lists):
        other.take_list(data)
    assert one.documents() == other.documents()


def test_grace_is_given_only_while_no_issuer_is_reachable(tmp_path: Path) -> None:
    own = standing(tmp_path)
    assert own.trust().grace == GRACE
    own.issuer_reachable = True
    assert own.trust().grace == 0.0


def test_without_a_clock_the_time_is_what_others_signed_and_not_trusted(tmp_path: Path) -> None:
    own = standing(tmp_path, trusted=False, now=0.0)
    before = own.moment()
    own.take_list(revoked(1, "hill-x", at=NOW))
    assert not before.trusted
    assert before.at < own.moment().at <= NOW
    assert not own.moment().trusted


def test_of_configuration_and_disk_the_newer_bundle_is_in_force(tmp_path: Path) -> None:
    _, new = next_bundle()
    NodeFiles(tmp_path).put_bundle(new)
    assert standing(tmp_path).bundle == new
    own = Standing(NodeFiles(tmp_path / "b"), new, lambda: (NOW, True), GRACE)
    own.save()
    assert standing(tmp_path / "b").bundle == new


def test_a_folder_of_another_mesh_is_said(tmp_path: Path) -> None:
    NodeFiles(tmp_path).put_bundle(mesh("other.mesh").bundle)
    with pytest.raises(BundleError, match="not of mesh"):
        standing(tmp_path)


def test_the_first_bundle_is_read_from_text_or_file_and_must_have_a_root(tmp_path: Path) -> None:
    text = bundle.dump(mesh().bundle).decode()
    path = tmp_path / "bundle.json"
    path.write_text(text)
    assert first_bundle(text, DOMAIN) == first_bundle(str(path), DOMAIN) == mesh().bundle
    with pytest.raises(BundleError, match="no root"):
        first_bundle('{"keys": []}', DOMAIN)
    with pytest.raises(IdentityError, match="cannot be read"):
        first_bundle(str(tmp_path / "none"), DOMAIN)


def test_a_damaged_file_of_updates_costs_no_trust(tmp_path: Path) -> None:
    own = standing(tmp_path)
    own.take_bundle(next_bundle()[0])
    own.save()
    (tmp_path / "bundle-updates.cbor").write_bytes(b"\xff")
    again = standing(tmp_path)
    assert again.updates_after(1) == []
    assert again.bundle == own.bundle
    assert "bundle-updates" in again.trouble


def test_lists_that_somebody_else_put_on_disk_are_taken_and_ours_stay(tmp_path: Path) -> None:
    own, other = standing(tmp_path), standing(tmp_path / "elsewhere")
    own.take_list(revoked(1, "hill-x"))
    own.save()
    assert not own.reread()
    other.take_list(revoked(1, "hill-y", signer=mesh().issuer))
    other.save()
    (tmp_path / "elsewhere" / "revocations.cbor").replace(tmp_path / "revocations.cbor")
    assert own.reread()
    assert own.revoked.node("hill-x")
    assert own.revoked.node("hill-y")
    assert own.saved != own.changes
    assert not own.reread()
    (tmp_path / "revocations.cbor").write_bytes(b"\xff")
    assert not own.reread()
    assert own.revoked.node("hill-x")


def test_the_floor_of_time_rises_with_the_trusted_clock(tmp_path: Path) -> None:
    own = standing(tmp_path, now=NOW + DAY)
    assert own.moment().trusted
    assert own.floor.at == NOW + DAY
