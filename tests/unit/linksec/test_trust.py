# SPDX-License-Identifier: Apache-2.0
"""The identity package's rules judge a neighbour during the handshake itself."""

from __future__ import annotations

from typing import Any

import pytest

from agent.authz import links
from agent.authz.authoriser import Authoriser
from agent.configpolicy import Rule
from agent.identity import issuing, keys, spiffe
from agent.identity.issuing import Signer
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed
from agent.identity.revoked import Entry, Kind, Revoked
from agent.identity.svid import Verified
from agent.linksec.errors import PeerRefusedError, Reason, TlsError
from agent.linksec.tls import CNSA, Contexts
from agent.linksec.trust import Trust, credentials, verifier
from tests.unit.identity.mesh import DOMAIN, NOW, Mesh, mesh
from tests.unit.linksec.authority import take_all
from tests.unit.linksec.pairs import handshake

YEARS = 365.25 * 86400.0


def trust(found: Mesh, **how: Any) -> Trust:
    return Trust(**({"bundle": found.bundle, "moment": Moment(NOW + 60)} | how))


def contexts(found: Mesh) -> Contexts:
    return Contexts(credentials(Keyed(found.node_key, tuple(found.chain))))


def meet(found: Mesh, judged_by: Trust, *, leaf_only: bool = False) -> str:
    """The name the client gives to the server it met."""
    ours = contexts(found)
    client = ours.client(verifier(lambda: judged_by), leaf_only=leaf_only)
    server = ours.server(take_all, leaf_only=leaf_only)
    handshake(client, server)
    return client.peer


def test_a_node_of_the_mesh_is_named() -> None:
    assert meet(mesh(), trust(mesh())) == f"spiffe://{DOMAIN}/node/hill-n1"


def test_a_leaf_alone_is_judged_with_the_issuer_known_here() -> None:
    known = trust(mesh(), issuers=(mesh().issuer.certificate.der,))
    assert meet(mesh(), known, leaf_only=True) == f"spiffe://{DOMAIN}/node/hill-n1"


def test_a_neighbour_that_sent_its_leaf_alone_stays_trusted_when_its_issuer_leaves_the_list() -> None:
    now = [trust(mesh(), issuers=(mesh().issuer.certificate.der,))]
    judge = verifier(lambda: now[0])
    leaf, issuer = mesh().chain
    found = judge((leaf,))
    assert found.chain == (leaf, issuer)
    now[0] = trust(mesh(), issuers=())
    assert judge(found.chain).peer == found.peer
    entry = Entry(Kind.NODE, "hill-n1", int(NOW))
    now[0] = trust(mesh(), revoked=Revoked({(Kind.NODE, "hill-n1"): entry}))
    with pytest.raises(PeerRefusedError):
        judge(found.chain)


def test_what_a_connection_keeps_of_a_leaf_alone_is_all_it_was_judged_by() -> None:
    ours, known = contexts(mesh()), trust(mesh(), issuers=(mesh().issuer.certificate.der,))
    client = ours.client(verifier(lambda: known), leaf_only=True)
    handshake(client, ours.server(verifier(lambda: known), leaf_only=True))
    assert client.chain == tuple(mesh().chain)


def test_a_leaf_alone_of_an_unknown_issuer_is_refused() -> None:
    other_key = keys.generate(keys.ML_DSA_65)
    other = issuing.issuer(mesh().root, other_key.public_key(), DOMAIN, "valley", NOW)
    for issuers in ((), (other.der,)):
        with pytest.raises(TlsError, match="of an issuer not known here") as caught:
            meet(mesh(), trust(mesh(), issuers=issuers), leaf_only=True)
        assert caught.value.reason is Reason.CERTIFICATE


def test_an_issuer_of_the_same_name_with_another_key_certifies_nobody() -> None:
    twin_key = keys.generate(keys.ML_DSA_65)
    twin = issuing.issuer(mesh().root, twin_key.public_key(), DOMAIN, "hill", NOW)
    with pytest.raises(TlsError, match="certificates"):
        meet(mesh(), trust(mesh(), issuers=(twin.der,)), leaf_only=True)


