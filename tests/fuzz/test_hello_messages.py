# SPDX-License-Identifier: Apache-2.0
"""Hostile datagrams: the parser accepts what it would send itself and raises MessageError for all else."""

import contextlib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.hello.errors import MessageError
from agent.hello.message import (
    MAX_AGE_MS,
    MAX_BYTES,
    MAX_ELP_MS,
    MAX_HEARD,
    MAX_HOPS,
    MAX_INTENT_CHARS,
    MAX_INTENTS,
    MAX_INTERVAL_MS,
    MAX_SEQUENCE,
    MAX_SUSPECTS,
    MIN_INTERVAL_MS,
    REPORT_KINDS,
    Heard,
    HelloMessage,
    ReportMessage,
    Told,
    decode_hello,
    decode_report,
    encode,
)
from agent.hello.peers import MAX_PEERS, Peers

macs = st.binary(min_size=6, max_size=6).map(lambda b: bytes([b[0] & 0xFE | 2]) + b[1:])
nodes = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
drawn = {
    "version": st.just(1),
    "node": nodes,
    "originator": macs,
    "mac": macs,
    "sequence": st.integers(0, MAX_SEQUENCE),
    "interval_ms": st.integers(MIN_INTERVAL_MS, MAX_INTERVAL_MS),
    "heard": st.lists(st.builds(Heard, mac=macs, age_ms=st.integers(0, MAX_AGE_MS)), max_size=MAX_HEARD).map(
        tuple
    ),
    "partial": st.booleans(),
    "suspects": st.lists(macs, max_size=MAX_SUSPECTS).map(tuple),
    "health": st.from_regex(r"\A[a-z-]{0,16}\Z"),
    "intents": st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=MAX_INTENT_CHARS),
        max_size=MAX_INTENTS,
    ).map(tuple),
    "elp_ms": st.integers(0, MAX_ELP_MS),
    "told": st.none() | st.builds(Told, originator=macs, node=nodes, hops=st.integers(1, MAX_HOPS)),
}
hellos: st.SearchStrategy[HelloMessage] = st.builds(HelloMessage, **drawn)
reports = st.builds(
    ReportMessage,
    version=st.just(1),
    node=st.just("n1"),
    sequence=st.integers(0, MAX_SEQUENCE),
    kind=st.sampled_from(REPORT_KINDS),
    subject=macs,
    about=macs,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=60,
)


def test_no_field_of_a_hello_is_left_at_its_default() -> None:
    assert drawn.keys() == set(HelloMessage.__struct_fields__)


@given(hellos)
def test_every_hello_within_the_bounds_survives_the_wire(message: HelloMessage) -> None:
    assert decode_hello(encode(message)) == message


@given(reports)
def test_every_report_survives_the_wire_and_is_no_hello(message: ReportMessage) -> None:
    data = encode(message)
    assert decode_report(data) == message
    with contextlib.suppress(MessageError):
        raise AssertionError(decode_hello(data))


@settings(max_examples=400)
@given(st.binary(max_size=MAX_BYTES + 10))
def test_random_bytes_raise_nothing_but_message_error(data: bytes) -> None:
    for decode in (decode_hello, decode_report):
        with contextlib.suppress(MessageError):
            decode(data)


@settings(max_examples=400)
@given(anything)
def test_wellformed_msgpack_of_the_wrong_shape_raises_nothing_but_message_error(value: object) -> None:
    for tag in ("h", "r"):
        data = msgspec.msgpack.encode([tag, 1, value, value])
        for decode in (decode_hello, decode_report):
            with contextlib.suppress(MessageError):
                decode(data)


@settings(max_examples=300)
@given(hellos, st.data())
def test_a_damaged_hello_is_refused_or_still_within_every_bound(
    message: HelloMessage, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MessageError):
        got = decode_hello(bytes(raw))
        assert len(got.heard) <= MAX_HEARD
        assert len(got.intents) <= MAX_INTENTS
        assert 0 <= got.elp_ms <= MAX_ELP_MS
        assert MIN_INTERVAL_MS <= got.interval_ms <= MAX_INTERVAL_MS
        assert all(i.isprintable() and len(i) <= MAX_INTENT_CHARS for i in got.intents)
        assert len(encode(got)) <= MAX_BYTES


@given(st.lists(st.tuples(hellos, st.floats(0, 5)), max_size=120))
def test_no_sequence_of_hellos_makes_the_table_exceed_its_cap(
    steps: list[tuple[HelloMessage, float]],
) -> None:
    peers, now = Peers("e1"), 0.0
    for message, pause in steps:
        now += pause
        peers.take(message, "fe80::1", "02:00:00:00:00:01", now)
        peers.expire(now)
        assert len(peers.snapshot(now)) <= MAX_PEERS
