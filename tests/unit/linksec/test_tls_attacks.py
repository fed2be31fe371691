# SPDX-License-Identifier: Apache-2.0
"""Who has no post-quantum identity of our mesh gets no connection, whatever it tries."""

from __future__ import annotations

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from OpenSSL import SSL

from agent.linksec import tls
from agent.linksec.errors import Reason, TlsError
from agent.linksec.tls import CNSA, CNSA_HYBRID, HYBRID, Contexts, Endpoint
from tests.unit.linksec.attacker import Raw, meet
from tests.unit.linksec.authority import Mesh, credentials, signed, take_all
from tests.unit.linksec.pairs import handshake

GROUP, SIGNATURE = HYBRID.group, HYBRID.signature
SEGMENT = 1440  # bytes of TCP over IPv6 at an MTU of 1500
INITIAL_WINDOW = 10 * SEGMENT  # RFC 6928: what a server may send before it is acknowledged


def refused(victim: Endpoint, error: TlsError | None) -> None:
    assert error is not None, "the victim went on"
    assert not victim.established
    with pytest.raises(TlsError):
        victim.write(b"a key")


@pytest.fixture(params=["server", "client"])
def role(request: pytest.FixtureRequest) -> str:
    """What the victim is."""
    return str(request.param)


def victim_of(role: str, contexts: Contexts, mesh: Mesh) -> Endpoint:
    make = contexts.server if role == "server" else contexts.client
    return make(mesh.verifier())


def attack(role: str, victim: Endpoint, **settings: object) -> TlsError | None:
    return meet(Raw(server=role == "client", **settings), victim)  # type: ignore[arg-type]


def test_the_attackers_tool_gets_through_where_it_does_everything_right(
    mesh: Mesh, anna: Contexts, role: str
) -> None:
    victim = victim_of(role, anna, mesh)
    assert attack(role, victim, credentials=mesh.node("berta"), groups=GROUP, signatures=SIGNATURE) is None
    assert victim.established
    assert victim.peer == "spiffe://tal/node/berta"


def test_defaults_of_openssl_get_through_only_by_what_they_share_with_us(
    mesh: Mesh, anna: Contexts, role: str
) -> None:
    victim = victim_of(role, anna, mesh)
    assert attack(role, victim, credentials=mesh.node("berta")) is None
    assert victim._connection.get_group_name() == GROUP


@pytest.mark.parametrize("groups", ["X25519", "P-256", "SecP256r1MLKEM768", "MLKEM768", "MLKEM1024"])
def test_any_other_group_is_refused(mesh: Mesh, anna: Contexts, role: str, groups: str) -> None:
    victim = victim_of(role, anna, mesh)
    refused(victim, attack(role, victim, credentials=mesh.node("berta"), groups=groups))


def test_an_ecdsa_certificate_of_our_own_issuer_is_refused(mesh: Mesh, anna: Contexts, role: str) -> None:
    victim = victim_of(role, anna, mesh)
    classical = mesh.node("berta", make_key=lambda: ec.generate_private_key(ec.SECP256R1()))
    refused(victim, attack(role, victim, credentials=classical, groups=GROUP))


@pytest.mark.parametrize("kind", [mldsa.MLDSA44PrivateKey, mldsa.MLDSA87PrivateKey])
def test_another_ml_dsa_than_the_suites_is_refused(mesh: Mesh, anna: Contexts, role: str, kind: type) -> None:
    victim = victim_of(role, anna, mesh)
    other = mesh.node("berta", make_key=kind.generate)  # type: ignore[attr-defined]
    refused(victim, attack(role, victim, credentials=other, groups=GROUP))


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_1_VERSION])
def test_an_older_tls_is_refused(mesh: Mesh, anna: Contexts, role: str, version: int) -> None:
    victim = victim_of(role, anna, mesh)
    classical = mesh.node("berta", make_key=lambda: ec.generate_private_key(ec.SECP256R1()))
    refused(victim, attack(role, victim, credentials=classical, version=version))


@pytest.mark.parametrize("alpn", [b"", b"x0-link/2", b"http/1.1"])
def test_a_peer_that_speaks_another_protocol_or_names_none_is_refused(
    mesh: Mesh, anna: Contexts, role: str, alpn: bytes
) -> None:
    victim = victim_of(role, anna, mesh)
    error = attack(role, victim, credentials=mesh.node("berta"), groups=GROUP, alpn=alpn)
    refused(victim, error)
    assert error is not None
    assert error.reason is Reason.TLS


