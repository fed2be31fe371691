# SPDX-License-Identifier: Apache-2.0
"""When issuers are announced and asked for, and what is made of what was heard. The channel is a list."""

from __future__ import annotations

import random

from agent.enrol.announcing import ANSWER_BURST, INTERVAL, SEEK_MAX, Announcing
from agent.enrol.messages import Offer, Seek, decode_datagram, encode_datagram
from agent.linksec.beacon import mesh_tag

MESH = mesh_tag("valley.mesh")
OFFER = Offer(1, MESH, "hill", True, 7080)


class Segment:
    """In the place of the mesh interface's socket."""

    def __init__(self) -> None:
        self.sent: list[Seek | Offer] = []
        self.arrived: list[tuple[bytes, str]] = []

    def send(self, data: bytes) -> None:
        self.sent.append(decode_datagram(data))

    def receive(self) -> list[tuple[bytes, str]]:
        found, self.arrived = self.arrived, []
        return found


class Made:
    """An Announcing with its time and surroundings."""

    def __init__(self, offer: Offer | None = None, *, seeking: bool = False, seed: int = 1) -> None:
        self.now, self.news, self.peers = 0.0, 0, frozenset[str]()
        self.offer, self.seeking = offer, seeking
        self.segment = Segment()
        self.it = Announcing(
            "bat0",
            7080,
            MESH,
            offer=lambda: self.offer,
            seeking=lambda: self.seeking,
            around=lambda: self.peers,
            on_news=self._count,
            clock=lambda: self.now,
            rng=random.Random(seed),
        )

    def _count(self) -> None:
        self.news += 1

    def hear(self, data: bytes, address: str = "fe80::1") -> None:
        self.segment.arrived.append((data, address))
        self.it._hear(self.segment)  # type: ignore[arg-type]

    def live(self, seconds: float) -> list[Seek | Offer]:
        """What is sent within that time."""
        self.segment.sent.clear()
        end = self.now + seconds
        while self.now < end:
            self.it._tick(self.segment)  # type: ignore[arg-type]
            self.now += 0.5
        return list(self.segment.sent)


def test_an_issuer_says_so_now_and_then_and_a_node_says_nothing() -> None:
    sent = Made(OFFER).live(10 * INTERVAL)
    assert 8 <= len(sent) <= 13
    assert set(sent) == {OFFER}
    assert Made().live(600.0) == []


def test_who_needs_an_issuer_asks_quickly_first_then_ever_more_rarely() -> None:
    node = Made(seeking=True)
    assert len(node.live(10.0)) >= 3
    node.live(1_000.0)
    assert len(node.live(10 * SEEK_MAX)) <= 13
    node.seeking = False
    assert node.live(1_000.0) == []


def test_a_new_neighbour_is_reason_to_ask_and_to_say_so_at_once() -> None:
    node, issuer = Made(seeking=True), Made(OFFER)
    for each in (node, issuer):
        each.live(3_000.0)
        each.peers = frozenset({"spiffe://valley.mesh/node/hill-b"})
        assert each.live(3.0)


def test_an_issuer_answers_a_question_at_once_and_not_more_often_than_it_may() -> None:
    issuer = Made(OFFER)
    issuer.live(5.0)
    issuer.hear(encode_datagram(Seek(1, MESH)))
    assert issuer.live(0.5) == [OFFER]
    answers = 0
    for number in range(100):
        issuer.hear(encode_datagram(Seek(1, MESH)), f"fe80::{number:x}")
        answers += len(issuer.live(0.5))
        issuer.now -= 0.5
    assert answers <= ANSWER_BURST + 1


def test_of_many_that_ask_one_does_for_all() -> None:
    nodes = [Made(seeking=True, seed=number) for number in range(10)]
    asked = 0
    for _ in range(1_200):
        for node in nodes:
            for said in node.live(0.5):
                asked += 1
                for other in nodes:
                    if other is not node:
                        other.hear(encode_datagram(said), f"fe80::{nodes.index(node):x}")
    alone = len(Made(seeking=True).live(600.0))
    assert asked <= 4 * alone


def test_an_offer_is_news_once_and_garbage_is_counted() -> None:
    node = Made(seeking=True)
    for _ in range(2):
        node.hear(encode_datagram(OFFER))
    assert node.news == 1
    node.hear(b"\xff\x00")
    assert node.it.malformed == 1
    node.hear(encode_datagram(Seek(1, mesh_tag("other.mesh"))))
    assert node.live(0.5) != [OFFER]


def test_a_source_that_floods_is_not_listened_to() -> None:
    node = Made()
    for _ in range(50):
        node.hear(encode_datagram(OFFER), "fe80::bad")
    assert node.it.limited >= 40
