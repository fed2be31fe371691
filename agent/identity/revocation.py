# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: one for each signer, whole each time, counted up; all of them together are in force.

An issuer can revoke nodes and their keys, a root issuers besides. The list of a revoked signer says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.codec import cbor
from agent.codec.errors import CodecError
from agent.identity import signed, spiffe
from agent.identity.bundle import Bundle
from agent.identity.errors import IdentityError, RevocationError
from agent.identity.issuing import Signer
from agent.identity.limits import REVOCATION_LISTS, REVOCATIONS, SEQUENCE_MAX
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Entry, Kind, Revoked

PURPOSE = b"x0 revocation list 1"
LIST_BYTES = 262_144  # REVOCATIONS entries of at most 200 bytes, signature and certificate
REASON_CHARS = 100
VALUE_CHARS = 160
MEND = "ask a neighbour or the operator for the newest list; an unreadable one is never taken"
MESH, SEQUENCE, ISSUED, ENTRIES = 1, 2, 3, 4  # labels of the payload


class RevocationList(msgspec.Struct, frozen=True):
    """A checked list. `signer`: SHA-256 of the signer's key; `data`: the bytes to hand on."""

    signer: bytes
    by_root: bool
    sequence: int
    issued: int
    entries: tuple[Entry, ...]
    data: bytes


def make(domain: str, sequence: int, entries: Iterable[Entry], signer: Signer, now: float) -> bytes:
    """A signed list; it replaces the signer's list before."""
    kept = sorted(set(entries))
    for entry in kept:
        if wrong := _fault(entry):
            raise RevocationError(
                f"{entry.kind} {entry.value[:40]!r} cannot be revoked: {wrong}", "correct it"
            )
    if len(kept) > REVOCATIONS:
        raise RevocationError(
            f"{len(kept)} revocations, a list holds {REVOCATIONS}",
            "rotate the root: a new one begins with none",
        )
    rows = [[entry.kind.value, entry.value, entry.at, entry.reason] for entry in kept]
    payload = cbor.encode({MESH: domain, SEQUENCE: sequence, ISSUED: int(now), ENTRIES: rows})
    return signed.sign(payload, signer, PURPOSE)


def load(data: bytes, bundle: Bundle, moment: Moment, revoked: Revoked = NOTHING) -> RevocationList:
    """A list from its bytes. RevocationError where it is not one of this mesh, or its signer is revoked."""
    try:
        document = signed.check(
            data,
            bundle,
            moment,
            purpose=PURPOSE,
            max_bytes=LIST_BYTES,
            revoked=revoked,
            what="the revocation list",
            mend=MEND,
        )
        found = cbor.decode(document.payload, LIST_BYTES)
    except CodecError as error:
        raise RevocationError(f"the revocation list is not of the form ({error})", MEND) from None
    except IdentityError as error:
        raise RevocationError(error.what, error.mend) from None
    if not isinstance(found, dict) or found.keys() != {MESH, SEQUENCE, ISSUED, ENTRIES}:
        raise RevocationError("the revocation list has other fields than ours", MEND)
    if found[MESH] != bundle.trust_domain:
        raise RevocationError(f"the revocation list is of mesh {str(found[MESH])[:70]}", MEND)
    sequence, issued, rows = found[SEQUENCE], found[ISSUED], found[ENTRIES]
    if not _count(sequence) or not _count(issued) or not isinstance(rows, list) or len(rows) > REVOCATIONS:
        raise RevocationError("the revocation list's numbers are out of bounds", MEND)
    entries = tuple(_entry(row) for row in rows)
    return RevocationList(document.signer.key_id, document.by_root, sequence, issued, entries, data)  # type: ignore[arg-type]


class Lists:
    """The newest list of each signer. Never goes back to an older one."""

    def __init__(self) -> None:
        self._lists: dict[bytes, RevocationList] = {}
        self.revoked = NOTHING

    def take(self, found: RevocationList) -> bool:
        """Keep it if it is newer than what we have: was it? RevocationError if a signer says two things."""
        own = self._lists.get(found.signer)
        if own is not None and found.sequence <= own.sequence:
            if found.sequence == own.sequence and found.entries != own.entries:
                raise RevocationError(
                    f"two revocation lists of one signer are both number {found.sequence}",
                    "two copies of its key are in use; revoke it and make another",
                )
            return False
        if own is None and len(self._lists) >= REVOCATION_LISTS:
            raise RevocationError(
                f"lists of more than {REVOCATION_LISTS} signers", "revoke issuers no longer used"
            )
        self._lists[found.signer] = found
        self.revoked = merge(self._lists.values())
        return True

    def all(self) -> tuple[RevocationList, ...]:
        """What to keep on disk and to hand on, roots' first: they say whose others count."""
        return tuple(sorted(self._lists.values(), key=lambda each: (not each.by_root, each.signer)))


def merge(lists: Iterable[RevocationList]) -> Revoked:
    """What is in force. Where several name one thing, the earliest stands."""
    every = list(lists)
    by_root: dict[tuple[Kind, str], Entry] = {}
    for each in every:
        if each.by_root:
            _add(by_root, each.entries)
    entries = dict(by_root)
    for each in every:
        if not each.by_root and (Kind.KEY, each.signer.hex()) not in by_root:
            _add(entries, each.entries)
    return Revoked(entries, by_root)


def _add(to: dict[tuple[Kind, str], Entry], entries: Iterable[Entry]) -> None:
    for entry in entries:
        before = to.get((entry.kind, entry.value))
        if before is None or entry.at < before.at:
            to[entry.kind, entry.value] = entry


def _entry(row: object) -> Entry:
    if isinstance(row, list) and len(row) == 4:
        kind, value, at, reason = row
        if isinstance(value, str) and isinstance(reason, str) and _count(at) and kind in tuple(Kind):
            entry = Entry(Kind(kind), value, at, reason)
            if not _fault(entry):
                return entry
    raise RevocationError("the revocation list has an entry that is none", MEND)


def _fault(entry: Entry) -> str:
    if len(entry.value) > VALUE_CHARS or len(entry.reason) > REASON_CHARS or not entry.reason.isprintable():
        return f"a reason has at most {REASON_CHARS} printable characters"
    if entry.kind is Kind.NODE:
        try:
            return "" if spiffe.node_name(entry.value) == entry.value else "a node's name is in lower case"
        except IdentityError as error:
            return error.what
    key, colon, serial = entry.value.partition(":")
    if (
        len(key) != 64
        or not _hex(key)
        or bool(colon) != (entry.kind is Kind.SERIAL)
        or (colon and not _hex(serial))
    ):
        return "a key is 64 hexadecimal digits, a serial <key>:<digits>"
    return ""


def _hex(text: str) -> bool:
    return bool(text) and all(c in "0123456789abcdef" for c in text)


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value <= SEQUENCE_MAX