def test_a_foreign_root_of_the_same_name_is_refused(mesh: Mesh, anna: Contexts, role: str) -> None:
    victim = victim_of(role, anna, mesh)
    error = attack(role, victim, credentials=Mesh().node("berta"), groups=GROUP)
    refused(victim, error)
    assert error is not None
    assert error.reason is Reason.CERTIFICATE


def test_a_self_signed_certificate_is_refused(mesh: Mesh, anna: Contexts, role: str) -> None:
    victim = victim_of(role, anna, mesh)
    own = signed("", "spiffe://tal/node/berta")
    refused(victim, attack(role, victim, credentials=credentials("x", own), groups=GROUP))


def test_a_client_without_a_certificate_is_refused_though_it_believes_to_be_connected(
    mesh: Mesh, anna: Contexts
) -> None:
    victim = anna.server(mesh.verifier())
    client = Raw(groups=GROUP)
    refused(victim, meet(client, victim))
    assert client.done, "this is why nothing counts before the application's own confirmation"


def test_a_revoked_neighbour_is_refused_with_that_word(anna: Contexts, role: str) -> None:
    own = Mesh()
    victim = victim_of(role, Contexts(own.node("anna")), own)
    own.revoked.add("spiffe://tal/node/berta")
    error = attack(role, victim, credentials=own.node("berta"), groups=GROUP)
    refused(victim, error)
    assert "was revoked" in str(error)


def test_a_client_shows_nobody_its_certificate_before_it_has_judged_the_server(
    mesh: Mesh, anna: Contexts
) -> None:
    client, foreign = anna.client(mesh.verifier()), Contexts(Mesh().node("berta"))
    server = foreign.server(take_all)
    server.feed(client.outgoing())
    with pytest.raises(TlsError, match="signed by nobody we trust"):
        client.feed(server.outgoing())
    assert len(client.outgoing()) < 100  # an alert


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("extra", [3, 40])
def test_a_long_chain_is_refused_within_the_bound(mesh: Mesh, anna: Contexts, role: str, extra: int) -> None:
    issuers = [mesh.issuer] + [
        signed(f"i{n}", "spiffe://tal", mesh.root, authority=True) for n in range(extra)
    ]
    long = credentials("x", signed("", "spiffe://tal/node/berta", mesh.issuer), *issuers)
    victim = victim_of(role, anna, mesh)
    error = attack(role, victim, credentials=long, groups=GROUP)
    if extra < 5:  # needless certificates beside a good chain that still fit: looked at by nobody
        assert error is None or error.reason in {Reason.TOO_LONG, Reason.CERTIFICATE}
        return
    refused(victim, error)
    assert error is not None
    assert error.reason is Reason.TOO_LONG


def test_a_chain_of_many_links_is_refused(mesh: Mesh, anna: Contexts, role: str) -> None:
    issuers = [mesh.issuer]
    for number in range(3):
        issuers.insert(0, signed(f"deep{number}", "spiffe://tal", issuers[0], authority=True))
    leaf = signed("", "spiffe://tal/node/berta", issuers[0])
    victim = victim_of(role, anna, mesh)
    refused(victim, attack(role, victim, credentials=credentials("x", leaf, *issuers), groups=GROUP))


def test_an_oversized_certificate_is_refused_within_the_bound(mesh: Mesh, anna: Contexts, role: str) -> None:
    victim = victim_of(role, anna, mesh)
    error = attack(role, victim, credentials=mesh.node("berta", padding=40_000), groups=GROUP)
    refused(victim, error)
    assert error is not None
    assert error.reason is Reason.TOO_LONG
    assert victim._taken <= tls.MAX_HANDSHAKE + 64 * 1024  # one read of the network beyond


def flights(mesh: Mesh, anna: Contexts, berta: Contexts) -> list[bytes]:
    """The client's flights of a good handshake."""
    client, server = anna.client(mesh.verifier()), berta.server(mesh.verifier())
    first = client.outgoing()
    server.feed(first)
    client.feed(server.outgoing())
    second = client.outgoing()
    server.feed(second)
    assert server.established
    return [first, second]


def test_replayed_flights_make_no_connection(mesh: Mesh, anna: Contexts, berta: Contexts) -> None:
    recorded = flights(mesh, anna, berta)
    victim = berta.server(mesh.verifier())
    victim.feed(recorded[0])
    victim.outgoing()
    with pytest.raises(TlsError):
        victim.feed(recorded[1])
    assert not victim.established


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_a_truncated_flight_makes_no_connection(
    mesh: Mesh, anna: Contexts, berta: Contexts, share: float
) -> None:
    client, victim = anna.client(mesh.verifier()), berta.server(mesh.verifier())
    victim.feed(client.outgoing())
    client.feed(victim.outgoing())
    second = client.outgoing()
    victim.feed(second[: int(len(second) * share)])
    assert not victim.established
    assert client.established, "the client believes in it: nothing may count before the server's word"
    with pytest.raises(TlsError):
        victim.feed(bytes(len(second)))


