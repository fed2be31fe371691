# SPDX-License-Identifier: Apache-2.0
"""From blank nodes with a YAML to an enrolled row, over wires in namespaces of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.identity import issuing, keys, revocation, spiffe
from agent.identity.keys import ML_DSA_65
from agent.identity.limits import DAY
from agent.identity.nodefiles import Keyed, NodeFiles
from agent.identity.revoked import Entry, Kind
from agent.linksec.errors import Reason
from agent.linksec.report import Kind as Event
from tests.integration.enrol.nets import row
from tests.integration.enrol.running import Node, running, wall, yaml
from tests.integration.netns import missing
from tests.unit.enrol.world import a_token, folder_of, identity
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


@pytest.fixture(scope="module")
def names() -> Iterator[dict[str, str]]:
    with row("e") as made:
        yield made


def issuing_node(names: dict[str, str], path: Path) -> Node:
    folder_of(path / "a" / "issuer", mesh().issuer)
    return Node(names, "a", yaml("hill", path / "a", ["e1"], issuer=True))


def revocations(number: int, *nodes: str) -> bytes:
    entries = [Entry(Kind.NODE, node, int(NOW), "test") for node in nodes]
    return revocation.make(DOMAIN, number, entries, mesh().root, NOW)


def test_blank_nodes_enrol_through_their_neighbours_and_a_revocation_crosses_the_row(
    names: dict[str, str], tmp_path: Path
) -> None:
    token = a_token(uses=2)
    a = issuing_node(names, tmp_path)
    b = Node(names, "b", yaml("hill-b", tmp_path / "b", ["e1", "e2"], token=token))
    c = Node(names, "c", yaml("hill-c", tmp_path / "c", ["e1"], token=token))
    with running(a, b, c):
        assert a.enrolled().roles == ("router", "issuer")
        assert b.enrolled().issuer == "hill"
        assert c.enrolled().node == f"spiffe://{DOMAIN}/node/hill-c"
        assert b.status().lead.through >= 1  # type: ignore[union-attr]
        assert a.status().here.enrolled == 2  # type: ignore[union-attr]
        b.linked("hill-c")
        b.linked("hill")
        for name in ("svid.pem", "signer.pem"):
            assert (c.folder / name).stat().st_mode & 0o777 == 0o600

        inbox = a.folder / "inbox"
        (inbox / "one.cose").write_bytes(revocations(1, "hill-x"))
        c.until(lambda status: status.lists.revoked == 1)  # type: ignore[union-attr]
        (inbox / "two.cose").write_bytes(revocations(2, "hill-x", "hill-c"))
        b.until(lambda _: any(each.kind is Event.DOWN and each.reason is Reason.REVOKED for each in b.events))
        assert not list(inbox.glob("*.cose"))
        b.until(lambda _: (b.folder / "revocations.cbor").exists())


def long_away(path: Path, name: str) -> None:
    """The files of a node that enrolled at NOW."""
    files, key = NodeFiles(path / "identity"), keys.generate(ML_DSA_65)
    signer = issuing.signing_key(mesh().issuer, key.public_key(), spiffe.of_node(DOMAIN, name), NOW)
    files.put_signer(Keyed(key, (signer.der, mesh().issuer.certificate.der)))
    files.put_svid(identity(name))


def weeks_later() -> tuple[float, bool]:
    """Six days after a certificate made at NOW is over."""
    return wall()[0] + 20 * DAY, True


def test_a_node_that_was_away_too_long_is_led_to_the_issuer_by_neighbours_that_refuse_it(
    names: dict[str, str], tmp_path: Path
) -> None:
    folder_of(tmp_path / "a" / "issuer", mesh().issuer)
    token = a_token(at=weeks_later()[0])
    a = Node(names, "a", yaml("hill", tmp_path / "a", ["e1"], issuer=True), weeks_later)
    b = Node(names, "b", yaml("hill-b", tmp_path / "b", ["e1", "e2"], token=token, grace=0), weeks_later)
    long_away(tmp_path / "c", "hill-c")
    c = Node(names, "c", yaml("hill-c", tmp_path / "c", ["e1"]), weeks_later)
    with running(a, b, c):
        b.enrolled()
        c.enrolled()
        assert a.status().here.renewed == 1  # type: ignore[union-attr]
        c.linked("hill-b")