def test_a_revoked_node_is_refused_with_that_word() -> None:
    entry = Entry(Kind.NODE, "hill-n1", int(NOW))
    with pytest.raises(TlsError, match="revoked") as caught:
        meet(mesh(), trust(mesh(), revoked=Revoked({(Kind.NODE, "hill-n1"): entry})))
    assert caught.value.reason is Reason.REVOKED


@pytest.mark.parametrize("off", [-10 * YEARS, 10 * YEARS])
def test_a_wrong_clock_that_is_trusted_refuses(off: float) -> None:
    with pytest.raises(TlsError, match="certificates"):
        meet(mesh(), trust(mesh(), moment=Moment(NOW + off)))


def test_a_clock_nobody_trusts_defers_the_validity_until_it_is() -> None:
    assert meet(mesh(), trust(mesh(), moment=Moment(NOW - 10 * YEARS, trusted=False)))


def test_an_expired_identity_passes_within_the_grace_and_not_after() -> None:
    over = mesh().svid.not_after
    assert meet(mesh(), trust(mesh(), moment=Moment(over + 100), grace=200.0))
    with pytest.raises(TlsError, match="certificates"):
        meet(mesh(), trust(mesh(), moment=Moment(over + 300), grace=200.0))


def test_a_node_of_another_mesh_is_refused() -> None:
    with pytest.raises(TlsError, match="certificates"):
        meet(mesh("hilltop.mesh"), trust(mesh()))


def test_the_cnsa_suite_takes_identities_of_its_own() -> None:
    strong = mesh(algorithm=keys.ML_DSA_87)
    ours = Contexts(credentials(Keyed(strong.node_key, tuple(strong.chain))), CNSA)
    client = ours.client(verifier(lambda: trust(strong)))
    handshake(client, ours.server(verifier(lambda: trust(strong))))
    assert client.established


def test_a_node_that_is_not_enrolled_is_told_so() -> None:
    with pytest.raises(PeerRefusedError, match="enrol"):
        credentials(Keyed(mesh().node_key))


def test_a_second_node_is_told_apart() -> None:
    key = keys.generate(keys.ML_DSA_65)
    issuer: Signer = mesh().issuer
    second = issuing.svid(issuer, key.public_key(), spiffe.of_node(DOMAIN, "hill-n2"), ("router",), NOW)
    ours = Contexts(credentials(Keyed(key, (second.der, issuer.certificate.der))))
    client = contexts(mesh()).client(verifier(lambda: trust(mesh())))
    server = ours.server(verifier(lambda: trust(mesh())))
    handshake(client, server)
    assert (client.peer, server.peer) == (
        f"spiffe://{DOMAIN}/node/hill-n2",
        f"spiffe://{DOMAIN}/node/hill-n1",
    )


def test_the_policy_has_the_last_word_on_who_is_a_neighbour() -> None:
    deny = Rule("no-hill", "deny", (f"spiffe://{DOMAIN}/node/hill-n1",), ("link.secure",), why="it floods")
    authoriser = Authoriser()
    judge = verifier(lambda: trust(mesh()), links.permit(authoriser))
    chain = tuple(mesh().chain)
    assert judge(chain).peer == f"spiffe://{DOMAIN}/node/hill-n1"
    authoriser.reload([deny])
    with pytest.raises(PeerRefusedError, match="no-hill denies it \\(it floods\\)") as caught:
        judge(chain)
    assert caught.value.reason is Reason.POLICY


def test_no_policy_lets_in_whom_the_rules_of_certificates_refuse() -> None:
    asked: list[str] = []

    def permit(found: Verified) -> str:
        asked.append(found.node)
        return ""

    judge = verifier(lambda: trust(mesh(), moment=Moment(NOW + YEARS)), permit)
    with pytest.raises(PeerRefusedError):
        judge(tuple(mesh().chain))
    assert not asked


def test_a_nodes_roles_are_those_its_certificate_proves() -> None:
    seen: list[tuple[str, ...]] = []

    def permit(found: Verified) -> str:
        seen.append(found.roles)
        return ""

    verifier(lambda: trust(mesh()), permit)(tuple(mesh().chain))
    (roles,) = seen
    authoriser = Authoriser([Rule("no", "deny", tuple(f"role:{role}" for role in roles), ("link.secure",))])
    assert bool(roles)
    with pytest.raises(PeerRefusedError):
        verifier(lambda: trust(mesh()), links.permit(authoriser))(tuple(mesh().chain))
