# SPDX-License-Identifier: Apache-2.0
"""Bytes and CPU of the handshake between two neighbours, OpenSSL's defaults with the same keys.

Both ends run in this process over memory; CPU is the process's own time for both, so it can be read on a busy
machine: the best of RUNS is what the work costs, the median what it cost here.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL, crypto

from agent.identity import bundle, issuing, keys, spiffe
from agent.identity.issuing import Signer
from agent.identity.moment import Moment
from agent.identity.nodefiles import Keyed
from agent.linksec.tls import CNSA, HYBRID, Contexts, Suite
from agent.linksec.trust import Trust, credentials, verifier
from tools.bench.table import Table

RUNS = 200
FLIGHTS = 12  # more than any handshake takes
SEGMENT = 1440  # bytes of TCP over IPv6 at an MTU of 1500
DOMAIN = "bench.mesh"
TARGETS = {"hello": SEGMENT, "server": 10_300, "total": 20_800, "cpu_ms": 3.0}
NOW = 1_800_000_000.0  # Unix seconds; certificates are made and judged at this time


class Measured(NamedTuple):
    """Of one handshake; bytes, ms of both ends together."""

    hello: int
    server: int
    total: int
    best_ms: float
    median_ms: float


class _Ends(NamedTuple):
    """Two ends that can talk: feed and take bytes of each."""

    feed: tuple[Callable[[bytes], object], Callable[[bytes], object]]
    take: tuple[Callable[[], bytes], Callable[[], bytes]]


class _Identities:
    """Two nodes of a mesh with one issuer."""

    def __init__(self, algorithm: str) -> None:
        root_key, issuer_key = (keys.generate(algorithm) for _ in range(2))
        self.root = issuing.root(root_key, DOMAIN, NOW)
        made = issuing.issuer(Signer(self.root, root_key), issuer_key.public_key(), DOMAIN, "hill", NOW)
        self.issuer = Signer(made, issuer_key)
        self.trust = Trust(
            bundle.make(DOMAIN, 1, (self.root,)), Moment(NOW + 60), issuers=(self.issuer.certificate.der,)
        )
        self.nodes = tuple(self._node(name, algorithm) for name in ("hill-n1", "hill-n2"))

    def _node(self, name: str, algorithm: str) -> Keyed:
        key = keys.generate(algorithm)
        leaf = issuing.svid(self.issuer, key.public_key(), spiffe.of_node(DOMAIN, name), ("router",), NOW)
        return Keyed(key, (leaf.der, self.issuer.certificate.der))


def run() -> tuple[dict[str, Any], str]:
    """Measure; gives the figures for build/bench.json and the table."""
    hybrid, strong = _Identities(keys.ML_DSA_65), _Identities(keys.ML_DSA_87)
    cases: dict[str, Callable[[], _Ends]] = {
        "ours (peer knows the issuer)": _ours(hybrid, HYBRID, leaf_only=True),
        "ours (issuer sent)": _ours(hybrid, HYBRID, leaf_only=False),
        "ours, CNSA set (peer knows the issuer)": _ours(strong, CNSA, leaf_only=True),
        "OpenSSL's defaults, same keys": _defaults(hybrid),
    }
    figures: dict[str, Any] = {"targets": TARGETS}
    table = Table("Mutual TLS 1.3 handshake (bytes; CPU of both ends in ms)")
    table.head("settings", "ClientHello", "server's flight", "all flights", "CPU best", "CPU median")
    for name, make in cases.items():
        found = _measure(make)
        figures[name] = found._asdict()
        table.row(
            name, str(found.hello), str(found.server), str(found.total),
            f"{found.best_ms:.2f}", f"{found.median_ms:.2f}",
        )  # fmt: skip
    table.note(
        f"aimed at: ClientHello in one segment ({SEGMENT}), server's flight {TARGETS['server']}, all "
        f"{TARGETS['total']} bytes, CPU {TARGETS['cpu_ms']:.0f} ms"
    )
    table.note(
        "ours judges the peer by all SPIFFE rules within the handshake; the defaults judge nobody here"
    )
    return figures, table.text()


def _measure(make: Callable[[], _Ends]) -> Measured:
    sizes = _carry(make())
    spent = []
    for _ in range(RUNS):
        begun = time.process_time()
        _carry(make())
        spent.append((time.process_time() - begun) * 1000)
    return Measured(sizes[0], sizes[1], sum(sizes), min(spent), statistics.median(spent))


def _carry(ends: _Ends) -> list[int]:
    """Let them talk until nothing is left to say; the sizes of the flights, the client's first."""
    sizes = []
    for turn in range(FLIGHTS):
        flight = ends.take[turn % 2]()
        if not flight:
            break
        sizes.append(len(flight))
        ends.feed[(turn + 1) % 2](flight)
    return sizes


def _ours(identities: _Identities, suite: Suite, *, leaf_only: bool) -> Callable[[], _Ends]:
    client, server = (Contexts(credentials(node), suite) for node in identities.nodes)
    judge = verifier(lambda: identities.trust)

    def make() -> _Ends:
        a, b = client.client(judge, leaf_only=leaf_only), server.server(judge, leaf_only=leaf_only)
        return _Ends((a.feed, b.feed), (a.outgoing, b.outgoing))

    return make


def _defaults(identities: _Identities) -> Callable[[], _Ends]:
    """What a program gets that sets nothing but its certificates, its trust and that both must show one."""
    contexts = []
    for node in identities.nodes:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        store = context.get_cert_store()
        assert store is not None
        store.add_cert(crypto.X509.from_cryptography(identities.root.parsed))
        store.add_cert(crypto.X509.from_cryptography(identities.issuer.certificate.parsed))
        context.use_certificate(x509.load_der_x509_certificate(node.chain[0]))
        key = crypto.load_privatekey(crypto.FILETYPE_PEM, keys.to_pem(node.key))
        assert Binding.lib.SSL_CTX_use_PrivateKey(context._context, key._pkey) == 1
        contexts.append(context)

    def make() -> _Ends:
        ends = [SSL.Connection(context, None) for context in contexts]
        ends[0].set_connect_state()
        ends[1].set_accept_state()
        return _Ends((_feeder(ends[0]), _feeder(ends[1])), (_taker(ends[0]), _taker(ends[1])))

    return make


def _feeder(end: SSL.Connection) -> Callable[[bytes], object]:
    def feed(data: bytes) -> None:
        while data:
            data = data[end.bio_write(data) :]

    return feed


def _taker(end: SSL.Connection) -> Callable[[], bytes]:
    def take() -> bytes:
        with contextlib.suppress(SSL.WantReadError):
            end.do_handshake()
        try:
            return end.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    return take
