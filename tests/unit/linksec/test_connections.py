# SPDX-License-Identifier: Apache-2.0
"""What strangers achieve by connecting from a neighbour's address: nothing against that neighbour."""

from __future__ import annotations

import random

import pytest

from agent.kernel.macsecrows import Sci
from agent.linksec import agentrun
from agent.linksec.beacon import Beacon, issuer_tag
from agent.linksec.connections import Connections
from agent.linksec.errors import Reason
from agent.linksec.peers import Neighbours
from agent.linksec.report import Counters
from agent.linksec.session import Session
from agent.linksec.tls import Contexts
from tests.unit.linksec.authority import Mesh, der, take_all

THERE = "fe80::9"


class Bench:
    """One interface on which THERE is heard and, being the higher address, dialled by us."""

    def __init__(self, contexts: Contexts, issuers: tuple[bytes, ...]) -> None:
        self.now = 100.0
        self.neighbours = Neighbours("fe80::1", b"m" * 8, b"u" * 8, "hybrid", random.Random(1))
        self.ours = Connections(
            "e1",
            run=agentrun.begin(bytes),
            sci=Sci("02:00:00:00:00:01"),
            contexts=lambda: contexts,
            verify=take_all,
            counters=Counters(),
            clock=lambda: self.now,
            rng=random.Random(1),
        )
        self.ours.neighbours = self.neighbours
        tags = tuple(issuer_tag(one) for one in issuers)
        said = Beacon(1, b"m" * 8, b"i" * 8, 7078, "hybrid", "required", 2000, tags)
        self.neighbours.heard(said, THERE, self.now)

    def session(self, number: int, *, dialled: bool) -> Session:
        return self.ours._session(number, THERE, dialled=dialled)

    def due(self) -> list[str]:
        return [address for address, _ in self.neighbours.due(self.now)]


@pytest.fixture
def bench(mesh: Mesh, anna: Contexts) -> Bench:
    return Bench(anna, (der(mesh.issuer[1]),))


@pytest.mark.parametrize("reason", [Reason.TLS, Reason.CERTIFICATE, Reason.TIMEOUT])
def test_connections_that_fail_from_a_neighbours_address_keep_us_from_dialling_it_by_nothing(
    bench: Bench, reason: Reason
) -> None:
    for number in range(20):
        bench.session(number, dialled=False).cut(reason, "a stranger")
        assert not bench.ours.sessions
    assert bench.due() == [THERE]
    bench.session(99, dialled=False).cut(reason, "a stranger, while we dial")
    assert bench.due() == [], "it is still being dialled, once"


def test_our_own_dial_that_fails_is_repeated_later(bench: Bench) -> None:
    assert bench.due() == [THERE]
    bench.session(1, dialled=True).cut(Reason.CERTIFICATE, "refused")
    assert bench.due() == []
    bench.now += 10
    assert bench.due() == [THERE]


@pytest.mark.parametrize("dialled", [True, False])
def test_a_beacon_that_spoke_against_our_issuer_is_doubted_after_the_first_failure(
    bench: Bench, dialled: bool
) -> None:
    first = bench.session(1, dialled=dialled)
    assert first.leaf_only
    first.cut(Reason.TLS, "signed by nobody it knows")
    assert not bench.session(2, dialled=dialled).leaf_only
