# SPDX-License-Identifier: Apache-2.0
"""A node's identity files: read when they change, kept while they cannot be read, and judged by at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.codec import cbor
from agent.identity import issuing, keys, revocation, spiffe
from agent.identity.nodefiles import REVOCATIONS, Keyed, NodeFiles
from agent.identity.revoked import Entry, Kind
from agent.identity.svid import Verified
from agent.linksec.errors import PeerRefusedError, Reason, TlsError
from agent.linksec.nodetrust import News, NodeTrust
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

ME = f"spiffe://{DOMAIN}/node/hill-n1"
CHAIN = tuple(mesh().chain)


class Times:
    """The wall clock, and whether it is trusted."""

    def __init__(self) -> None:
        self.now, self.trusted = NOW + 60, True


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def files(tmp_path: Path) -> NodeFiles:
    made = NodeFiles(tmp_path / "identity")
    made.put_svid(Keyed(mesh().node_key, CHAIN))
    made.put_bundle(mesh().bundle)
    return made


def trust(folder: Path, times: Times, suite: str = "hybrid") -> NodeTrust:
    return NodeTrust(folder, suite, clock=lambda: times.now, clock_trusted=lambda: times.trusted)


def revoke(files: NodeFiles, name: str) -> None:
    entry = Entry(Kind.NODE, name, int(NOW))
    made = revocation.make(DOMAIN, 1, [entry], mesh().root, NOW)
    (files.folder / REVOCATIONS).write_bytes(cbor.encode([[made, True]]))


def test_an_enrolled_node_shows_itself_and_trusts_its_mesh(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times)
    assert made.look() == News(identity=True, trust=True)
    assert made.contexts().spiffe_id == ME
    assert (made.trust_domain, made.problem) == (DOMAIN, "")
    assert made.verify(CHAIN).peer == ME
    assert made.verify(CHAIN[:1]).peer == ME  # its issuer is known: ours
    own = made.own()
    assert (own.id, own.time_trusted) == (ME, True)
    assert own.left is not None
    assert 0 < own.left == (own.not_after or 0) - times.now


def test_nothing_changed_is_no_news(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times)
    made.look()
    before = made.contexts()
    assert made.look() == News()
    assert made.contexts() is before


def test_a_node_that_is_not_enrolled_says_so_and_trusts_nobody(tmp_path: Path, times: Times) -> None:
    made = trust(tmp_path / "identity", times)
    assert made.look() == News(trust=True)  # of the clock
    assert "must be enrolled" in made.problem
    assert made.own().problem == made.problem
    with pytest.raises(TlsError, match="no identity"):
        made.contexts()
    with pytest.raises(PeerRefusedError, match="nobody is trusted"):
        made.verify(CHAIN)


def test_it_begins_to_work_as_soon_as_it_is_enrolled(tmp_path: Path, times: Times) -> None:
    made = trust(tmp_path / "identity", times)
    made.look()
    files = NodeFiles(tmp_path / "identity")
    files.put_bundle(mesh().bundle)
    made.look()
    assert made.problem
    files.put_svid(Keyed(mesh().node_key, CHAIN))
    assert made.look() == News(identity=True, trust=True)
    assert made.contexts().spiffe_id == ME


def test_a_revocation_counts_at_the_next_look(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times)
    made.look()
    revoke(files, "hill-n1")
    assert made.look() == News(trust=True)
    with pytest.raises(PeerRefusedError) as caught:
        made.verify(CHAIN)
    assert caught.value.reason is Reason.REVOKED


def test_a_renewed_certificate_is_news_and_shown(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times)
    made.look()
    before = made.contexts()
    key = keys.generate(keys.ML_DSA_65)
    renewed = issuing.svid(
        mesh().issuer, key.public_key(), spiffe.of_node(DOMAIN, "hill-n1"), ("router",), NOW + 30
    )
    files.put_svid(Keyed(key, (renewed.der, CHAIN[1])))
    assert made.look() == News(identity=True)
    assert made.contexts() is not before


@pytest.mark.parametrize("name", ["svid.pem", "bundle.json"])
def test_a_damaged_file_changes_nothing_and_is_said(files: NodeFiles, times: Times, name: str) -> None:
    made = trust(files.folder, times)
    made.look()
    whole = (files.folder / name).read_bytes()
    (files.folder / name).write_bytes(whole[: len(whole) // 2])
    assert made.look() == News()
    assert made.problem
    assert made.contexts().spiffe_id == ME
    assert made.verify(CHAIN).peer == ME
    (files.folder / name).write_bytes(whole)
    made.look()
    assert made.problem == ""


def test_a_key_that_others_can_read_is_not_used(files: NodeFiles, times: Times) -> None:
    (files.folder / "svid.pem").chmod(0o644)
    made = trust(files.folder, times)
    made.look()
    assert "may be known" in made.problem
    with pytest.raises(TlsError):
        made.contexts()


def test_certificates_of_another_suite_are_refused_in_words(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times, suite="cnsa")
    made.look()
    assert "mldsa87" in made.problem


def test_the_clock_becoming_right_is_news_and_ends_what_has_run_out(files: NodeFiles, times: Times) -> None:
    times.trusted, times.now = False, 0.0
    made = trust(files.folder, times)
    made.look()
    assert made.verify(CHAIN).peer == ME  # the beginning is deferred, an end could not be seen
    times.trusted, times.now = True, NOW + 400 * 86_400
    assert made.look() == News(trust=True)
    with pytest.raises(PeerRefusedError):
        made.verify(CHAIN)


def test_who_the_policy_keeps_out_is_no_neighbour_and_the_revoked_are_told(
    files: NodeFiles, times: Times
) -> None:
    asked: list[str] = []

    def permit(found: Verified) -> str:
        asked.append(found.node)
        return "it floods"

    made = NodeTrust(
        files.folder, "hybrid", clock=lambda: times.now, clock_trusted=lambda: True, permit=permit
    )
    made.look()
    with pytest.raises(PeerRefusedError, match="it floods") as caught:
        made.verify(CHAIN)
    assert (caught.value.reason, asked) == (Reason.POLICY, ["hill-n1"])
    assert made.revoked.node("hill-n1") is None
    revoke(files, "hill-n1")
    made.look()
    assert made.revoked.node("hill-n1") is not None


def test_a_node_that_was_expelled_says_so_of_itself(files: NodeFiles, times: Times) -> None:
    made = trust(files.folder, times)
    made.look()
    assert made.own().revoked == ""
    revoke(files, "hill-n2")
    made.look()
    assert made.own().revoked == ""
    revoke(files, "hill-n1")
    made.look()
    assert "node hill-n1 is revoked" in made.own().revoked
