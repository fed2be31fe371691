# SPDX-License-Identifier: Apache-2.0
"""The life of a key: nothing is ever sent that a live, confirmed neighbour cannot read."""

import random
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.linksec import audience, keytimes
from agent.linksec.errors import Reason
from agent.linksec.inherited import OwnKey
from agent.linksec.keyactions import Action, ChangeOver, Cut, Give, Remove, Sak, Tell
from agent.linksec.keys import SakLife

NAMES = ("anna", "berta", "carla", "dora")


def life(now: float = 0.0, seed: int = 1, **how: object) -> SakLife:
    """A sender with known randomness and no jitter."""
    made = random.Random(seed)
    return SakLife(now, random=made.randbytes, jitter=lambda: 0.5, **how)  # type: ignore[arg-type]


def of(kind: type, actions: list[Action]) -> list[Action]:
    return [one for one in actions if isinstance(one, kind)]


def change(actions: list[Action]) -> Sak:
    """The key these actions change over to."""
    (found,) = (one.sak for one in actions if isinstance(one, ChangeOver))
    return found


def given(actions: list[Action], peer: str) -> Sak:
    """The one key these actions give to a peer."""
    (found,) = (one.sak for one in actions if isinstance(one, Give) and one.peer == peer)
    return found


def linked(sender: SakLife, *names: str, now: float = 0.0) -> Sak:
    """All of them with the current key confirmed."""
    sak = None
    for name in names:
        sak = given(sender.joined(name, b"i" * 8, now), name)
        for action in sender.confirmed(name, sak.key_id, now):
            if isinstance(action, ChangeOver):
                sender.switched(action.sak.key_id, now)
    assert sak is not None
    return sak


def test_nothing_is_sent_before_somebody_confirmed() -> None:
    sender = life()
    sak = given(sender.joined("anna", b"i" * 8, 0.0), "anna")
    assert sender.current is None
    assert change(sender.confirmed("anna", sak.key_id, 0.1)) == sak


def test_receivers_add_first_the_sender_changes_after_all_confirmed_the_old_goes_after_3_s() -> None:
    sender = life()
    old = linked(sender, "anna", "berta")
    offers = sender.tick(keytimes.PERIOD)
    new = given(offers, "anna")
    assert given(offers, "berta") == new
    assert new.an == old.an + 1
    assert new.key != old.key
    at = keytimes.PERIOD + 0.1
    assert sender.confirmed("anna", new.key_id, at) == []
    assert change(sender.confirmed("berta", new.key_id, at)) == new
    told = of(Tell, sender.switched(new.key_id, at))
    assert {(one.peer, one.retire) for one in told if isinstance(one, Tell)} == {
        ("anna", 3.0),
        ("berta", 3.0),
    }
    assert sender.tick(at + 2.9) == []
    assert sender.tick(at + keytimes.RETIRE) == [Remove(old.an)]


def test_who_does_not_confirm_by_the_deadline_is_cut_before_the_change() -> None:
    sender = life()
    linked(sender, "anna", "berta")
    new = given(sender.rekey(1.0), "anna")
    sender.confirmed("anna", new.key_id, 1.1)
    assert sender.tick(1.0 + keytimes.CONFIRM - 0.1) == []
    actions = sender.tick(1.0 + keytimes.CONFIRM)
    assert actions == [Cut("berta", Reason.REKEY), ChangeOver(new)]
    assert not sender.live("berta")


def test_a_revoked_neighbour_is_shut_out_within_five_seconds_though_another_does_not_answer() -> None:
    sender = life()
    old = linked(sender, "anna", "berta", "carla")
    new = given(sender.expel(["berta"], (), 1.0), "anna")
    sender.confirmed("anna", new.key_id, 1.1)
    at = 1.0 + keytimes.CONFIRM_URGENT
    assert change(sender.tick(at)) == new
    sender.switched(new.key_id, at)
    assert Remove(old.an) in sender.tick(at + keytimes.RETIRE_URGENT)
    assert at + keytimes.RETIRE_URGENT - 1.0 < 5.0


def test_a_key_given_to_a_revoked_neighbour_and_not_yet_used_is_never_used() -> None:
    sender = life()
    linked(sender, "anna", "berta")
    doomed = given(sender.rekey(1.0), "anna")
    sender.confirmed("anna", doomed.key_id, 1.1)
    new = given(sender.expel(["berta"], (), 1.2), "anna")
    assert new.key_id != doomed.key_id
    assert sender.confirmed("anna", doomed.key_id, 1.3) == []
    assert change(sender.confirmed("anna", new.key_id, 1.4)) == new


