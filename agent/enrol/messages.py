# SPDX-License-Identifier: Apache-2.0
"""The bytes of enrolment beside the requests themselves (identity/enrolment.py): pure, every field bounded.

`Reply`: what an issuer answers. `Seek`, `Offer`: how issuers are found on the mesh interface. `knock`: what a
node says to a neighbour that shall lead it to an issuer.
"""

from __future__ import annotations

import enum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from agent.enrol.errors import MessageError
from agent.identity import spiffe
from agent.identity.enrolment import ANSWER_BYTES
from agent.identity.errors import WHAT_CHARS, IdentityError
from agent.linksec import wire
from agent.linksec.beacon import MESH_BYTES

ENROL: Final = b"x0-enrol/1"  # ALPN of an issuer
LISTS: Final = b"x0-lists/1"  # ALPN of neighbours that even out their lists
REASON_CHARS: Final = 32
REPLY_BYTES: Final = ANSWER_BYTES + 4 * (WHAT_CHARS * 2 + REASON_CHARS) + 64  # UTF-8 of both texts
DATAGRAM_BYTES: Final = 128  # the worst case is 81, a name of 63 characters (a test builds it)
NAME_CHARS: Final = 63
KNOCK: Final = b"X0J1"  # no TLS record begins so: one port serves both
KNOCK_BYTES: Final = len(KNOCK) + 1 + NAME_CHARS

Mesh = Annotated[bytes, Meta(min_length=MESH_BYTES, max_length=MESH_BYTES)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", max_length=NAME_CHARS)]


class Granted(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """`answer`: of identity/enrolment.py, nothing in it verified yet."""

    answer: Annotated[bytes, Meta(min_length=1, max_length=ANSWER_BYTES)]


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Why not, in a word and in sentences for people."""

    reason: Annotated[str, Meta(pattern=r"^[a-z-]+\Z", max_length=REASON_CHARS)]
    what: Annotated[str, Meta(max_length=WHAT_CHARS)]
    mend: Annotated[str, Meta(max_length=WHAT_CHARS)]


Reply = Granted | Refused


class Seek(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Who issues for this mesh?"""

    version: Literal[1]
    mesh: Mesh


class Offer(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """I do, for the names of issuer `name`. `enrols`: with tokens, too; else it stands in and renews."""

    version: Literal[1]
    mesh: Mesh
    name: Name
    enrols: bool
    port: Annotated[int, Meta(ge=1, le=65_535)]  # TCP, at the datagram's source


class Lead(enum.IntEnum):
    """A neighbour's one byte of answer to a knock."""

    THROUGH = 0  # what follows comes from the issuer
    UNKNOWN = 1  # it knows no issuer of that name
    UNREACHABLE = 2
    BUSY = 3


LEADS: Final = {
    Lead.UNKNOWN: "it knows no way to that issuer",
    Lead.UNREACHABLE: "the issuer does not answer it",
    Lead.BUSY: "it leads as many as it may just now",
}


def encode_reply(reply: Reply) -> bytes:
    """The bytes of a reply."""
    return wire.encode(reply)


def decode_reply(data: bytes) -> Reply:
    """A reply. MessageError where it is none."""
    reply: Reply = _decode(data, Reply, REPLY_BYTES, "reply of an issuer")
    return reply


def refusal(reason: str, error: IdentityError) -> Refused:
    """An error as it is told."""
    return Refused(reason[:REASON_CHARS], error.what[:WHAT_CHARS], error.mend[:WHAT_CHARS])


def encode_datagram(said: Seek | Offer) -> bytes:
    """The datagram. MessageError: a receiver would refuse it."""
    data = wire.encode(said)
    decode_datagram(data)
    return data


def decode_datagram(data: bytes) -> Seek | Offer:
    """What a datagram says. MessageError where it is anything else."""
    said: Seek | Offer = _decode(data, Seek | Offer, DATAGRAM_BYTES, "word of or to an issuer")
    return said


def knock(issuer: str) -> bytes:
    """Lead me to this issuer."""
    name = spiffe.node_name(issuer).encode()
    return KNOCK + bytes((len(name),)) + name


def knocked(data: bytes) -> str | None:
    """The issuer that is asked for, None while more bytes are needed. MessageError: no knock of ours."""
    head = data[: len(KNOCK)]
    if not KNOCK.startswith(head):
        raise MessageError("a connection that neither knocks nor begins TLS")
    if len(data) <= len(KNOCK):
        return None
    size = data[len(KNOCK)]
    if not 1 <= size <= NAME_CHARS:
        raise MessageError(f"a knock for an issuer's name of {size} characters")
    name = data[len(KNOCK) + 1 :]
    if len(name) < size:
        return None
    if len(name) > size:
        raise MessageError("bytes after a knock that was not answered yet")
    try:
        found = spiffe.node_name(name.decode("ascii"))
    except (UnicodeDecodeError, IdentityError):
        raise MessageError("a knock for what is no issuer's name") from None
    if found.encode() != name:
        raise MessageError("a knock for a name that is not in lower case")
    return found


def _decode(data: bytes, kind: Any, limit: int, what: str) -> Any:
    try:
        return wire.decode(data, kind, limit)
    except ValueError as error:
        raise MessageError(f"no {what}: {str(error)[:120]}") from None
