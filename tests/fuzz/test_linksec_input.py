# SPDX-License-Identifier: Apache-2.0
"""Whatever a link or a peer sends to link security: read or refused by its own errors, within bounds."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.kernel.errors import NetlinkFormatError
from agent.kernel.macsecrows import Sci, secy
from agent.linksec import beacon, messages
from agent.linksec.beacon import MAX_BYTES, Beacon
from agent.linksec.channel import MAX_OUT, Channel
from agent.linksec.errors import BeaconError, ChannelError, TlsError
from agent.linksec.messages import Deframer
from agent.linksec.tls import Contexts
from tests.unit.kernel import macsecanswers
from tests.unit.linksec.authority import Mesh, take_all

eight = st.binary(min_size=8, max_size=8)
beacons = st.builds(
    Beacon,
    version=st.just(1),
    mesh=eight,
    instance=eight,
    port=st.integers(1, 65535),
    suite=st.from_regex(r"\A[a-z0-9-]{1,16}\Z"),
    mode=st.sampled_from(["required", "preferred"]),
    interval_ms=st.integers(100, 60_000),
    issuers=st.lists(eight, max_size=4).map(tuple),
)
said = st.one_of(
    st.builds(messages.Offer, st.integers(0, 3), st.binary(min_size=16, max_size=16),
              st.binary(min_size=32, max_size=32), st.integers(1, 2**32 - 1)),
    st.builds(messages.Installed, st.binary(min_size=16, max_size=16)),
    st.builds(messages.Active, st.binary(min_size=16, max_size=16), st.integers(0, 3000)),
    st.builds(messages.Ping, st.integers(0, 2**32 - 1)),
    st.builds(messages.Ready, eight),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Something real, cut off, with bytes overwritten or inserted."""
    raw = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(raw) - 1)))
        match draw(st.integers(0, 2)):
            case 0:
                del raw[place:]
            case 1:
                raw[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case _:
                raw[place:place] = draw(st.binary(max_size=8))
    return bytes(raw)


@given(beacons)
def test_every_beacon_comes_back_as_it_was(sent: Beacon) -> None:
    data = beacon.encode(sent)
    assert len(data) <= 90
    assert beacon.decode(data) == sent


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=MAX_BYTES + 10), damaged(beacons.map(beacon.encode))))
def test_any_datagram_is_a_beacon_in_its_one_form_or_refused(data: bytes) -> None:
    with contextlib.suppress(BeaconError):
        assert len(beacon.encode(beacon.decode(data))) <= len(data) <= MAX_BYTES


@settings(max_examples=500)
@given(
    st.lists(st.one_of(st.binary(max_size=80), damaged(said.map(messages.frame)), said.map(messages.frame)))
)
def test_any_clear_text_is_messages_or_refused_and_what_waits_is_bounded(pieces: list[bytes]) -> None:
    deframer = Deframer()
    with contextlib.suppress(ChannelError):
        for piece in pieces:
            deframer.feed(piece)
            assert len(deframer._rest) <= messages.MAX_FRAME + messages.LENGTH.size


@settings(max_examples=300)
@given(st.lists(st.one_of(said.map(messages.frame), damaged(said.map(messages.frame))), max_size=60))
def test_no_order_of_messages_confirms_a_channel_without_a_greeting(pieces: list[bytes]) -> None:
    ours = Channel(
        me="spiffe://a/b", peer="spiffe://a/c", instance=b"1" * 8, sci=Sci("02:00:00:00:00:01"), now=0
    )
    with contextlib.suppress(ChannelError):
        for piece in pieces:
            assert ours.receive(piece, 0.0) == []
    assert not ours.confirmed
    assert len(ours.take()) <= MAX_OUT


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    return Contexts(Mesh().node("anna"))


@settings(max_examples=150)
@given(data=st.lists(st.binary(min_size=1, max_size=400), max_size=6), header=st.booleans())
def test_any_bytes_instead_of_a_handshake_are_waited_for_or_refused(
    contexts: Contexts, data: list[bytes], header: bool
) -> None:
    victim = contexts.server(take_all)
    with contextlib.suppress(TlsError):
        for piece in data:
            victim.feed((b"\x16\x03\x01" + len(piece).to_bytes(2, "big") if header else b"") + piece)
            victim.outgoing()
    assert not victim.established


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_hello_is_waited_for_or_refused_or_answered_but_never_established(
    contexts: Contexts, data: st.DataObject
) -> None:
    client = contexts.client(take_all)
    victim = contexts.server(take_all)
    with contextlib.suppress(TlsError):
        victim.feed(data.draw(damaged(st.just(client.outgoing()))))
    assert not victim.established


ROW = macsecanswers.secy(
    3,
    Sci("02:00:00:00:00:01"),
    transmit=macsecanswers.transmit_sa(1, 1, 5, b"k" * 16),
    receive=macsecanswers.channel(1, Sci("02:00:00:00:00:02"), macsecanswers.receive_sa(1, 0, 9, b"p" * 16)),
)


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=512), damaged(st.just(ROW))))
def test_any_row_of_macsec_is_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(NetlinkFormatError):
        found = secy(raw, 0, len(raw))
        assert 0 <= found.encoding_sa <= 3
