# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: one for each signer, whole each time, counted up; all of them together are in force.

An issuer can revoke nodes and their keys, a root issuers besides. What was revoked stays so: a signer's lists
only grow, and what it said outlasts it, unless a root voids it because the signer's key was in other hands.
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
from agent.identity.limits import (
    LIST_BYTES,
    LISTS_OF_ONE,
    REVOCATION_LISTS,
    REVOCATIONS,
    SEQUENCE_MAX,
    SKEW,
)
from agent.identity.moment import Moment
from agent.identity.revoked import NOTHING, Entry, Kind, Revoked

PURPOSE = b"x0 revocation list 1"
REASON_BYTES = 100  # as UTF-8
VALUE_CHARS = 105  # a key and a serial of 20 octets, in hexadecimal digits
MEND = "ask a neighbour or the operator for the newest list; an unreadable one is never taken"
MESH, SEQUENCE, ISSUED, ENTRIES = 1, 2, 3, 4  # labels of the payload


class RevocationList(msgspec.Struct, frozen=True):
    """A checked list. `signer`, `root`: SHA-256 of the signer's key and of the root's that vouches for it.

    `root` is empty where that one has left. `end`: of the signer's certificate, Unix seconds. `data`: the
    bytes to hand on.
    """

    signer: bytes
    root: bytes
    end: float
    by_root: bool
    sequence: int
    issued: int
    entries: tuple[Entry, ...]
    data: bytes

    @property
    def names(self) -> frozenset[tuple[Kind, str]]:
        """What it revokes."""
        return frozenset((entry.kind, entry.value) for entry in self.entries)

    def covers(self, other: RevocationList) -> bool:
        """Does it say all that `other` of the same signer says, and not before it?"""
        return self.sequence >= other.sequence and self.names >= other.names


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
            "let an issuer revoke the others: each signer has a list of its own",
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
    except IdentityError as error:
        raise RevocationError(error.what, error.mend) from None
    return _list(document, data, bundle.trust_domain, by_root=document.by_root)


def reload(data: bytes, bundle: Bundle, *, by_root: bool) -> RevocationList:
    """A list this node took and kept, though its signer may be revoked by now, or its root have left.

    `by_root` as it was noted when the list was taken. Only for the node's own disk. RevocationError: damaged.
    """
    what = "a kept revocation list"
    try:
        document = signed.reread(data, bundle, purpose=PURPOSE, max_bytes=LIST_BYTES, what=what, mend=MEND)
    except IdentityError as error:
        raise RevocationError(error.what, error.mend) from None
    return _list(document, data, bundle.trust_domain, by_root=by_root or document.by_root)


def _list(document: signed.Document, data: bytes, domain: str, *, by_root: bool) -> RevocationList:
    try:
        found = cbor.decode(document.payload, LIST_BYTES)
    except CodecError as error:
        raise RevocationError(f"the revocation list is not of the form ({error})", MEND) from None
    if not isinstance(found, dict) or found.keys() != {MESH, SEQUENCE, ISSUED, ENTRIES}:
        raise RevocationError("the revocation list has other fields than ours", MEND)
    if found[MESH] != domain:
        raise RevocationError(f"the revocation list is of mesh {str(found[MESH])[:70]}", MEND)
    sequence, issued, rows = found[SEQUENCE], found[ISSUED], found[ENTRIES]
    if not _count(sequence) or not _count(issued) or not isinstance(rows, list) or len(rows) > REVOCATIONS:
        raise RevocationError("the revocation list's numbers are out of bounds", MEND)
    own = document.signer
    if not own.not_before - SKEW <= issued <= own.not_after:  # type: ignore[operator]  # _count: an int
        raise RevocationError("the revocation list says it was signed when its signer was not valid", MEND)
    entries = tuple(_entry(row) for row in rows)
    by = (own.key_id, document.root, own.not_after, by_root)
    return RevocationList(*by, sequence, issued, entries, data)  # type: ignore[arg-type]


