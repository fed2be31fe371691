# SPDX-License-Identifier: Apache-2.0
"""What a connection exports, and connections of who has no certificate yet."""

from __future__ import annotations

import pytest

from agent.linksec import tls
from agent.linksec.errors import Reason, TlsError
from agent.linksec.tls import BINDING_BYTES, Contexts, Endpoint
from tests.unit.linksec.attacker import Raw, meet
from tests.unit.linksec.authority import Mesh, refuse_all
from tests.unit.linksec.pairs import handshake

SERVICE = b"x0-test/1"


@pytest.fixture(scope="module")
def desk(mesh: Mesh) -> Contexts:
    return Contexts(mesh.node("desk"), alpn=SERVICE)


def met(client: Endpoint, server: Endpoint) -> tuple[Endpoint, Endpoint]:
    handshake(client, server)
    assert client.established
    assert server.established
    return client, server


def test_both_ends_export_the_same_binding(mesh: Mesh, anna: Contexts, berta: Contexts) -> None:
    client, server = met(anna.client(mesh.verifier()), berta.server(mesh.verifier()))
    assert client.binding() == server.binding()
    assert len(client.binding()) == BINDING_BYTES


def test_two_connections_of_the_same_nodes_export_different_bindings(
    mesh: Mesh, anna: Contexts, berta: Contexts
) -> None:
    ends = [met(anna.client(mesh.verifier()), berta.server(mesh.verifier())) for _ in range(3)]
    assert len({client.binding() for client, _ in ends}) == 3


def test_there_is_no_binding_before_the_handshake_is_done(mesh: Mesh, anna: Contexts) -> None:
    with pytest.raises(TlsError, match="before its handshake"):
        anna.client(mesh.verifier()).binding()


def test_a_stranger_is_let_in_where_strangers_are_wanted_and_has_no_name(mesh: Mesh, desk: Contexts) -> None:
    client, server = met(tls.stranger(mesh.verifier(), alpn=SERVICE), desk.server(refuse_all, strangers=True))
    assert (client.peer, server.peer, server.chain) == ("spiffe://tal/node/desk", "", ())
    assert client.binding() == server.binding()


def test_where_strangers_are_wanted_a_certificate_that_is_shown_is_judged_all_the_same(
    mesh: Mesh, desk: Contexts
) -> None:
    known = Contexts(mesh.node("anna"), alpn=SERVICE)
    _, server = met(known.client(mesh.verifier()), desk.server(mesh.verifier(), strangers=True))
    assert server.peer == "spiffe://tal/node/anna"
    victim = desk.server(refuse_all, strangers=True)
    with pytest.raises(TlsError) as caught:
        handshake(known.client(mesh.verifier()), victim)
    assert caught.value.reason is Reason.CERTIFICATE
    assert not victim.established


def test_a_stranger_is_refused_where_none_are_wanted(mesh: Mesh, desk: Contexts) -> None:
    with pytest.raises(TlsError):
        handshake(tls.stranger(mesh.verifier(), alpn=SERVICE), desk.server(mesh.verifier()))


@pytest.mark.parametrize("settings", [{"groups": "X25519"}, {"signatures": "ecdsa_secp256r1_sha256"}])
def test_a_stranger_gets_no_weaker_group_or_signature(
    mesh: Mesh, desk: Contexts, settings: dict[str, str]
) -> None:
    victim = desk.server(mesh.verifier(), strangers=True)
    assert meet(Raw(alpn=SERVICE, **settings), victim) is not None  # type: ignore[arg-type]
    assert not victim.established


def test_a_stranger_is_refused_by_a_service_of_another_name(mesh: Mesh, anna: Contexts) -> None:
    with pytest.raises(TlsError, match="ALPN"):
        handshake(tls.stranger(mesh.verifier(), alpn=SERVICE), anna.server(mesh.verifier(), strangers=True))


def test_a_stranger_refuses_a_server_it_has_judged_badly_before_it_says_anything(desk: Contexts) -> None:
    client = tls.stranger(refuse_all, alpn=SERVICE)
    with pytest.raises(TlsError):
        handshake(client, desk.server(refuse_all, strangers=True))
    with pytest.raises(TlsError, match="not known yet"):
        client.write(b"a token")