def test_a_changed_byte_in_any_flight_makes_no_connection(
    mesh: Mesh, anna: Contexts, berta: Contexts
) -> None:
    for part in (0.2, 0.5, 0.9):
        client, victim = anna.client(mesh.verifier()), berta.server(mesh.verifier())
        victim.feed(client.outgoing())
        flight = bytearray(victim.outgoing())
        flight[int(len(flight) * part)] ^= 1
        with pytest.raises(TlsError):
            client.feed(bytes(flight))
        assert not client.established


def stream(victim: Endpoint, piece: bytes) -> None:
    """Feed the piece until the bound must be reached."""
    for _ in range(tls.MAX_HANDSHAKE // len(piece) + 2):
        victim.feed(piece)


@pytest.mark.parametrize("size", [1, 5, 100, 20_000])
def test_garbage_is_refused(mesh: Mesh, anna: Contexts, role: str, size: int) -> None:
    victim = victim_of(role, anna, mesh)
    with pytest.raises(TlsError):
        stream(victim, b"\xff" + secrets.token_bytes(size))
    assert not victim.established


def test_an_endless_stream_before_the_handshake_is_cut_at_the_bound(mesh: Mesh, anna: Contexts) -> None:
    victim = anna.server(mesh.verifier())
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x00\xff\xff" + bytes(0x3FFC)  # a ClientHello that never ends
    with pytest.raises(TlsError) as caught:
        stream(victim, record)
    assert caught.value.reason in {Reason.TOO_LONG, Reason.TLS}
    assert not victim.established


def test_no_session_is_ever_resumed(mesh: Mesh, anna: Contexts) -> None:
    client = Raw(credentials=mesh.node("berta"), groups=GROUP, signatures=SIGNATURE)
    victim = anna.server(mesh.verifier())
    assert meet(client, victim) is None
    client.feed(victim.outgoing())
    again = Raw(resume=client)
    victim = anna.server(mesh.verifier())
    assert meet(again, victim) is None
    assert victim.established
    assert not victim.reused()
    assert victim.chain, "a full handshake with certificates"


def test_an_identity_of_one_suite_is_no_identity_of_another(mesh: Mesh) -> None:
    with pytest.raises(TlsError, match="no mldsa87"):
        Contexts(mesh.node("anna"), CNSA)


def test_key_and_certificate_that_do_not_belong_together_are_told(mesh: Mesh) -> None:
    one, other = mesh.node("anna"), mesh.node("berta")
    mixed = tls.Credentials(one.spiffe_id, one.chain, other.key)
    with pytest.raises(TlsError, match="do not fit together"):
        Contexts(mixed)


@pytest.mark.parametrize("suite", [CNSA, CNSA_HYBRID])
def test_the_cnsa_suites_work_among_themselves_only(suite: tls.Suite, mesh: Mesh, anna: Contexts) -> None:
    other = Mesh(make_key=mldsa.MLDSA87PrivateKey.generate)
    a, b = (Contexts(other.node(name), suite) for name in ("anna", "berta"))
    client, server = a.client(other.verifier()), b.server(other.verifier())
    handshake(client, server)
    assert client.established
    assert server.established
    hybrid = anna.server(mesh.verifier())
    with pytest.raises(TlsError):
        hybrid.feed(a.client(other.verifier()).outgoing())


def test_a_handshake_has_the_size_that_was_aimed_at(mesh: Mesh, anna: Contexts, berta: Contexts) -> None:
    client = anna.client(mesh.verifier(), leaf_only=True)
    server = berta.server(mesh.verifier(), leaf_only=True)
    sizes = handshake(client, server)
    assert client.established
    assert server.established
    assert sizes[0] <= SEGMENT
    assert sizes[1] <= 10_300 < INITIAL_WINDOW
    assert sum(sizes) <= 20_800


def test_a_stranger_to_our_issuer_is_sent_it(mesh: Mesh, anna: Contexts, berta: Contexts) -> None:
    knows_root_only = mesh.verifier(known=[])
    with pytest.raises(TlsError, match="signed by nobody"):
        handshake(anna.client(knows_root_only), berta.server(mesh.verifier(), leaf_only=True))
    client = anna.client(knows_root_only)
    handshake(client, berta.server(mesh.verifier()))
    assert client.established
    assert len(client.chain) == 2


def test_the_key_is_in_no_text(mesh: Mesh) -> None:
    shown = repr(mesh.node("anna"))
    assert "PRIVATE" not in shown
    assert "<Secret of" in shown