class Lists:
    """What each signer said, of `roots` that are trusted now (SHA-256 of their keys; None: all that come).

    Nothing said is ever taken back: where a signer leaves out what it said before, which only a stolen key or
    two copies of one do, both lists stay in force, and `wrong` tells it.
    """

    def __init__(self, bundle: Bundle | None = None) -> None:
        self._lists: list[RevocationList] = []
        self._roots: frozenset[bytes] | None = None
        self._newest = 0  # when the newest list was signed: a signer whose end lies before it is over
        self.revoked = NOTHING
        if bundle is not None:
            self.settle(bundle)

    def settle(self, bundle: Bundle) -> None:
        """From now on these roots are trusted. What others said stays; they void nothing a root here says."""
        self._roots = frozenset(root.key_id for root in bundle.roots)
        self._lists = self._within(REVOCATION_LISTS, self._lists)
        self._merge()

    def take(self, found: RevocationList) -> bool:
        """Keep it if it says something new: did it? RevocationError where there is no room for it."""
        self._newest = max(self._newest, found.issued)
        said = [each for each in self._lists if each.signer == found.signer]
        if any(each.covers(found) for each in said):
            return False
        beside = [each for each in said if not found.covers(each)]
        if len(beside) >= LISTS_OF_ONE:
            raise RevocationError(
                f"signer {found.signer.hex()[:16]} has said {LISTS_OF_ONE + 1} things that contradict",
                "its key is in other hands: revoke it (x0 mesh revoke issuer NAME --void) and make another",
            )
        kept = [each for each in self._lists if each.signer != found.signer or each in beside]
        if not self._in_force(found):
            kept = self._within(REVOCATION_LISTS - 1, kept)
        self._lists = [*kept, found]
        self._merge()
        return True

    @property
    def wrong(self) -> tuple[str, ...]:
        """Signers that contradict themselves, in words, with the mend."""
        signers = [each.signer for each in self._lists]
        return tuple(
            f"signer {signer.hex()} left out of one list what it revoked in another: two copies of its key "
            "are in use, or it is stolen. Mend: revoke it (x0 mesh revoke issuer NAME) and make another"
            for signer in sorted(set(signers))
            if signers.count(signer) > 1
        )

    def all(self) -> tuple[RevocationList, ...]:
        """What to keep on disk and to hand on, roots' first: they say whose others count."""
        return tuple(
            sorted(self._lists, key=lambda each: (not each.by_root, each.signer, each.sequence, each.data))
        )

    def _in_force(self, each: RevocationList) -> bool:
        """Is it of a root that is trusted now? Such a list always has room: roots are few."""
        return each.by_root and (self._roots is None or each.signer in self._roots)

    def _within(self, most: int, kept: list[RevocationList]) -> list[RevocationList]:
        """`kept` with at most so many that are no root's; what is missed least goes first."""
        while sum(not self._in_force(each) for each in kept) > most:
            others = [each for each in kept if not self._in_force(each)]
            least = min(others, key=lambda each: (self._worth(each, kept), each.issued))
            if self._worth(least, kept) == LIVING:
                raise RevocationError(
                    f"lists of more than {REVOCATION_LISTS} signers", "revoke issuers no longer used"
                )
            kept = [each for each in kept if each is not least]
        return kept

    def _worth(self, each: RevocationList, kept: list[RevocationList]) -> int:
        """What would be lost without it: nothing, or what a signer said that has left, or more."""
        heard = [other for other in self._heard() if other in kept]
        elsewhere = {name for other in heard if other is not each for name in other.names}
        if each not in heard or each.names <= elsewhere:
            return IDLE
        rootless = self._roots is not None and each.root not in self._roots
        gone = rootless or each.end < self._newest or self.revoked.issuer(each.signer)
        return GONE if gone else LIVING

    def _heard(self) -> list[RevocationList]:
        """All lists but those a root has voided. A root that has left voids no list of one that has not."""
        roots = [each for each in self._lists if each.by_root]
        now = _voided(each for each in roots if self._in_force(each))
        roots = [each for each in roots if self._in_force(each) or each.signer.hex() not in now]
        every = _voided(roots)
        return roots + [each for each in self._lists if not each.by_root and each.signer.hex() not in every]

    def _merge(self) -> None:
        """What is in force. Where several name one thing, the earliest stands."""
        by_root: dict[tuple[Kind, str], Entry] = {}
        entries: dict[tuple[Kind, str], Entry] = {}
        for each in self._heard():
            for entry in each.entries:
                for table in (by_root, entries) if each.by_root else (entries,):
                    before = table.setdefault((entry.kind, entry.value), entry)
                    if entry.at < before.at:
                        table[entry.kind, entry.value] = entry
        self.revoked = Revoked(entries, by_root)


IDLE, GONE, LIVING = range(3)  # what a list is worth where there is no room for all


def _voided(lists: Iterable[RevocationList]) -> set[str]:
    return {entry.value for each in lists for entry in each.entries if entry.kind is Kind.VOID}


def _entry(row: object) -> Entry:
    if isinstance(row, list) and len(row) == 4:
        kind, value, at, reason = row
        if isinstance(value, str) and isinstance(reason, str) and _count(at) and kind in tuple(Kind):
            entry = Entry(Kind(kind), value, at, reason)
            if not _fault(entry):
                return entry
    raise RevocationError("the revocation list has an entry that is none", MEND)


def _fault(entry: Entry) -> str:
    reason = entry.reason.encode(errors="replace")
    if len(entry.value) > VALUE_CHARS or len(reason) > REASON_BYTES or not entry.reason.isprintable():
        return f"a reason has at most {REASON_BYTES} bytes of printable characters"
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
