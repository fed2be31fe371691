# SPDX-License-Identifier: Apache-2.0
"""One DNS question (RFC 1035) and what its answer says: does this server resolve names? Pure and bounded."""

from __future__ import annotations

from struct import Struct
from typing import Final

MAX_ANSWER: Final = 512  # bytes of an answer over UDP without EDNS; only header and question are looked at
NOERROR: Final = 0
NXDOMAIN: Final = 3  # the name does not exist: an answer of the DNS all the same
CODES: Final = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}
RECURSION_WANTED: Final = 0x0100
RESPONSE: Final = 0x8000
TYPE_A: Final = 1
CLASS_IN: Final = 1
MAX_LABEL: Final = 63
MAX_NAME: Final = 253
_HEADER: Final = Struct("!HHHHHH")  # id, flags, questions, answers, authorities, additional
_TYPE: Final = Struct("!HH")


def question(name: str, ident: int) -> bytes:
    """A recursive query for the name's A records. ValueError where it is no name."""
    return _HEADER.pack(ident & 0xFFFF, RECURSION_WANTED, 1, 0, 0, 0) + _asked(name)


def verdict(packet: bytes, name: str, ident: int) -> tuple[bool, str] | None:
    """(is it resolved, in words); None: not an answer to this question, go on waiting."""
    asked = _asked(name)
    if len(packet) < _HEADER.size + len(asked):
        return _bare_refusal(packet, ident)
    theirs, flags, questions, answers, _, _ = _HEADER.unpack_from(packet)
    same = packet[_HEADER.size : _HEADER.size + len(asked)].lower() == asked.lower()
    if theirs != ident & 0xFFFF or not flags & RESPONSE or questions != 1 or not same:
        return None
    return _judged(flags, answers)


def _bare_refusal(packet: bytes, ident: int) -> tuple[bool, str] | None:
    """Servers that refuse may leave the question out."""
    if len(packet) != _HEADER.size:
        return None
    theirs, flags, _, _, _, _ = _HEADER.unpack_from(packet)
    code = flags & 0xF
    if theirs != ident & 0xFFFF or not flags & RESPONSE or code in (NOERROR, NXDOMAIN):
        return None
    return _judged(flags, 0)


def _judged(flags: int, answers: int) -> tuple[bool, str]:
    code = flags & 0xF
    if code == NOERROR:
        return True, f"resolves ({answers} records)"
    if code == NXDOMAIN:
        return True, "resolves (no such name)"
    return False, f"answers {CODES.get(code, f'error {code}')}"


def _asked(name: str) -> bytes:
    """The question section: labels, type, class."""
    bare = name.rstrip(".")
    labels = [label.encode("ascii", "strict") for label in bare.split(".")] if bare else []
    if len(bare) > MAX_NAME or any(not 0 < len(label) <= MAX_LABEL for label in labels):
        raise ValueError(
            f"{name[:60]!r} is no DNS name: labels of 1 to {MAX_LABEL} characters, {MAX_NAME} in all"
        )
    wire = b"".join(bytes([len(label)]) + label for label in labels)
    return wire + b"\0" + _TYPE.pack(TYPE_A, CLASS_IN)