def test_a_key_that_one_who_left_still_has_is_replaced_at_once() -> None:
    sender = life()
    old = linked(sender, "anna", "berta")
    sender.removed("berta", 1.0)
    new = given(sender.expel((), {old.key_id}, 2.0), "anna")
    assert new.key_id != old.key_id
    assert sender.next_due() == 2.0 + keytimes.CONFIRM_URGENT


def test_keys_of_before_that_one_who_left_still_has_are_no_reason_for_another() -> None:
    sender = life()
    linked(sender, "anna")
    assert sender.expel((), {b"an old key 16 by"}, 2.0) == []


def test_of_those_expelled_at_once_none_is_given_the_key_that_comes() -> None:
    sender = life()
    linked(sender, "anna", "berta", "carla")
    actions = sender.expel(["anna", "berta"], (), 1.0)
    assert [one.peer for one in actions if isinstance(one, Give)] == ["carla"]


def test_a_change_the_kernel_is_at_is_followed_by_another_where_one_who_has_that_key_is_expelled() -> None:
    sender = life()
    linked(sender, "anna", "berta")
    doomed = given(sender.rekey(1.0), "anna")
    sender.confirmed("anna", doomed.key_id, 1.1)
    assert change(sender.confirmed("berta", doomed.key_id, 1.1)) == doomed
    assert sender.expel(["berta"], (), 1.2) == []
    assert given(sender.switched(doomed.key_id, 1.3), "anna").key_id != doomed.key_id


@pytest.mark.parametrize(
    ("pn", "wait"), [(keytimes.PN_LIMIT, keytimes.CONFIRM), (keytimes.PN_URGENT, keytimes.CONFIRM_URGENT)]
)
def test_a_key_whose_packet_numbers_run_out_is_replaced(pn: int, wait: float) -> None:
    sender = life()
    linked(sender, "anna")
    assert sender.packet_number(keytimes.PN_LIMIT - 1, 1.0) == []
    given(sender.packet_number(pn, 1.0), "anna")
    assert sender.next_due() == 1.0 + wait


def test_a_change_under_way_is_hurried_where_numbers_run_out_meanwhile() -> None:
    sender = life()
    linked(sender, "anna")
    sender.packet_number(keytimes.PN_LIMIT, 1.0)
    sender.packet_number(keytimes.PN_URGENT, 2.0)
    assert sender.next_due() == 2.0 + keytimes.CONFIRM_URGENT


def test_a_newcomer_is_given_the_key_in_use_with_its_packet_number() -> None:
    sender = life()
    sak = linked(sender, "anna")
    sender.packet_number(5000, 1.0)
    (give,) = sender.joined("berta", b"i" * 8, 2.0)
    assert give == Give("berta", sak, 5000)
    assert not sender.live("berta")
    assert sender.confirmed("berta", sak.key_id, 2.1) == [Tell("berta", sak.key_id, keytimes.RETIRE)]
    assert sender.live("berta")


def test_a_lost_channel_is_no_lost_link_until_the_hold_is_over() -> None:
    sender = life()
    linked(sender, "anna")
    assert sender.lost("anna", 1.0) == []
    assert sender.live("anna")
    assert sender.tick(1.0 + audience.HOLD) == [Cut("anna", Reason.CLOSED)]


def test_a_key_is_not_changed_behind_the_back_of_a_neighbour_whose_agent_restarts() -> None:
    sender = life()
    linked(sender, "anna", "berta")
    sender.lost("anna", keytimes.PERIOD - 1)
    assert sender.tick(keytimes.PERIOD) == []
    assert sender.next_due() == keytimes.PERIOD - 1 + audience.HOLD
    back = sender.joined("anna", b"j" * 8, keytimes.PERIOD + 5)
    assert len({one.sak.an for one in back if isinstance(one, Give) and one.peer == "anna"}) == 2


def test_after_a_restart_neighbours_are_gathered_before_the_key_of_the_earlier_run_is_given_up() -> None:
    sender = life(inherited=OwnKey(2, (), 2))
    first = given(sender.joined("anna", b"i" * 8, 0.5), "anna")
    assert first.an == 3
    assert sender.confirmed("anna", first.key_id, 0.6) == []
    sender.joined("berta", b"i" * 8, 0.7)
    assert change(sender.confirmed("berta", first.key_id, 0.8)) == first
    sender.switched(first.key_id, 0.9)
    assert sender.tick(0.9 + keytimes.RETIRE) == [Remove(2)]


