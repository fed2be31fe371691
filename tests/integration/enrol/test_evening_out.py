# SPDX-License-Identifier: Apache-2.0
"""Two neighbours even out lists and bundles: both end with all that is good, and with nothing else."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.enrol import evening
from agent.enrol.evening import Done, Have, Listed
from agent.enrol.messages import LISTS
from agent.enrol.porch import Porch
from agent.enrol.spreading import AGAIN_FIRST, Neighbour, Spreading
from agent.enrol.stream import TlsStream
from agent.enrol.ways import Kind, Way, connect
from agent.linksec import sockets, wire
from agent.linksec.errors import LinksecError
from agent.linksec.judged import Chain, Judged
from agent.linksec.tls import Contexts
from agent.linksec.trust import verifier
from tests.unit.enrol.test_standing import next_bundle, revoked, standing
from tests.unit.enrol.world import Foreign, contexts, identity
from tests.unit.identity.mesh import mesh

PATIENCE = 30.0


class End:
    """A node: what it trusts, its identity, and its porch on loopback."""

    def __init__(self, path: Path, name: str, own: Contexts | None = None) -> None:
        self.standing = standing(path)
        self.contexts = own or contexts(identity(name), LISTS)
        self.now, self.news, self.port = 0.0, 0, 0
        self.near: list[Neighbour] = []
        self.spreading = Spreading(
            self.standing,
            0,
            contexts=lambda: self.contexts,
            verify=self.verify,
            neighbours=lambda: self.near,
            on_news=self._count,
            clock=lambda: self.now,
            rng=random.Random(name),
        )
        self.porch = Porch(None, self.spreading, self._leap, random.Random(1))

    def _count(self) -> None:
        self.news += 1

    @staticmethod
    def _leap() -> float:
        return time.monotonic() * 1e6

    def verify(self, chain: Chain) -> Judged:
        return verifier(self.standing.trust)(chain)

    def beside(self, other: End, name: str) -> None:
        """`other` is a neighbour, at its port."""
        self.spreading._port = other.port
        self.near = [Neighbour("lo", "::1", f"spiffe://valley.mesh/node/{name}")]

    async def tell(self) -> None:
        """One look at what is to be told, and all that comes of it."""
        self.spreading._dial()
        await asyncio.wait_for(asyncio.gather(*self.spreading._dials), PATIENCE)


@asynccontextmanager
async def open_porch(end: End) -> AsyncIterator[End]:
    server = await end.porch.door._listen(sockets.listener("lo", 0))
    end.port = server.sockets[0].getsockname()[1]
    try:
        yield end
    finally:
        server.close()
        await end.porch.door.end()


async def test_both_ends_have_all_lists_and_bundles_afterwards(tmp_path: Path) -> None:
    one, other = End(tmp_path / "1", "hill-a"), End(tmp_path / "2", "hill-b")
    update, new = next_bundle()
    one.standing.take_bundle(update)
    one.standing.take_list(revoked(1, "hill-x"))
    other.standing.take_list(revoked(1, "hill-y", signer=mesh().issuer))
    async with open_porch(other):
        one.beside(other, "hill-b")
        await one.tell()
        for end in (one, other):
            assert end.standing.bundle == new
            assert end.standing.revoked.node("hill-x")
            assert end.standing.revoked.node("hill-y")
        assert one.standing.documents() == other.standing.documents()
        assert (one.spreading.counts.taken, one.spreading.counts.sent) == (1, 2)
        assert (one.news, other.news) == (1, 1)


async def test_neighbours_that_are_even_stay_silent_until_one_has_news(tmp_path: Path) -> None:
    one, other = End(tmp_path / "1", "hill-a"), End(tmp_path / "2", "hill-b")
    async with open_porch(other):
        one.beside(other, "hill-b")
        await one.tell()
        await one.tell()
        assert one.spreading.counts.dialled == 1
        one.standing.take_list(revoked(1, "hill-x"))
        await one.tell()
        assert one.spreading.counts.dialled == 2
        assert other.standing.revoked.node("hill-x")
        one.now += 3_601.0
        await one.tell()
        assert one.spreading.counts.dialled == 3, "what was missed heals"


async def test_who_was_dialled_need_not_dial_back(tmp_path: Path) -> None:
    one, other = End(tmp_path / "1", "hill-a"), End(tmp_path / "2", "hill-b")
    async with open_porch(other):
        one.standing.take_list(revoked(1, "hill-x"))
        one.beside(other, "hill-b")
        await one.tell()
    other.beside(one, "hill-a")
    await other.tell()
    assert other.spreading.counts.dialled == 0


async def test_a_neighbour_that_cannot_be_reached_is_tried_ever_more_rarely(tmp_path: Path) -> None:
    one = End(tmp_path / "1", "hill-a")
    one.near = [Neighbour("x0none", "::1", "spiffe://valley.mesh/node/hill-b")]  # no such interface
    await one.tell()
    await one.tell()
    assert (one.spreading.counts.dialled, one.spreading.counts.failed) == (1, 1)
    pauses = []
    for _ in range(4):
        met = one.spreading._met["spiffe://valley.mesh/node/hill-b"]
        pauses.append(met.retry_at - one.now)
        one.now = met.retry_at
        await one.tell()
    assert pauses == sorted(pauses)
    assert 0.7 * AGAIN_FIRST < pauses[0] < 1.3 * AGAIN_FIRST
    assert one.spreading.counts.failed == 5


async def test_a_neighbour_that_was_away_is_met_as_soon_as_it_is_back(tmp_path: Path) -> None:
    one, other = End(tmp_path / "1", "hill-a"), End(tmp_path / "2", "hill-b")
    one.standing.take_list(revoked(1, "hill-x"))
    one.near = away = [Neighbour("x0none", "::1", "spiffe://valley.mesh/node/hill-b")]
    for _ in range(6):
        await one.tell()
        one.now = one.spreading._met[away[0].peer].retry_at
    one.now -= 1.0
    await one.tell()
    assert one.spreading.counts.dialled == 6
    one.near = []
    await one.tell()
    async with open_porch(other):
        one.beside(other, "hill-b")
        await one.tell()
        assert other.standing.revoked.node("hill-x")


async def test_a_stranger_and_a_revoked_node_are_told_nothing(tmp_path: Path) -> None:
    other = End(tmp_path / "2", "hill-b")
    other.standing.take_list(revoked(1, "hill-a"))
    async with open_porch(other):
        for number, own in enumerate((None, contexts(Foreign().identity("hill"), LISTS))):
            one = End(tmp_path / f"{number}", "hill-a", own)
            one.beside(other, "hill-b")
            await one.tell()
            assert one.spreading.counts.failed == 1
            assert not one.standing.documents()
        assert other.spreading.counts.served == 0


async def talk(other: End, name: str, *frames: bytes) -> str:
    """What a neighbour with a good identity and bad intent makes the other end say."""
    reader, writer = await connect(Way(Kind.HERE, "hill", "::1", other.port, "lo"))
    end = contexts(identity(name), LISTS).client(other.verify)
    stream = TlsStream(reader, writer, end, most=evening.FRAME_BYTES)
    await stream.open()
    try:
        for frame in frames:
            await stream.send(frame)
        while True:
            await asyncio.wait_for(stream.receive(), PATIENCE)
    except (LinksecError, OSError) as error:
        return str(error)
    finally:
        await stream.close()


HAVE = wire.encode(Have(1, 1, ()))


@pytest.mark.parametrize(
    ("frames", "taken"),
    [
        ([b"\xff"], 0),
        ([wire.encode(Done())], 0),
        ([HAVE, HAVE], 0),
        ([HAVE, *[wire.encode(Listed(b"garbage %d" % n)) for n in range(9)]], 0),
        ([HAVE, wire.encode(Listed(revoked(1, "hill-x", signer=Foreign().issuer)))], 0),
        ([HAVE, *[wire.encode(Listed(revoked(1, "hill-x")))] * (evening.MAX_ITEMS + 1)], 1),
    ],
    ids=["nonsense", "no beginning", "two beginnings", "garbage", "forged", "without end"],
)
async def test_a_member_with_bad_intent_is_cut_and_what_it_forged_is_not_passed_on(
    tmp_path: Path, frames: list[bytes], taken: int
) -> None:
    other = End(tmp_path, "hill-b")
    async with open_porch(other):
        await talk(other, "hill-a", *frames, wire.encode(Done()))
        assert len(other.standing.documents()) == taken
        assert len(other.standing.known()) <= taken + evening.MAX_BAD + 1


async def test_a_document_longer_than_any_is_cut_before_it_is_read(tmp_path: Path) -> None:
    other = End(tmp_path, "hill-b")
    async with open_porch(other):
        await talk(other, "hill-a", HAVE, bytes(evening.FRAME_BYTES + 1))
        assert other.porch.door.counts.failed == 1


async def test_one_forged_list_among_good_ones_costs_only_itself(tmp_path: Path) -> None:
    other = End(tmp_path, "hill-b")
    forged = wire.encode(Listed(revoked(1, "hill-z", signer=Foreign().issuer)))
    async with open_porch(other):
        await talk(
            other, "hill-a", HAVE, forged, wire.encode(Listed(revoked(1, "hill-x"))), wire.encode(Done())
        )
        assert other.standing.revoked.node("hill-x")
        assert not other.standing.revoked.node("hill-z")
        assert other.spreading.counts.refused == 1


async def test_what_is_no_tls_and_no_knock_is_cut(tmp_path: Path) -> None:
    other = End(tmp_path, "hill-b")
    async with open_porch(other):
        for data in (b"G", b"X0J1\x04hill"):  # this one leads nobody
            reader, writer = await connect(Way(Kind.HERE, "hill", "::1", other.port, "lo"))
            writer.write(data)
            assert await asyncio.wait_for(reader.read(1), PATIENCE) == b""
            writer.close()
