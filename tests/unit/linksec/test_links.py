# SPDX-License-Identifier: Apache-2.0
"""Sessions joined with keys: contradictions are cut and named, and what the kernel refuses harms no link in
use."""

from __future__ import annotations

import random

import pytest

from agent.kernel.errors import KernelError
from agent.kernel.macsecrows import Sci
from agent.kernel.secret import Secret
from agent.linksec import audience, contradictions, holders, kernelkeys, keytimes
from agent.linksec.channel import Channel
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.inherited import OwnKey
from agent.linksec.judged import Chain, Judged
from agent.linksec.keyactions import Sak
from agent.linksec.keys import SakLife
from agent.linksec.links import SecuredLinks
from agent.linksec.messages import Active, Installed, Message, Offer
from agent.linksec.report import Counters, Kind, LinkEvent
from agent.linksec.worker import Done, Job
from tests.unit.linksec.pretend import PretendMacsec, PretendOwners

ME = "spiffe://tal/node/me"
OWN = Sci("02:00:00:00:00:01")


class PretendSession:
    """A confirmed session that keeps what it is told."""

    def __init__(
        self, links: SecuredLinks, peer: str, number: int, instance: int = 1, *, dialled: bool = True
    ):
        self.peer, self.address, self.dialled = f"spiffe://tal/node/{peer}", f"fe80::{number:x}", dialled
        self.chain = (peer.encode(),)
        self.channel = Channel(me=ME, peer=self.peer, instance=b"x" * 8, sci=OWN, now=0.0)
        self.channel.sci, self.channel.instance = Sci(f"02:00:00:00:01:{number:02x}"), bytes([instance]) * 8
        self.alive = True
        self.said: list[Message] = []
        self.ended: Reason | None = None
        self._links = links

    def say(self, message: Message) -> None:
        self.said.append(message)

    def cut(self, reason: Reason, text: str) -> None:
        if self.ended is None:
            self.ended, self.alive = reason, False
            self._links.ended(self, reason, text)  # type: ignore[arg-type]


class Bench:
    """One interface with a kernel in memory; jobs run at once unless `held`.

    `before`: of the agent's earlier run, whose kernel this is; `file`: the file of that run is there, too.
    """

    def __init__(self, before: Bench | None = None, *, file: bool = True) -> None:
        self.now = 0.0
        self.events: list[LinkEvent] = []
        self.counters = Counters()
        self.kernel = before.kernel if before else PretendMacsec(OWN)
        self.owners = before.owners if before and file else PretendOwners()
        self.refused: set[bytes] = set()
        self.held: list[tuple[Job, Done]] | None = None
        made = random.Random(2 if before else 1)

        def life(inherited: OwnKey) -> SakLife:
            return SakLife(self.now, random=made.randbytes, jitter=lambda: 0.5, inherited=inherited)

        self.links = SecuredLinks(
            "e1",
            life=life,
            found=self.kernel.state(),
            owners=self.owners.load(),
            keep=self.owners.save,
            installer=self.kernel,
            submit=self.submit,
            verify=self.verify,
            we_dial=lambda address: address > "fe80::5",
            suite="hybrid",
            counters=self.counters,
            on_event=self.events.append,
            clock=lambda: self.now,
        )

    def submit(self, job: Job, done: Done) -> None:
        if self.held is not None:
            self.held.append((job, done))
            return
        try:
            job()
        except KernelError as error:
            done(error)
        else:
            done(None)

    def verify(self, chain: Chain) -> Judged:
        if chain[0] in self.refused:
            raise PeerRefusedError("revoked", Reason.REVOKED)
        return Judged(f"spiffe://tal/node/{chain[0].decode()}", chain)

    def session(self, peer: str, number: int, instance: int = 1, *, dialled: bool = True) -> PretendSession:
        """A new confirmed session, taken in."""
        made = PretendSession(self.links, peer, number, instance, dialled=dialled)
        self.links.confirmed(made)  # type: ignore[arg-type]
        return made

    def linked(self, peer: str, number: int) -> PretendSession:
        """A session with keys both ways."""
        made = self.session(peer, number)
        self.confirm(made)
        offer = Offer(0, bytes([number]) * 16, bytes([number]) * 32, 1)
        self.links.said(made, offer)  # type: ignore[arg-type]
        return made

    def confirm(self, session: PretendSession) -> None:
        """It confirms every key it was offered."""
        for message in [one for one in session.said if isinstance(one, Offer)]:
            self.links.said(session, Installed(message.key_id))  # type: ignore[arg-type]

    def saw(self, kind: Kind) -> list[LinkEvent]:
        return [event for event in self.events if event.kind is kind]


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


def test_what_an_earlier_run_left_of_neighbours_that_never_return_is_removed() -> None:
    after = Bench(stopped("anna"))
    after.links.tick()
    assert after.kernel.receive
    after.now = keytimes.SETTLE + audience.HOLD
    after.links.tick()
    assert not after.kernel.receive


def stopped(*names: str) -> Bench:
    """A run that has ended, with keys of and for all of these."""
    before = Bench()
    for number, name in enumerate(names, 2):
        before.linked(name, number)
    before.links.tick()
    return before


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


def test_a_flood_of_strangers_is_counted_whole_and_told_in_part() -> None:
    bench = Bench()
    for number in range(100):
        stranger = PretendSession(bench.links, "", number)
        stranger.peer = ""
        stranger.cut(Reason.TLS, "no group in common")
    assert bench.counters.failures == {"tls": 100}
    assert len(bench.saw(Kind.FAILED)) == 8


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
