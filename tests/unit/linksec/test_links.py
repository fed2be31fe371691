# SPDX-License-Identifier: Apache-2.0
"""Sessions joined with keys: neighbours come and go, contradictions are cut and named."""

from __future__ import annotations

import pytest

from agent.kernel.macsecrows import Sci
from agent.linksec import audience, keytimes
from agent.linksec.errors import Reason
from agent.linksec.messages import Active, Installed, Offer
from agent.linksec.report import Kind
from tests.unit.linksec.bench import Bench, PretendSession


def test_a_link_is_up_once_both_can_read_each_other() -> None:
    bench = Bench()
    session = bench.session("anna", 2)
    bench.confirm(session)
    assert not bench.saw(Kind.UP)
    bench.links.said(session, Offer(0, b"k" * 16, b"k" * 32, 1))  # type: ignore[arg-type]
    assert [event.peer for event in bench.saw(Kind.UP)] == ["spiffe://tal/node/anna"]
    assert Installed(b"k" * 16) in session.said
    assert any(isinstance(message, Active) for message in session.said)


def test_two_nodes_with_one_identity_are_both_named_and_the_second_is_refused() -> None:
    bench = Bench()
    first = bench.linked("anna", 2)
    second = bench.session("anna", 3, instance=9)
    assert (first.ended, second.ended) == (None, Reason.DUPLICATE)
    (event,) = bench.saw(Kind.DUPLICATE)
    assert "02:00:00:00:01:02" in event.text
    assert "02:00:00:00:01:03" in event.text


def test_one_node_with_two_interfaces_on_a_segment_is_two_neighbours() -> None:
    bench = Bench()
    bench.linked("anna", 2)
    assert bench.session("anna", 3).ended is None
    assert len(bench.links.states()) == 2


def test_a_neighbour_that_claims_anothers_channel_is_cut() -> None:
    bench = Bench()
    first = bench.linked("anna", 2)
    thief = PretendSession(bench.links, "berta", 3)
    thief.channel.sci = first.channel.sci
    bench.links.confirmed(thief)  # type: ignore[arg-type]
    assert thief.ended is Reason.IDENTITY
    assert first.alive


@pytest.mark.parametrize("first_dialled", [True, False])
def test_of_two_channels_dialled_at_once_both_ends_keep_the_same(first_dialled: bool) -> None:
    """Our part is to dial fe80::9: whatever came first, the one that we dialled stays."""
    bench = Bench()
    first = bench.session("anna", 9, dialled=first_dialled)
    second = bench.session("anna", 9, dialled=not first_dialled)
    kept, gone = (first, second) if first_dialled else (second, first)
    assert (kept.ended, gone.ended) == (None, Reason.REPLACED)
    assert len(bench.links.states()) == 1


def test_a_restarted_neighbour_replaces_its_channel() -> None:
    bench = Bench()
    first = bench.linked("anna", 2)
    second = bench.session("anna", 2, instance=2)
    assert (first.ended, second.ended) == (Reason.REPLACED, None)
    assert not bench.saw(Kind.DOWN)


def test_a_renewed_certificate_is_shown_by_new_channels_while_the_keys_stay() -> None:
    bench = Bench()
    first = bench.linked("anna", 2)
    before = (dict(bench.kernel.transmit), dict(bench.kernel.receive))
    bench.links.renew()
    assert first.ended is Reason.STOPPED
    bench.session("anna", 2)
    assert (bench.kernel.transmit, bench.kernel.receive) == before
    assert [event.kind for event in bench.events][-2:] == [Kind.HELD, Kind.RESUMED]
    assert bench.counters.failures == {}


def test_a_lost_channel_takes_the_keys_only_after_the_hold() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    session.cut(Reason.SILENT, "nothing heard")
    assert Sci("02:00:00:00:01:02") in bench.kernel.receive
    bench.now = audience.HOLD
    bench.links.tick()
    assert not bench.kernel.receive
    assert [event.kind for event in bench.events][-1] is Kind.DOWN


def test_a_forged_segment_that_ends_a_channel_takes_no_key_away() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    session.cut(Reason.TLS, "bad record mac")
    assert bench.counters.failures == {"tls": 1}
    assert [event.reason for event in bench.saw(Kind.HELD)] == [Reason.TLS]
    assert Sci("02:00:00:00:01:02") in bench.kernel.receive
    bench.session("anna", 2)
    assert bench.saw(Kind.RESUMED)
    assert not bench.saw(Kind.DOWN)


def test_a_neighbour_that_breaks_the_rules_loses_its_keys_at_once() -> None:
    bench = Bench()
    session = bench.linked("anna", 2)
    session.cut(Reason.FLOOD, "too many messages")
    assert not bench.kernel.receive
    assert bench.counters.failures == {"flood": 1}


def test_a_neighbour_that_does_not_confirm_a_new_key_is_cut_with_that_word() -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.linked("berta", 3)
    bench.now = keytimes.PERIOD * 1.2
    bench.links.tick()
    bench.confirm(anna)
    bench.now += keytimes.CONFIRM
    bench.links.tick()
    assert (anna.ended, berta.ended) == (None, Reason.REKEY)
    assert bench.kernel.transmit[bench.kernel.encoding].key_id == bench.links.current_key()


def test_a_flood_of_strangers_is_counted_whole_and_told_in_part() -> None:
    bench = Bench()
    for number in range(100):
        stranger = PretendSession(bench.links, "", number)
        stranger.peer = ""
        stranger.cut(Reason.TLS, "no group in common")
    assert bench.counters.failures == {"tls": 100}
    assert len(bench.saw(Kind.FAILED)) == 8


@pytest.mark.parametrize("held", [False, True])
def test_a_link_that_is_made_anew_leaves_nothing_and_begins_as_a_strangers(held: bool) -> None:
    bench = Bench()
    session, other = bench.linked("anna", 2), bench.linked("berta", 3)
    if held:
        session.cut(Reason.SILENT, "nothing heard")
    assert bench.links.restart("02:00:00:00:01:02") == ("fe80::2",)
    assert session.ended is (Reason.SILENT if held else Reason.STOPPED)
    assert set(bench.kernel.receive) == {Sci("02:00:00:00:01:03")}
    assert other.alive
    assert [event.peer for event in bench.saw(Kind.DOWN)] == [session.peer]
    again = bench.linked("anna", 2)
    assert any(isinstance(message, Offer) for message in again.said), "it is given our key anew"
    assert Sci("02:00:00:00:01:02") in bench.kernel.receive
    assert len(bench.saw(Kind.UP)) == 3


def test_whom_nobody_knows_cannot_be_made_anew() -> None:
    bench = Bench()
    bench.linked("anna", 2)
    assert bench.links.restart("02:00:00:00:01:09") == ()
    assert not bench.saw(Kind.DOWN)


def test_a_key_that_is_changed_on_wish_waits_for_nobody_longer_than_a_revocation_does() -> None:
    bench = Bench()
    anna, berta = bench.linked("anna", 2), bench.linked("berta", 3)
    before = bench.links.current_key()
    bench.links.rekey()
    bench.confirm(anna)
    assert bench.links.current_key() == before, "berta may still confirm"
    bench.now += keytimes.CONFIRM_URGENT
    bench.links.tick()
    assert bench.links.current_key() != before
    assert (anna.ended, berta.ended) == (None, Reason.REKEY)
