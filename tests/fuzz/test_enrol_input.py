# SPDX-License-Identifier: Apache-2.0
"""Whatever a link, an issuer or a neighbour sends to enrolment: read, or refused by its own error."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.enrol import evening, messages
from agent.enrol.errors import MessageError
from agent.enrol.messages import (
    DATAGRAM_BYTES,
    KNOCK,
    KNOCK_BYTES,
    Granted,
    Offer,
    Refused,
    Reply,
    Seek,
    knock,
    knocked,
)
from agent.enrol.standing import Standing
from agent.identity import spiffe
from agent.identity.errors import IdentityError
from agent.identity.nodefiles import NodeFiles
from agent.linksec import wire
from tests.fuzz.test_linksec_input import damaged
from tests.unit.identity.mesh import NOW, mesh

eight, hash_ = st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32)
names = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
datagrams = st.one_of(
    st.builds(Seek, st.just(1), eight),
    st.builds(Offer, st.just(1), eight, names, st.booleans(), st.integers(1, 65535)),
)
replies = st.one_of(
    st.builds(Granted, st.binary(min_size=1, max_size=200)),
    st.builds(Refused, st.from_regex(r"\A[a-z-]{1,32}\Z"), st.text(max_size=50), st.text(max_size=50)),
)
words = st.one_of(
    st.builds(evening.Have, st.just(1), st.integers(0, 2**53 - 1), st.lists(hash_, max_size=5).map(tuple)),
    st.builds(evening.Update, st.binary(min_size=1, max_size=99)),
    st.builds(evening.Listed, st.binary(min_size=1, max_size=99)),
    st.just(evening.Done()),
)


@given(datagrams)
def test_every_datagram_comes_back_as_it_was(said: Seek | Offer) -> None:
    data = messages.encode_datagram(said)
    assert len(data) <= 81
    assert messages.decode_datagram(data) == said


def test_the_longest_datagram_has_the_size_that_is_said() -> None:
    assert len(messages.encode_datagram(Offer(1, bytes(8), "h" * 63, False, 65_535))) == 81


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=DATAGRAM_BYTES + 10), damaged(datagrams.map(messages.encode_datagram))))
def test_any_datagram_is_one_of_ours_or_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        assert len(messages.encode_datagram(messages.decode_datagram(data))) <= len(data) <= DATAGRAM_BYTES


@settings(max_examples=500)
@given(st.one_of(replies, st.none()), st.data())
def test_any_answer_of_an_issuer_is_a_reply_or_refused(reply: Reply | None, data: st.DataObject) -> None:
    if reply is None:
        raw = data.draw(st.binary(max_size=300))
    else:
        assert messages.decode_reply(messages.encode_reply(reply)) == reply
        raw = data.draw(damaged(st.just(messages.encode_reply(reply))))
    with contextlib.suppress(MessageError):
        found = messages.decode_reply(raw)
        assert isinstance(found, Granted | Refused)


@given(names)
def test_every_knock_comes_back_as_the_name_and_only_when_it_is_whole(name: str) -> None:
    data = knock(name)
    assert len(data) <= KNOCK_BYTES
    for end in range(len(data)):
        assert knocked(data[:end]) is None
    assert knocked(data) == name


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=90), st.binary(max_size=80).map(lambda tail: KNOCK + tail),
                 damaged(names.map(knock))))  # fmt: skip
def test_any_knock_names_an_issuer_waits_within_its_bound_or_is_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        found = knocked(data)
        assert len(data) < KNOCK_BYTES if found is None else spiffe.node_name(found) == found


@settings(max_examples=500)
@given(st.one_of(st.binary(max_size=200), damaged(words.map(wire.encode))))
def test_any_word_on_lists_is_one_of_ours_or_refused(data: bytes) -> None:
    with contextlib.suppress(MessageError):
        evening.decode(data)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_become_a_list_or_a_bundle(tmp_path: Path, data: bytes) -> None:
    own = Standing(NodeFiles(tmp_path), mesh().bundle, lambda: (NOW, True), 0.0)
    for take in (own.take_list, own.take_bundle, own.take):
        with contextlib.suppress(IdentityError):
            assert not take(data), "garbage was taken"
    assert own.changes == 0
