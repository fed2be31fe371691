# SPDX-License-Identifier: Apache-2.0
"""Inside the connection: both ends confirm before a key moves; out of turn, out of bounds or out of rate is
cut."""

from __future__ import annotations

import pytest

from agent.kernel.macsecrows import Sci
from agent.linksec import channel as rules
from agent.linksec import messages
from agent.linksec.channel import Channel, Stage
from agent.linksec.errors import ChannelError, Reason
from agent.linksec.messages import (
    Active,
    Deframer,
    Greeting,
    Installed,
    Message,
    Offer,
    Ping,
    Pong,
    Ready,
)

A, B = "spiffe://tal/node/anna", "spiffe://tal/node/berta"
KEY_ID = bytes(16)
OFFER = Offer(1, KEY_ID, bytes(32), 1)


def end(me: str = A, peer: str = B, number: int = 1, now: float = 0.0) -> Channel:
    return Channel(
        me=me, peer=peer, instance=bytes([number]) * 8, sci=Sci(f"02:00:00:00:00:{number:02x}"), now=now
    )


def pair() -> tuple[Channel, Channel]:
    """Two ends that have confirmed."""
    a, b = end(), end(B, A, 2)
    for _ in range(2):
        for source, target in ((a, b), (b, a)):
            assert target.receive(source.take(), 0.0) == []
    assert a.confirmed
    assert b.confirmed
    return a, b


def greeting(**how: object) -> Greeting:
    """Berta's to Anna."""
    fields = {"version": 1, "me": B, "you": A, "instance": b"\2" * 8, "sci": Sci("02:00:00:00:00:02").packed}
    return Greeting(**(fields | how))  # type: ignore[arg-type]


def cut(channel: Channel, *said: Message, now: float = 0.0) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        channel.receive(b"".join(messages.frame(one) for one in said), now)
    return caught.value


def test_no_key_is_given_before_both_have_confirmed() -> None:
    a, b = end(), end(B, A, 2)
    with pytest.raises(ChannelError, match="before both ends confirmed"):
        a.send(OFFER)
    b.receive(a.take(), 0.0)
    assert b.stage is Stage.READY
    with pytest.raises(ChannelError, match="before both ends confirmed"):
        b.send(OFFER)


@pytest.mark.parametrize("early", [OFFER, Installed(KEY_ID), Active(KEY_ID, 0), Ping(1), Ready(b"\1" * 8)])
def test_whatever_comes_before_the_greeting_is_cut(early: Message) -> None:
    assert cut(end(), early).reason is Reason.MESSAGE


@pytest.mark.parametrize("early", [OFFER, Installed(KEY_ID), Ping(1)])
def test_a_key_that_comes_before_ready_is_cut_and_not_taken(early: Message) -> None:
    assert cut(end(), greeting(), early).reason is Reason.MESSAGE


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (greeting(me="spiffe://tal/node/carla"), Reason.IDENTITY),
        (greeting(you="spiffe://tal/node/carla"), Reason.IDENTITY),
        (greeting(instance=b"\1" * 8), Reason.IDENTITY),
        (greeting(sci=Sci("02:00:00:00:00:01").packed), Reason.IDENTITY),
        (greeting(sci=Sci("03:00:00:00:00:02").packed), Reason.MESSAGE),
        (greeting(sci=bytes(8)), Reason.MESSAGE),
    ],
)
def test_a_greeting_that_contradicts_the_certificates_or_claims_our_address_is_cut(
    said: Greeting, reason: Reason
) -> None:
    assert cut(end(), said).reason is reason


def test_another_node_with_our_own_identity_is_told() -> None:
    error = cut(end(A, A), greeting(me=A, you=A))
    assert error.reason is Reason.DUPLICATE
    assert "02:00:00:00:00:02" in str(error)


def test_a_ready_for_another_instance_of_us_is_cut() -> None:
    assert cut(end(), greeting(), Ready(b"\7" * 8)).reason is Reason.IDENTITY


def test_a_greeting_or_ready_again_is_cut() -> None:
    for again in (greeting(), Ready(b"\1" * 8)):
        a, _ = pair()
        assert cut(a, again).reason is Reason.MESSAGE


