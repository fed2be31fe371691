# SPDX-License-Identifier: Apache-2.0
"""What fits a datagram and what is refused."""

import msgspec
import pytest

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
    Heard,
    HelloMessage,
    ReportMessage,
    Told,
    decode_hello,
    decode_report,
    encode,
    mac_bytes,
    mac_text,
)

MAC = bytes.fromhex("027830020001")
SMALL = HelloMessage(version=1, node="n1", originator=MAC, mac=MAC, sequence=1, interval_ms=1000)
FULL = HelloMessage(
    version=1,
    node="n" * 63,
    originator=MAC,
    mac=MAC,
    sequence=MAX_SEQUENCE,
    interval_ms=MAX_INTERVAL_MS,
    heard=tuple(Heard(MAC, MAX_AGE_MS) for _ in range(MAX_HEARD)),
    partial=True,
    suspects=(MAC,) * MAX_SUSPECTS,
    health="h" * 16,
    intents=("i" * MAX_INTENT_CHARS,) * MAX_INTENTS,
    elp_ms=MAX_ELP_MS,
    told=Told(MAC, "n" * 63, MAX_HOPS),
)


def test_the_fullest_hello_fits_the_datagram() -> None:
    assert len(encode(FULL)) <= MAX_BYTES
    assert decode_hello(encode(FULL)) == FULL


def test_elements_appended_by_a_later_agent_are_skipped() -> None:
    fields = msgspec.msgpack.decode(encode(SMALL))
    assert decode_hello(msgspec.msgpack.encode([*fields, {"new": [1]}])) == SMALL


def _changed(index: int, value: object) -> bytes:
    fields = msgspec.msgpack.decode(encode(SMALL))
    fields[index] = value
    return msgspec.msgpack.encode(fields)


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, "r"),
        (1, 2),
        (1, True),
        (2, "a b"),
        (2, "x" * 64),
        (2, "n1\n"),
        (3, b"\x01\x00\x5e\x00\x00\x01"),
        (4, b"\x02" * 5),
        (4, bytes(6)),
        (5, -1),
        (5, 1.0),
        (6, 0),
        (7, [[MAC, MAX_AGE_MS + 1]]),
        (7, [[MAC, 1]] * (MAX_HEARD + 1)),
        (9, [b"\xff" * 6]),
        (10, "Fine!"),
        (11, ["\x1b[2J"]),
        (11, ["a"] * (MAX_INTENTS + 1)),
    ],
)
def test_a_field_outside_its_bounds_refuses_the_hello(index: int, value: object) -> None:
    with pytest.raises(MessageError):
        decode_hello(_changed(index, value))


def test_deep_nesting_is_refused_not_followed() -> None:
    for depth in (600, 1100):
        data = b"\x9d\xa1h\x01" + b"\x91" * depth
        with pytest.raises(MessageError):
            decode_hello(data)


def test_too_long_a_datagram_is_not_even_parsed() -> None:
    with pytest.raises(MessageError, match="more than"):
        decode_hello(encode(SMALL) + bytes(MAX_BYTES))


def test_a_report_is_no_hello_and_a_hello_no_report() -> None:
    report = ReportMessage(version=1, node="n1", sequence=1, kind="link-dead", subject=MAC, about=MAC)
    assert decode_report(encode(report)) == report
    with pytest.raises(MessageError):
        decode_hello(encode(report))
    with pytest.raises(MessageError):
        decode_report(encode(SMALL))


def test_what_a_receiver_would_refuse_is_not_sent() -> None:
    with pytest.raises(MessageError):
        encode(msgspec.structs.replace(SMALL, node="not a name"))


def test_macs_are_written_in_one_way_only() -> None:
    assert mac_text(mac_bytes("02:78:30:02:00:01")) == "02:78:30:02:00:01"
    for wrong in ("", "027830020001", "02:78:30:02:00", "02:78:30:02:00:0g", "0:278:30:02:00:01:"):
        with pytest.raises(MessageError):
            mac_bytes(wrong)