def test_after_a_restart_nobody_is_waited_for_longer_than_it_takes_to_settle() -> None:
    sender = life(inherited=OwnKey(0, (), 2))
    first = given(sender.joined("anna", b"i" * 8, 0.5), "anna")
    sender.confirmed("anna", first.key_id, 0.6)
    assert sender.next_due() <= keytimes.SETTLE
    assert change(sender.tick(keytimes.SETTLE)) == first


def test_a_key_of_an_earlier_run_goes_in_time_though_nobody_confirms_another() -> None:
    sender = life(inherited=OwnKey(0, (), 2))
    sender.joined("anna", b"i" * 8, 0.5)
    assert sender.next_due() <= keytimes.SETTLE
    assert sender.tick(keytimes.SETTLE - 0.1) == []
    assert sender.tick(keytimes.SETTLE) == [Remove(0)]
    assert sender.tick(keytimes.SETTLE + 100) == []


def test_whoever_is_expelled_forces_the_key_of_an_earlier_run_out_at_once() -> None:
    sender = life(inherited=OwnKey(0, (), 3))
    for name in ("anna", "berta"):
        sender.joined(name, b"i" * 8, 0.5)
    new = given(sender.expel(["berta"], (), 1.0), "anna")
    assert sender.confirmed("anna", new.key_id, 1.1) == []
    assert change(sender.tick(1.0 + keytimes.CONFIRM_URGENT)) == new
    nobody = life(inherited=OwnKey(0, (), 3))
    nobody.expel((), (), 1.0)
    assert nobody.tick(1.0 + keytimes.CONFIRM_URGENT) == [Remove(0)]


def test_four_associations_of_an_earlier_run_leave_room_for_a_key_of_ours() -> None:
    sender = life(inherited=OwnKey(2, (0, 1, 3), 1))
    assert sender.joined("anna", b"i" * 8, 0.0) == []
    actions = sender.tick(0.25)
    assert {one.an for one in actions if isinstance(one, Remove)} == {0, 1, 3}
    new = given(actions, "anna")
    assert new.an == 3
    assert change(sender.confirmed("anna", new.key_id, 0.3)) == new


def test_no_key_is_made_twice() -> None:
    first, second = life(seed=1), life(seed=2)
    one, other = linked(first, "anna"), linked(second, "anna")
    assert one.key != other.key
    assert one.key_id != other.key_id


def test_what_the_kernel_refuses_leaves_the_key_in_use_and_is_tried_again() -> None:
    sender = life()
    old = linked(sender, "anna")
    new = given(sender.rekey(1.0), "anna")
    assert change(sender.confirmed("anna", new.key_id, 1.1)) == new
    assert sender.failed(new.key_id, 1.2) == [Remove(new.an)]
    assert sender.current == old
    assert sender.live("anna")
    assert sender.next_due() == 1.2 + keytimes.RETRY
    assert given(sender.tick(1.2 + keytimes.RETRY), "anna").key_id != new.key_id


def test_neighbours_are_bounded() -> None:
    sender = life()
    for number in range(audience.MAX_PEERS):
        sender.joined(f"n{number}", b"i" * 8, 0.0)
    assert sender.joined("one too many", b"i" * 8, 0.0) == [Cut("one too many", Reason.FULL)]
    assert len(sender.peers()) == audience.MAX_PEERS


def test_keys_stand_in_no_repr() -> None:
    sender = life()
    actions = sender.joined("anna", b"i" * 8, 0.0)
    raw = given(actions, "anna").key.reveal()
    shown = repr(actions) + str(actions)
    assert repr(raw)[2:-1] not in shown
    assert raw.hex() not in shown