def test_messages_about_keys_pass_once_confirmed_and_pings_are_answered() -> None:
    a, b = pair()
    for message in (OFFER, Installed(KEY_ID), Active(KEY_ID, 3000), Ping(7)):
        a.send(message)
    assert b.receive(a.take(), 0.0) == [OFFER, Installed(KEY_ID), Active(KEY_ID, 3000)]
    assert a.receive(b.take(), 0.0) == [Pong(7)]


def test_more_messages_than_the_rate_are_cut() -> None:
    a, _ = pair()
    burst = [Ping(number) for number in range(int(rules.BURST) + 1)]
    assert cut(a, *burst).reason is Reason.FLOOD


def test_more_keys_than_their_rate_are_cut_before_they_are_work_for_the_kernel() -> None:
    a, b = pair()
    for number in range(int(rules.OFFER_BURST)):
        b.send(OFFER)
        assert a.receive(b.take(), 0.01 * number) == [OFFER]
    assert cut(a, OFFER, now=0.5).reason is Reason.FLOOD


def without_end(channel: Channel) -> None:
    for _ in range(rules.MAX_OUT):
        channel.send(OFFER)


def test_a_peer_that_makes_us_answer_and_reads_nothing_is_cut() -> None:
    a, b = pair()
    with pytest.raises(ChannelError) as caught:
        without_end(a)
    assert caught.value.reason is Reason.SILENT
    assert b.confirmed


def test_a_good_bye_names_its_reason_and_ends_it() -> None:
    a, b = pair()
    a.close(Reason.REVOKED)
    with pytest.raises(ChannelError, match="revoked") as caught:
        b.receive(a.take(), 0.0)
    assert caught.value.reason is Reason.CLOSED
    assert a.receive(messages.frame(OFFER), 0.0) == []
    with pytest.raises(ChannelError):
        a.send(OFFER)


def test_a_message_in_pieces_is_put_together_whatever_the_pieces() -> None:
    raw = messages.frame(OFFER) + messages.frame(Ping(1))
    for size in range(1, len(raw)):
        deframer = Deframer()
        found = [one for at in range(0, len(raw), size) for one in deframer.feed(raw[at : at + size])]
        assert found == [OFFER, Ping(1)]


def test_a_message_that_announces_too_much_is_cut_before_it_is_kept() -> None:
    with pytest.raises(ChannelError) as caught:
        Deframer().feed(messages.LENGTH.pack(messages.MAX_FRAME + 1))
    assert caught.value.reason is Reason.TOO_LONG


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x81\x09",  # a tag nobody has
        b"\x82\x06\x18\x05",  # a number in more bytes than it needs
        b"\x9f\x06\x05\xff",  # an indefinite length
        b"\x82\x06\x20",  # a negative number
        b"\x82\x06\xf6",  # null
        b"\x82\x06\xfb" + bytes(8),  # a float
        b"\x85\x03\x04\x50" + bytes(16) + b"\x58\x20" + bytes(32) + b"\x01",  # association 4
        b"\x85\x03\x01\x50" + bytes(16) + b"\x50" + bytes(16) + b"\x01",  # a key of 128 bits
        b"\x85\x03\x01\x50" + bytes(16) + b"\x58\x20" + bytes(32) + b"\x00",  # packet number 0
    ],
)
def test_what_is_no_message_of_ours_is_cut(body: bytes) -> None:
    with pytest.raises(ChannelError) as caught:
        Deframer().feed(messages.LENGTH.pack(len(body)) + body)
    assert caught.value.reason is Reason.MESSAGE


def test_the_longest_message_fits_its_bound() -> None:
    longest = greeting(me="spiffe://" + "a" * 246, you="spiffe://" + "b" * 246)
    assert len(messages.frame(longest)) - 2 <= messages.MAX_FRAME
    assert Deframer().feed(messages.frame(longest)) == [longest]


def test_a_later_versions_additions_are_skipped() -> None:
    raw = b"\x83\x06\x05\x61x"  # a ping with a text more
    assert Deframer().feed(messages.LENGTH.pack(len(raw)) + raw) == [Ping(5)]


def test_an_offered_key_is_in_no_repr() -> None:
    offer = Offer(1, KEY_ID, bytes(range(32)), 1)
    assert bytes(range(32)).hex() not in repr(offer)
    assert repr(bytes(range(32)))[2:20] not in repr([offer])
