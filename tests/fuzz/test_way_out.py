# SPDX-License-Identifier: Apache-2.0
"""Hostile answers from beyond the uplink (DNS, ICMP) and torn route tables: nothing raises or is believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernel import ping
from agent.kernel.echo import ECHO_REPLY
from agent.kernel.routes import _v4, _v6
from agent.services import dns

NAME, IDENT = "example.com", 0x1234
ASKED = dns.question(NAME, IDENT)
names = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z]{2,10}){0,3}\Z")


def answer(flags: int = 0x8180, ident: int = IDENT, question: bytes = ASKED[12:], answers: int = 1) -> bytes:
    return struct.pack("!HHHHHH", ident, flags, 1, answers, 0, 0) + question + b"\xc0\x0c" + b"\0" * 14


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        (answer(), (True, "resolves (1 records)")),
        (answer(0x8183), (True, "resolves (no such name)")),
        (answer(0x8182), (False, "answers SERVFAIL")),
        (answer(0x8185), (False, "answers REFUSED")),
        (answer(0x818B), (False, "answers error 11")),
        (answer(0x0180), None),
        (answer(ident=7), None),
        (answer(question=dns.question("example.org", 1)[12:]), None),
        (answer(question=dns.question("EXAMPLE.com", 1)[12:]), (True, "resolves (1 records)")),
        (struct.pack("!HHHHHH", IDENT, 0x8185, 0, 0, 0, 0), (False, "answers REFUSED")),
        (struct.pack("!HHHHHH", IDENT, 0x8180, 0, 0, 0, 0), None),
        (b"", None),
    ],
    ids=["resolves", "no such name", "SERVFAIL", "REFUSED", "unknown code", "a question", "another's id",
         "another name", "in capitals", "refused without question", "empty answer", "nothing"],
)  # fmt: skip
def test_an_answer_is_believed_only_to_this_question(packet: bytes, verdict: tuple[bool, str] | None) -> None:
    assert dns.verdict(packet, NAME, IDENT) == verdict


@given(st.binary(max_size=600))
def test_no_packet_makes_the_dns_parser_raise(packet: bytes) -> None:
    found = dns.verdict(packet, NAME, IDENT)
    assert found is None or packet[:2] == ASKED[:2]


@given(names, st.integers(0, 65535))
def test_every_name_is_asked_and_its_answer_known(name: str, ident: int) -> None:
    asked = dns.question(name, ident)
    found = dns.verdict(answer(ident=ident, question=asked[12:]), name, ident)
    assert found == (True, "resolves (1 records)")


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["abcdefgh"] * 30)])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="DNS name"):
        dns.question(name, 1)


TOKEN = b"\x01" * 8


@given(st.sampled_from([4, 6]), st.binary(max_size=128))
def test_no_packet_makes_the_ping_parser_raise_or_believe(version: int, packet: bytes) -> None:
    assert ping.is_reply(version, packet, IDENT, TOKEN) is False


@pytest.mark.parametrize("header", [b"\x45" + b"\0" * 19, b"\x46" + b"\0" * 23])
def test_the_answer_to_our_ping_is_known_behind_any_header(header: bytes) -> None:
    reply = struct.pack("!BBHHH", ping.V4_REPLY, 0, 0, IDENT, 1) + TOKEN
    assert ping.is_reply(4, header + reply, IDENT, TOKEN)
    assert not ping.is_reply(4, header + reply, IDENT, b"\x02" * 8)
    assert not ping.is_reply(4, header + ping.request(4, IDENT, TOKEN), IDENT, TOKEN), "our own request"
    assert ping.is_reply(6, struct.pack("!BBHHH", ECHO_REPLY, 0, 0, IDENT, 1) + TOKEN, IDENT, TOKEN)


@given(st.binary(max_size=64))
def test_the_checksum_over_data_with_its_checksum_is_zero(data: bytes) -> None:
    even = data + b"\0" * (len(data) % 2)
    assert ping.checksum(even + ping.checksum(even).to_bytes(2, "big")) == 0


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40), max_size=14))
def test_a_torn_route_line_is_a_value_error_and_nothing_else(words: list[str]) -> None:
    for row in (_v4, _v6):
        try:
            row(words)
        except (ValueError, IndexError, OverflowError):
            continue