class Radio(RuleBasedStateMachine):
    """A sender, its kernel and receivers that confirm late, never, or lose their channel."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.life = life(seed=7)
        self.sending: set[tuple[int, bytes]] = set()  # what the kernel may send under at this moment
        self.installed_tx: dict[int, bytes] = {}
        self.pending: list[Sak] = []  # changes the kernel was told of
        self.receivers: dict[str, dict[int, tuple[int, bytes]]] = {}  # number > (age, key)
        self.unsaid: dict[str, list[tuple[int, Sak]]] = {}  # confirmations under way, and when offered
        self.age = 0
        self.used: set[bytes] = set()
        self.revoked_keys: set[bytes] = set()
        self.starts: dict[str, int] = {}

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Give(
                    peer, sak
                ):  # a receiver installs it just before it confirms, in the order of offers
                    self.age += 1
                    mine = self.receivers.get(peer, {})
                    if mine.get(sak.an, (0, b""))[1] == sak.key_id:  # it is there: this offer counts
                        mine[sak.an] = (self.age, sak.key_id)
                    self.unsaid.setdefault(peer, []).append((self.age, sak))
                case ChangeOver(sak):
                    assert sak.key_id not in self.used, "a key is taken into use twice"
                    assert sak.key_id not in self.revoked_keys, "a revoked neighbour has this key"
                    assert sak.an not in {an for an, _ in self.sending}, "the number in use is written over"
                    self.used.add(sak.key_id)
                    self.pending.append(sak)
                    self.installed_tx[sak.an] = sak.key_id
                    self.sending.add((sak.an, sak.key_id))
                case Tell(peer, key_id):
                    mine = self.receivers[peer]
                    age = max(at for at, key in mine.values() if key == key_id)
                    self.receivers[peer] = {an: kept for an, kept in mine.items() if kept[0] >= age}
                case Remove(an):
                    assert an not in {number for number, _ in self.sending}, "the number in use is removed"
                    self.installed_tx.pop(an, None)
                case Cut(peer):
                    assert not self.life.live(peer)
                    self.receivers.pop(peer, None)
                    self.unsaid.pop(peer, None)

    @rule(peer=st.sampled_from(NAMES), restarted=st.booleans())
    def join(self, peer: str, restarted: bool) -> None:
        if restarted:  # the machine, with all that was in its kernel
            self.receivers.pop(peer, None)
            self.starts[peer] = self.starts.get(peer, 0) + 1
        self.unsaid.pop(peer, None)
        self.do(self.life.joined(peer, self.starts.get(peer, 0).to_bytes(8, "big"), self.now))

    @rule(data=st.data())
    @precondition(lambda self: any(self.unsaid.values()))
    def confirm(self, data: st.DataObject) -> None:
        peer = data.draw(st.sampled_from(sorted(p for p, k in self.unsaid.items() if k)))
        age, sak = self.unsaid[peer].pop(0)
        self.receivers.setdefault(peer, {})[sak.an] = (age, sak.key_id)
        self.do(self.life.confirmed(peer, sak.key_id, self.now))

    @rule(peer=st.sampled_from(NAMES))
    def channel_lost(self, peer: str) -> None:
        self.unsaid.pop(peer, None)
        self.do(self.life.lost(peer, self.now))

    @rule(peer=st.sampled_from(NAMES), untrusted=st.booleans())
    def leave(self, peer: str, untrusted: bool) -> None:
        if untrusted:
            had = {k for _, k in self.receivers.get(peer, {}).values()}
            had |= {sak.key_id for _, sak in self.unsaid.get(peer, [])}
            self.revoked_keys |= had - {k for _, k in self.sending}
        self.receivers.pop(peer, None)
        self.unsaid.pop(peer, None)
        gone = self.life.expel([peer], (), self.now) if untrusted else self.life.removed(peer, self.now)
        self.do(gone)

    @rule(works=st.booleans())
    @precondition(lambda self: self.pending)
    def kernel_answers(self, works: bool) -> None:
        sak = self.pending.pop()
        if works:
            self.sending = {(sak.an, sak.key_id)}
            self.do(self.life.switched(sak.key_id, self.now))
        else:
            self.sending.discard((sak.an, sak.key_id))
            self.do(self.life.failed(sak.key_id, self.now))

    @rule(step=st.sampled_from([0.1, 1.0, 2.0, 7.0, 31.0, 700.0]))
    def time_passes(self, step: float) -> None:
        self.now += step
        self.do(self.life.tick(self.now))

    @rule(pn=st.sampled_from([100, keytimes.PN_LIMIT, keytimes.PN_URGENT]))
    def packets(self, pn: int) -> None:
        self.do(self.life.packet_number(pn, self.now))

    @rule(urgent=st.booleans())
    def asked(self, urgent: bool) -> None:
        self.do(self.life.rekey(self.now, urgent=urgent))

    @invariant()
    def whoever_is_live_can_read_whatever_may_be_sent(self) -> None:
        for peer in self.life.peers():
            if self.life.live(peer):
                for an, key in self.sending:
                    assert self.receivers[peer].get(an, (0, b""))[1] == key, (peer, an)

    @invariant()
    def the_timer_is_never_in_the_past(self) -> None:
        assert self.life.next_due() > self.now

    @invariant()
    def at_most_four_numbers_are_used(self) -> None:
        assert len(self.installed_tx) <= 4


Radio.TestCase.settings = settings(max_examples=200, stateful_step_count=50)
TestRadio: Callable[..., object] = Radio.TestCase
