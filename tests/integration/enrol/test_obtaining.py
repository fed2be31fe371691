# SPDX-License-Identifier: Apache-2.0
"""How a node comes to its certificates and keeps them, against an issuer on loopback."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.enrol.desk import Desk
from agent.enrol.errors import Word
from agent.enrol.obtaining import BLANK_MAX, Obtaining
from agent.enrol.standing import Standing
from agent.enrol.status import State
from agent.enrol.ways import Kind, Way
from agent.identity import revocation, rotation
from agent.identity.certificate import key_id_of
from agent.identity.limits import DAY, GRACE, SVID_LIFE
from agent.identity.moment import Moment
from agent.identity.nodefiles import NodeFiles
from agent.identity.revoked import Entry
from agent.identity.revoked import Kind as What
from tests.integration.enrol.serving import Served, issuer
from tests.integration.enrol.test_issuer import leaping
from tests.unit.enrol.world import a_token, desk_of, identity, trust
from tests.unit.identity.mesh import DOMAIN, NOW, mesh

DEAD = Way(Kind.CONFIGURED, "hill", "127.0.0.1", 1)  # nothing listens there


class Node:
    """A node whose time and ways the test sets."""

    def __init__(self, path: Path, text: str = "", name: str = "hill-new", at: float = NOW) -> None:
        self.at, self.trusted, self.now = at, True, 0.0
        self.ways: list[Way] = []
        self.desk: Desk | None = None
        self.renewed = 0
        self.led: list[tuple[Way, bool]] = []
        self.files = NodeFiles(path)
        self.standing = Standing(self.files, mesh().bundle, lambda: (self.at, self.trusted), GRACE)
        self.own = Obtaining(
            name,
            text,
            self.files,
            self.standing,
            ways=lambda issuer, _: [way for way in self.ways if way.issuer == issuer],
            led=lambda way, good: self.led.append((way, good)),
            desk=lambda: self.desk,
            on_identity=self._count,
            clock=lambda: self.now,
            rng=random.Random(7),
        )
        self.own.load()

    def _count(self) -> None:
        self.renewed += 1

    def at_issuer(self, served: Served) -> Node:
        self.ways = [Way(Kind.CONFIGURED, "hill", "127.0.0.1", served.port)]
        return self

    async def step(self) -> float:
        self.own._judge()
        return await self.own._step()

    @property
    def reason(self) -> str:
        return self.own.problem.reason if self.own.problem else ""


async def test_a_blank_node_becomes_enrolled_and_is_so_after_a_restart(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        assert node.own.seeking
        await node.step()
        assert (node.own.state, node.own.seeking, node.renewed) == (State.ENROLLED, False, 1)
    again = Node(tmp_path / "n")
    assert again.own.state is State.ENROLLED
    await again.step()
    assert again.own.problem is None


async def test_the_signing_key_is_on_disk_before_an_issuer_hears_of_it(tmp_path: Path) -> None:
    node = Node(tmp_path, a_token())
    node.ways = [DEAD]
    await node.step()
    kept = node.files.signer()
    assert kept is not None
    assert kept.chain == ()
    await node.step()
    again = node.files.signer()
    assert again is not None
    assert key_id_of(again.key.public_key()) == key_id_of(kept.key.public_key())


async def test_a_node_that_lost_the_answer_gets_the_same_use_again(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        await node.step()
        (tmp_path / "n" / "svid.pem").unlink()
        again = Node(tmp_path / "n", node.own._text).at_issuer(served)
        assert again.own.seeking
        await again.step()
        assert again.own.state is State.ENROLLED
        assert len(served.service.desk.register.nodes()) == 1


@pytest.mark.parametrize(
    ("at", "reason"), [(NOW - 30 * DAY, "expired"), (NOW, "used-up")], ids=["expired", "used up"]
)
async def test_a_refused_token_is_kept_in_the_status_and_tried_ever_more_rarely(
    tmp_path: Path, at: float, reason: str
) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        text = a_token(at=at)
        if reason == "used-up":
            await Node(tmp_path / "first", text, "hill-first").at_issuer(served).step()
        node = Node(tmp_path / "n", text).at_issuer(served)
        waits = [await node.step() for _ in range(3)]
        assert node.reason == reason
        assert node.own.problem is not None
        assert node.own.problem.tries == 3
        assert "x0 mesh token" in node.own.problem.mend
        assert 40 < waits[0] < waits[2] <= 1.25 * rotation.RETRY_MAX
        node.own.news()
        assert not node.own._news.is_set(), "another way changes nothing about a refusal"


async def test_a_token_of_another_mesh_is_said_before_anybody_sees_it(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token(domain="other.mesh")).at_issuer(served)
        await node.step()
        assert node.reason == "mesh"
        assert served.service.counts.taken == 0


async def test_without_a_way_or_a_token_it_is_said_what_is_missing(tmp_path: Path) -> None:
    node = Node(tmp_path / "1", a_token())
    wait = await node.step()
    assert (node.reason, wait < BLANK_MAX) == ("no-way", True)
    bare = Node(tmp_path / "2")
    await bare.step()
    assert bare.reason == "settings"
    assert bare.own.problem is not None
    assert "identity.token" in bare.own.problem.mend


async def test_ways_are_tried_in_turn_and_what_each_said_is_told(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        node.ways = [DEAD, *node.ways]
        await node.step()
        assert node.own.state is State.ENROLLED
        assert node.led == [(DEAD, False), (node.ways[1], True)]
    lost = Node(tmp_path / "l", a_token())
    lost.ways = [DEAD, Way(Kind.CONFIGURED, "hill", "::1", 1)]
    await lost.step()
    assert lost.reason == "unreachable"
    assert lost.own.problem is not None
    assert lost.own.problem.what.count("does not answer") == 2


async def test_a_certificate_is_renewed_at_half_its_life_and_not_before(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        await node.step()
        before = node.own.verified
        assert before is not None
        assert 0.39 < ((node.own.renew_at or 0) - NOW) / SVID_LIFE < 0.61
        await node.step()
        assert node.renewed == 1
        node.at = (node.own.renew_at or 0) + 1
        served.trust = trust(Moment(node.at))
        assert node.own.state is State.DUE
        await node.step()
        assert (node.renewed, node.own.state) == (2, State.ENROLLED)
        after = node.own.verified
        assert after is not None
        assert after.key_id != before.key_id
        signer = node.files.signer()
        assert signer is not None
        assert served.service.desk.register.nodes()[0].signing_key == key_id_of(signer.key.public_key())


async def test_without_an_issuer_the_old_identity_stays_and_is_renewed_when_one_returns(
    tmp_path: Path,
) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        await node.step()
        there = node.ways
    node.ways, node.at = [DEAD], NOW + SVID_LIFE + DAY
    waits = [await node.step() for _ in range(4)]
    assert node.own.state is State.OVER
    assert node.own.own is not None
    assert waits == sorted(waits)
    node.now += 50_000.0
    assert not node.own.reachable
    late = identity("hill", ("issuer",), at=node.at)
    async with issuer(tmp_path / "i2", own=late, clock=leaping()) as served:
        served.trust = trust(Moment(node.at))
        assert there
        node.at_issuer(served)
        await node.step()
        assert (node.own.state, node.own.problem, node.own.reachable) == (State.ENROLLED, None, True)


async def test_a_stand_in_at_another_place_renews_while_the_issuer_is_away(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        await node.step()
    node.at = NOW + SVID_LIFE * 0.7
    own = identity("hill-lake", ("issuer",), at=node.at)
    async with issuer(tmp_path / "lake", own=own, stand_in=True) as lake:
        lake.trust = trust(Moment(node.at))
        node.ways = [DEAD, Way(Kind.ANNOUNCED, "hill", "127.0.0.1", lake.port)]
        await node.step()
        assert (node.own.state, node.renewed) == (State.ENROLLED, 2)


async def test_a_node_without_a_clock_enrols_and_renews_after_a_while_of_running(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        node.at, node.trusted = 0.0, False
        await node.step()
        assert node.own.state is State.ENROLLED
        again = Node(tmp_path / "n").at_issuer(served)
        again.at, again.trusted = 0.0, False
        await again.step()
        assert again.renewed == 0
        again.now += 700.0
        await again.step()
        assert again.renewed == 1
        again.now += SVID_LIFE / 2 - 10.0
        await again.step()
        assert again.renewed == 1
        again.now += 400.0
        await again.step()
        assert again.renewed == 2


async def test_a_revoked_node_says_so_and_asks_nobody(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        node = Node(tmp_path / "n", a_token()).at_issuer(served)
        await node.step()
        entries = [Entry(What.NODE, "hill-new", int(NOW))]
        node.standing.take_list(revocation.make(DOMAIN, 1, entries, mesh().root, NOW))
        await node.step()
        assert (node.own.state, node.reason) == (State.REVOKED, "revoked")
        assert served.service.counts.taken == 1


async def test_the_issuers_own_node_enrols_and_renews_in_its_own_book(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", name="hill")
    node.desk = desk_of(tmp_path / "i")
    await node.step()
    assert node.own.verified is not None
    assert node.own.verified.roles == ("router", "issuer")
    node.at = (node.own.renew_at or 0) + 1
    await node.step()
    assert node.renewed == 2
    assert [each.name for each in node.desk.register.nodes()] == ["hill"]
    node.desk.close()


async def test_a_stand_in_renews_its_own_node_by_the_certificate_of_its_signing_key(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        await Node(tmp_path / "n", a_token(roles=("issuer",)), "hill-lake").at_issuer(served).step()
    node = Node(tmp_path / "n", name="hill-lake")
    node.desk, node.at = desk_of(tmp_path / "lake", stand_in=True), (node.own.renew_at or 0) + 1
    await node.step()
    assert (node.own.problem, node.renewed) == (None, 1)
    node.desk.close()


async def test_an_issuer_needs_no_token_and_ignores_one_for_its_own_names(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", a_token(), name="hill")
    node.desk = desk_of(tmp_path / "i")
    await node.step()
    assert node.own.state is State.ENROLLED
    node.desk.close()


async def test_a_clock_that_is_far_behind_is_named_and_the_identity_kept(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i") as served:
        await Node(tmp_path / "n", a_token()).at_issuer(served).step()
        written = (tmp_path / "n" / "svid.pem").read_bytes()
        (tmp_path / "n" / "time-floor").unlink(missing_ok=True)
        node = Node(tmp_path / "n", a_token(), at=NOW - 40 * DAY).at_issuer(served)
        await node.step()
        assert node.reason == "clock"
        assert (tmp_path / "n" / "svid.pem").read_bytes() == written
        node.at = NOW
        await node.step()
        assert (node.own.state, node.reason) == (State.ENROLLED, "")


async def test_an_issuer_without_a_clock_waits_for_it(tmp_path: Path) -> None:
    node = Node(tmp_path / "n", name="hill")
    node.desk, node.trusted = desk_of(tmp_path / "i"), False
    await node.step()
    assert node.own.problem is not None
    assert "clock is not set" in node.own.problem.what
    node.trusted = True
    await node.step()
    assert node.own.state is State.ENROLLED
    node.desk.close()


async def test_whether_an_issuer_can_be_reached_is_looked_at_now_and_then(tmp_path: Path) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        await Node(tmp_path / "n", a_token()).at_issuer(served).step()
        node = Node(tmp_path / "n").at_issuer(served)
        await node.step()
        assert (node.own.reachable, served.service.counts.taken) == (False, 1)
        node.now += 100.0
        await node.step()
        assert node.own.reachable
        await node.step()
        assert served.service.counts.taken == 2, "and no more often than that"
    node.now += 50_000.0
    await node.step()
    assert not node.own.reachable


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KB."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("needs root for a small disk (tmpfs)")
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "x0test", str(where)], check=True)
    yield where
    subprocess.run(["umount", str(where)], check=True)


async def test_a_full_disk_during_renewal_leaves_the_old_identity_in_force(
    tmp_path: Path, small: Path
) -> None:
    async with issuer(tmp_path / "i", clock=leaping()) as served:
        node = Node(small / "identity", a_token()).at_issuer(served)
        await node.step()
        before, written = node.own.own, (small / "identity" / "svid.pem").read_bytes()
        filler = small / "filler"
        with pytest.raises(OSError, match="space"):
            filler.write_bytes(bytes(1 << 20))
        node.at = (node.own.renew_at or 0) + 1
        served.trust = trust(Moment(node.at))
        await node.step()
        assert node.reason == Word.DISK
        assert node.own.own is before
        assert (small / "identity" / "svid.pem").read_bytes() == written
        assert Node(small / "identity").own.verified is not None
        filler.unlink()
        await node.step()
        assert (node.renewed, node.own.problem) == (2, None)
        assert Node(small / "identity").own.own != before
