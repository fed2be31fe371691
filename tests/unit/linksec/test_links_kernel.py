# SPDX-License-Identifier: Apache-2.0
"""What the kernel refuses harms no link in use; what it must give up is given up; its room is shared."""

from __future__ import annotations

from agent.kernel.macsecrows import Sci
from agent.kernel.secret import Secret
from agent.linksec import audience, contradictions, kernelkeys, keytimes
from agent.linksec.errors import Reason
from agent.linksec.keyactions import Sak
from agent.linksec.messages import Installed, Offer
from tests.unit.linksec.bench import Bench, stopped


def test_a_key_the_kernel_refuses_leaves_the_link_and_is_tried_again() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    bench.kernel.refuse = "change_over"
    bench.now = keytimes.PERIOD * 1.2
    bench.links.tick()
    bench.confirm(session)
    assert bench.counters.failures == {"kernel": 1}
    assert session.alive
    bench.kernel.refuse = ""
    bench.now += keytimes.RETRY
    bench.links.tick()
    bench.confirm(session)
    assert bench.counters.rekeys == 1


def test_a_neighbours_key_the_kernel_refuses_ends_that_link_with_a_reason() -> None:
    bench = Bench()
    session = bench.session("anna", 2)
    bench.kernel.refuse = "install"
    bench.links.said(session, Offer(0, b"k" * 16, b"k" * 32, 1))  # type: ignore[arg-type]
    assert session.ended is Reason.KERNEL
    assert not any(isinstance(message, Installed) for message in session.said)


def test_nothing_is_confirmed_before_the_kernel_has_answered() -> None:
    bench = Bench()
    session = bench.session("anna", 2)
    bench.held = []
    bench.links.said(session, Offer(0, b"k" * 16, b"k" * 32, 1))  # type: ignore[arg-type]
    assert not any(isinstance(message, Installed) for message in session.said)
    ((job, done),) = bench.held
    job()
    done(None)
    assert Installed(b"k" * 16) in session.said


def test_the_channels_of_one_identity_are_bounded_whatever_there_is_room_for() -> None:
    bench = Bench()
    taken = [bench.session("mallory", number).ended for number in range(2, 2 + audience.MAX_PEERS)]
    assert taken.count(None) == contradictions.MAX_CHANNELS_EACH
    assert set(taken) == {None, Reason.FULL}
    assert bench.session("anna", 0xFE).ended is None


def test_a_channel_the_kernel_has_not_removed_still_takes_room() -> None:
    bench = Bench()
    bench.kernel.refuse = "forget_all"
    for number in range(audience.MAX_PEERS):
        bench.linked(f"n{number}", number + 2).cut(Reason.MESSAGE, "broke the rules")
    assert bench.session("late", 0xFE).ended is Reason.FULL
    bench.kernel.refuse = ""
    bench.now = kernelkeys.RETRY
    bench.links.tick()
    assert not bench.kernel.receive
    assert bench.session("late", 0xFE).ended is None


def test_a_neighbour_the_kernel_did_not_forget_is_forgotten_at_the_next_try() -> None:
    bench = Bench()
    berta = bench.linked("berta", 3)
    bench.kernel.refuse = "forget_all"
    bench.refused.add(b"berta")
    bench.links.recheck()
    assert berta.ended is Reason.REVOKED
    assert bench.kernel.receive
    bench.kernel.refuse = ""
    bench.now = kernelkeys.RETRY
    bench.links.tick()
    assert not bench.kernel.receive


def test_what_is_in_the_kernel_and_nobodys_is_removed_when_it_is_looked_at() -> None:
    bench = Bench(stopped("anna"))
    bench.linked("berta", 3)
    bench.kernel.install(Sci("02:00:00:00:01:77"), Sak(0, b"k" * 16, Secret(b"k" * 32)), 1)
    bench.links.state(bench.kernel.state())
    assert set(bench.kernel.receive) == {Sci("02:00:00:00:01:02"), Sci("02:00:00:00:01:03")}


def test_a_key_the_kernel_refuses_while_its_neighbour_is_away_ends_the_link() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    bench.held = []
    bench.links.said(session, Offer(1, b"n" * 16, b"n" * 32, 1))  # type: ignore[arg-type]
    session.cut(Reason.CLOSED, "its agent restarts")
    bench.kernel.refuse = "install"
    for job, done in tuple(bench.held):
        bench.held.remove((job, done))
        job()
        done(None)
    assert not bench.links.states(), "else it would wait for a key that never comes"


def test_neighbours_are_bounded() -> None:
    bench = Bench()
    for number in range(audience.MAX_PEERS):
        bench.session(f"n{number}", number + 2)
    assert bench.session("late", 0xFE).ended is Reason.FULL
    assert len(bench.links.states()) == audience.MAX_PEERS
