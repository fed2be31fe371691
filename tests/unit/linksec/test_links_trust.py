# SPDX-License-Identifier: Apache-2.0
"""Who is trusted no more loses its keys and costs us ours: now, held, gone, or of an earlier run."""

from __future__ import annotations

import pytest

from agent.kernel.macsecrows import Sci
from agent.linksec import audience, holders, keytimes
from agent.linksec.errors import Reason
from agent.linksec.report import Kind
from tests.unit.linksec.bench import Bench, PretendSession, stopped


def test_a_revoked_neighbour_loses_its_keys_at_once_and_ours_is_changed() -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.linked("berta", 3)
    bench.refused.add(b"berta")
    assert bench.links.recheck() == ("spiffe://tal/node/berta",)
    assert berta.ended is Reason.REVOKED
    assert Sci("02:00:00:00:01:03") not in bench.kernel.receive
    before = bench.kernel.encoding
    bench.confirm(anna)
    assert bench.kernel.encoding != before
    assert bench.counters.rekeys == 1


def test_a_handshake_that_was_done_before_a_revocation_makes_no_neighbour_after_it() -> None:
    bench = Bench()
    late = PretendSession(bench.links, "berta", 3)
    bench.refused.add(b"berta")
    bench.links.recheck()
    assert not bench.links.confirmed(late)  # type: ignore[arg-type]
    assert late.ended is Reason.REVOKED
    assert not late.said, "no key was given"
    assert not bench.links.states()


def test_a_held_neighbour_that_was_revoked_meanwhile_is_expelled_too() -> None:
    bench = Bench()
    berta = bench.linked("berta", 3)
    berta.cut(Reason.CLOSED, "its agent restarts")
    assert bench.saw(Kind.HELD)
    bench.refused.add(b"berta")
    assert bench.links.recheck()
    assert not bench.links.states()


@pytest.mark.parametrize("how", ["held too long", "good-bye", "broke the rules"])
def test_one_that_left_with_our_key_and_is_revoked_later_costs_us_the_key(how: str) -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.linked("berta", 3)
    berta.cut(Reason.MESSAGE if how == "broke the rules" else Reason.CLOSED, how)
    if how == "held too long":
        bench.now = audience.HOLD
        bench.links.tick()
    before = bench.kernel.encoding
    bench.refused.add(b"berta")
    assert bench.links.recheck() == ("spiffe://tal/node/berta",)
    bench.confirm(anna)
    assert bench.kernel.encoding != before
    assert bench.links.recheck() == (), "once"


def test_one_that_left_before_it_had_confirmed_a_key_counts_as_having_it() -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.session("berta", 3)
    berta.cut(Reason.CLOSED, "gone before it confirmed")
    before = bench.kernel.encoding
    bench.refused.add(b"berta")
    assert bench.links.recheck()
    bench.confirm(anna)
    assert bench.kernel.encoding != before


def test_one_that_left_before_our_key_was_changed_has_nothing_of_ours() -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.linked("berta", 3)
    berta.cut(Reason.MESSAGE, "broke the rules")
    bench.now = keytimes.PERIOD * 1.2
    bench.links.tick()
    bench.confirm(anna)
    before = bench.counters.rekeys
    bench.refused.add(b"berta")
    assert bench.links.recheck() == ()
    bench.confirm(anna)
    assert bench.counters.rekeys == before


def test_those_who_were_given_our_key_are_bounded_and_a_new_key_makes_room() -> None:
    bench = Bench()
    anna = bench.linked("anna", 2)
    for number in range(holders.MAX_HOLDERS - 1):
        bench.session(f"n{number}", 3).cut(Reason.MESSAGE, "gone again")
    assert bench.session("late", 3).ended is Reason.FULL
    bench.confirm(anna)
    bench.links.tick()
    assert bench.session("late", 3).ended is None


def test_what_an_earlier_run_left_of_neighbours_that_never_return_is_removed() -> None:
    after = Bench(stopped("anna"))
    after.links.tick()
    assert after.kernel.receive
    after.now = keytimes.SETTLE + audience.HOLD
    after.links.tick()
    assert not after.kernel.receive


def test_a_channel_that_an_earlier_run_left_is_given_back_to_its_owner_and_to_nobody_else() -> None:
    after = Bench(stopped("anna"))
    thief = PretendSession(after.links, "berta", 2)
    assert not after.links.confirmed(thief)  # type: ignore[arg-type]
    assert thief.ended is Reason.IDENTITY
    assert after.session("anna", 2).ended is None
    after.now = keytimes.SETTLE + audience.HOLD
    after.links.tick()
    assert after.kernel.receive, "it is a neighbour's now, and goes on"


def test_a_channel_of_which_nobody_can_say_whose_it_is_goes_at_once() -> None:
    after = Bench(stopped("anna"), file=False)
    assert not after.kernel.receive
    assert after.session("berta", 2).ended is None


def test_one_that_was_revoked_while_the_agent_restarted_loses_its_keys_and_ours_at_once() -> None:
    after = Bench(stopped("anna", "berta"))
    after.refused.add(b"berta")
    assert after.links.recheck() == ("spiffe://tal/node/berta",)
    assert list(after.kernel.receive) == [Sci("02:00:00:00:01:02")]
    old = after.kernel.encoding
    after.now = keytimes.CONFIRM_URGENT
    after.links.tick()
    assert old not in after.kernel.transmit


def test_whose_channels_are_there_is_kept_as_neighbours_come_and_go() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    bench.links.tick()
    assert [one.peer for one in bench.owners.kept.values()] == ["spiffe://tal/node/anna"]
    session.cut(Reason.FLOOD, "too many messages")
    bench.links.tick()
    assert not bench.owners.kept
