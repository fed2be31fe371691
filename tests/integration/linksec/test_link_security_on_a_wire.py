# SPDX-License-Identifier: Apache-2.0
"""Two services on the two ends of a real (veth) wire; the kernel's MACsec is played by memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from agent.linksec.errors import Reason
from agent.linksec.report import Kind
from agent.linksec.service import LinkSecurity
from agent.linksec.tls import Contexts
from tests.integration.linksec.running import Node, node
from tests.integration.netns import missing, pair
from tests.unit.linksec.authority import Mesh

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
MAC_A, MAC_B = "02:00:00:00:00:01", "02:00:00:00:00:02"


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    with pair("s") as names:
        yield names


def both_up(a: Node, b: Node) -> None:
    for one, other in ((a, b), (b, a)):
        one.until(partial(one.saw, Kind.UP))
        one.until(partial(other.kernel.readable_by, one.kernel))


def resumed_since(one: Node, before: int) -> bool:
    return len(one.saw(Kind.RESUMED)) > before


def test_two_neighbours_find_each_other_and_each_can_read_the_other(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        assert [event.peer for event in a.saw(Kind.UP)] == ["spiffe://tal/node/berta"]
        assert [event.mac for event in b.saw(Kind.UP)] == [MAC_A]
        (state,) = a.call(lambda service: service.states())
        assert state.up
        # the end with the lower address dials, the other is dialled, once
        assert (a.service.counters.dialled, b.service.counters.dialled) == (1, 0)
        assert b.service.counters.accepted == 1


def test_a_restarted_agent_takes_the_link_over_with_a_key_of_its_own(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        a.stop()
        b.until(lambda: bool(b.saw(Kind.HELD)))
        assert a.kernel.readable_by(b.kernel), "the kernels work on"
        a.events.clear()
        a.start()
        both_up(a, b)
        assert len(set(a.kernel.keys_used)) == 2
        assert not b.saw(Kind.DOWN)


def test_revocation_cuts_the_link_and_changes_the_key(wire: tuple[str, str], mesh: Mesh) -> None:
    own = Mesh()
    with node(wire[0], MAC_A, own, "anna") as a, node(wire[1], MAC_B, own, "berta") as b:
        both_up(a, b)
        began = time.monotonic()
        own.revoked.add("spiffe://tal/node/berta")
        assert a.call(lambda service: service.recheck()) == ("spiffe://tal/node/berta",)
        a.until(lambda: not b.kernel.readable_by(a.kernel))
        a.until(lambda: bool(a.saw(Kind.REKEYED)))
        b.until(lambda: not a.kernel.readable_by(b.kernel))
        assert time.monotonic() - began < 5.0
        b.until(lambda: bool(b.saw(Kind.FAILED)))  # it comes again and is refused
        assert {event.reason for event in a.saw(Kind.FAILED)} <= {Reason.REVOKED, Reason.CERTIFICATE}


def test_a_renewed_certificate_is_shown_within_a_second_or_so_and_no_key_changes(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        for one, other, name in ((a, b, "anna"), (b, a, "berta")):
            used, seen = len(one.kernel.keys_used), len(other.saw(Kind.RESUMED))
            fresh = mesh.node(name)
            one.contexts = Contexts(fresh)
            one.call(lambda service: service.renew())
            other.until(partial(resumed_since, other, seen))
            shown = other.call(
                lambda service: [found.chain[0] for found in service._connections.sessions.values()]
            )
            assert shown == [fresh.chain[0]]
            assert len(one.kernel.keys_used) == used
        assert a.kernel.readable_by(b.kernel)
        assert not a.saw(Kind.DOWN) + b.saw(Kind.DOWN)


def forged(one: Node) -> None:
    """What a segment inside TCP's window does that somebody on the wire made up."""

    def take(service: LinkSecurity) -> None:
        (session,) = service._connections.sessions.values()
        session.data_received(b"\x17\x03\x03\x00\x20" + bytes(32))

    one.call(take)


def test_a_forged_segment_costs_the_channel_and_not_the_link(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        before = len(a.kernel.keys_used)
        forged(a)
        for one in (a, b):
            one.until(partial(one.saw, Kind.RESUMED))
            assert not one.saw(Kind.DOWN)
        assert a.saw(Kind.HELD)[0].reason is Reason.TLS
        assert a.kernel.readable_by(b.kernel)
        assert b.kernel.readable_by(a.kernel)
        assert len(a.kernel.keys_used) == before


def test_what_a_neighbour_is_told_of_a_run_is_not_what_everybody_hears(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        (told,) = a.call(lambda service: [one.channel for one in service._connections.sessions.values()])
        assert told is not None
        assert told.instance == b.service._run.towards("spiffe://tal/node/anna")
        assert told.instance != b.service._run.mark


def test_a_link_goes_on_while_our_identity_cannot_be_read_and_that_is_told(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        kept, a.contexts = a.contexts, None
        a.until(lambda: a.service.problem)
        assert "cannot be read" in a.service.problem
        assert [state.held for state in a.call(lambda service: service.states())] == [False]
        a.contexts = kept
        a.until(lambda: not a.service.problem)
        assert not a.saw(Kind.DOWN) + b.saw(Kind.DOWN) + b.saw(Kind.HELD)


def test_a_neighbour_that_is_revoked_while_the_agent_restarts_is_shut_out(
    wire: tuple[str, str], mesh: Mesh
) -> None:
    own = Mesh()
    with node(wire[0], MAC_A, own, "anna") as a, node(wire[1], MAC_B, own, "berta") as b:
        both_up(a, b)
        a.until(lambda: a.owners.kept)
        a.stop()
        b.stop()
        own.revoked.add("spiffe://tal/node/berta")
        a.start()
        a.until(lambda: not b.kernel.readable_by(a.kernel))
        a.until(lambda: not a.kernel.readable_by(b.kernel))
        assert a.saw(Kind.DOWN)[-1].peer == "spiffe://tal/node/berta"


def test_a_neighbour_of_another_mesh_is_left_alone(wire: tuple[str, str], mesh: Mesh) -> None:
    foreign = Mesh()  # same name, another root: the beacon cannot tell
    with node(wire[0], MAC_A, mesh, "anna") as a, node(wire[1], MAC_B, foreign, "berta") as b:
        a.until(lambda: bool(a.saw(Kind.FAILED)))
        assert a.saw(Kind.FAILED)[0].reason is Reason.CERTIFICATE
        b.until(lambda: bool(b.saw(Kind.FAILED)))
        assert not a.saw(Kind.UP) + b.saw(Kind.UP)
        assert not a.kernel.calls.count("install") + b.kernel.calls.count("install")


def test_keys_change_on_the_timer_and_each_change_can_be_read(wire: tuple[str, str], mesh: Mesh) -> None:
    with node(wire[0], MAC_A, mesh, "anna", period=1.0) as a, node(wire[1], MAC_B, mesh, "berta") as b:
        both_up(a, b)
        a.until(lambda: len(a.saw(Kind.REKEYED)) >= 3)
        b.until(lambda: a.kernel.readable_by(b.kernel))
        assert len(set(a.kernel.keys_used)) == len(a.kernel.keys_used) >= 4
        assert not b.saw(Kind.DOWN)
