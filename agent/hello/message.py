# SPDX-License-Identifier: Apache-2.0
"""The hello and the report on the wire: msgpack arrays, version 1.

Both come from anybody on the link: a hint that may start a check, never a reason to act. Every field has a
bound, the worst case fits `MAX_BYTES` (a test builds it). A later agent may append elements to an array; this
one skips them, so that a mesh can be updated node by node. Anything else that differs is refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from agent.hello.errors import MessageError

VERSION = 1
MAX_BYTES = 1200  # fits the least IPv6 MTU (1280) with headers: never fragmented, even below MACsec
MAX_HEARD = 40  # entries of 14 bytes; a hardif with more neighbours lists them in turns (`partial`)
MAX_SUSPECTS = (
    16  # a hardif that loses more neighbours at once is itself the fault, which its carrier or radio shows
)
MAX_INTENTS = 4  # one action at a time per subject; a node with more under way is not worth copying
MAX_INTENT_CHARS = 64  # "ACTION SUBJECT" with the longest subject, hardif/IFNAMSIZ/MAC
MAX_WORD = 16  # letters of the health word
MAX_AGE_MS = 65_535  # older than this is not "heard"
MAX_INTERVAL_MS = 60_000  # the configuration's own bound
MIN_INTERVAL_MS = 100
MAX_ELP_MS = 10_000  # the configuration's own bound
MIN_ELP_MS = 20  # the same; less is believed to be this, or everybody would be late
MAX_HOPS = 64  # a name has come from neighbour to neighbour; longer ways than the longest line are none
MAX_SEQUENCE = 0xFFFF_FFFF

NodeName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z", max_length=63)]
Mac = Annotated[bytes, Meta(min_length=6, max_length=6)]
Word = Annotated[str, Meta(pattern=r"^[a-z-]*\Z", max_length=MAX_WORD)]
Intent = Annotated[str, Meta(pattern=r"^[\x20-\x7e]+\Z", min_length=1, max_length=MAX_INTENT_CHARS)]
Sequence = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]
ReportKind = Literal["one-way", "link-dead", "node-dead"]
REPORT_KINDS: tuple[ReportKind, ...] = ("one-way", "link-dead", "node-dead")


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """A neighbour's interface and how many milliseconds ago it was last heard."""

    mac: Mac
    age_ms: Annotated[int, Meta(ge=0, le=MAX_AGE_MS)]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What another node is called, and over how many neighbours the sender learned it (1: from itself)."""

    originator: Mac
    node: NodeName
    hops: Annotated[int, Meta(ge=1, le=MAX_HOPS)]


class HelloMessage(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """What a node says on one interface."""

    version: Literal[1]
    node: NodeName
    originator: Mac
    mac: Mac  # the interface it is sent from
    sequence: Sequence  # starts anywhere, so that a restart is seen
    interval_ms: Annotated[int, Meta(ge=MIN_INTERVAL_MS, le=MAX_INTERVAL_MS)]
    heard: Annotated[tuple[Heard, ...], Meta(max_length=MAX_HEARD)] = ()
    partial: bool = False  # there are more than listed: a MAC's absence says nothing
    suspects: Annotated[tuple[Mac, ...], Meta(max_length=MAX_SUSPECTS)] = ()  # no longer heard
    health: Word = ""
    intents: Annotated[tuple[Intent, ...], Meta(max_length=MAX_INTENTS)] = ()
    elp_ms: Annotated[int, Meta(ge=0, le=MAX_ELP_MS)] = 0  # the interface's ELP interval, 0: not known
    told: Told | None = None  # one of the nodes the sender knows, in turns (agent/hello/names.py)


class ReportMessage(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """What a node says over the mesh about one link or node."""

    version: Literal[1]
    node: NodeName
    sequence: Sequence
    kind: ReportKind
    subject: Mac  # whose silence is spoken of
    about: Mac  # the speaker's interface on that link


T = TypeVar("T")
_hello = msgspec.msgpack.Decoder(HelloMessage)
_report = msgspec.msgpack.Decoder(ReportMessage)
_encoder = msgspec.msgpack.Encoder()


def encode(message: HelloMessage | ReportMessage) -> bytes:
    """The datagram; MessageError where it is longer than `MAX_BYTES` or a receiver would refuse it."""
    data = _encoder.encode(message)
    (decode_hello if isinstance(message, HelloMessage) else decode_report)(data)
    return data


def decode_hello(data: bytes) -> HelloMessage:
    """The hello in a datagram; MessageError where it is anything else."""
    message = _decode(_hello, data)
    if not (unicast(message.mac) and unicast(message.originator)):
        raise MessageError("hello: sender or originator is no unicast MAC")
    if not all(unicast(h.mac) for h in message.heard) or not all(map(unicast, message.suspects)):
        raise MessageError("hello: a neighbour is no unicast MAC")
    if message.told is not None and not unicast(message.told.originator):
        raise MessageError("hello: a named node is no unicast MAC")
    return message


def decode_report(data: bytes) -> ReportMessage:
    """The report in a datagram; MessageError where it is anything else."""
    message = _decode(_report, data)
    if not (unicast(message.subject) and unicast(message.about)):
        raise MessageError("report: a subject is no unicast MAC")
    return message


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    if len(data) > MAX_BYTES:
        raise MessageError(f"datagram of more than {MAX_BYTES} bytes")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"not a version {VERSION} message: {error}") from error


def unicast(mac: bytes) -> bool:
    """Is it an address one interface can have: neither group nor zero?"""
    return not mac[0] & 1 and any(mac)


def mac_bytes(text: str) -> bytes:
    """b"\\x02..." of "02:78:30:02:00:01"; MessageError where it is no MAC."""
    try:
        mac = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        mac = b""
    if len(mac) != 6 or len(text) != 17:
        raise MessageError(f"{text!r} is no MAC address like 02:78:30:02:00:01")
    return mac


def mac_text(mac: bytes) -> str:
    """ "02:78:30:02:00:01" of its six bytes."""
    return mac.hex(":")
