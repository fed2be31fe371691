# SPDX-License-Identifier: Apache-2.0
"""What this node trusts now: bundle, revocations and time, as its disk and its neighbours gave them.

What is taken is in force at once, in memory; `save` brings it to disk, where a full one is told and tried
again. Updates of the bundle are kept as they were signed, so that they can be handed on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.codec import cbor
from agent.codec.errors import CodecError
from agent.identity import bundle as bundles
from agent.identity import bundleupdate, grace, revocation
from agent.identity.bundle import Bundle
from agent.identity.bundleupdate import UPDATE_BYTES
from agent.identity.errors import BundleError, IdentityError, KeyFileError, RevocationError
from agent.identity.keyfile import PUBLIC, read_public, write
from agent.identity.limits import LIST_BYTES
from agent.identity.moment import Moment
from agent.identity.nodefiles import REVOCATIONS, TIME_FLOOR, NodeFiles
from agent.identity.revoked import Revoked
from agent.identity.timefloor import TimeFloor
from agent.linksec.trust import Trust

UPDATES: Final = "bundle-updates.cbor"
MAX_UPDATES: Final = 4  # kept to hand on: a node that missed that many rotations needs a new YAML
UPDATES_BYTES: Final = MAX_UPDATES * (UPDATE_BYTES + 16) + 16
ITEM_BYTES: Final = max(LIST_BYTES, UPDATE_BYTES)
MAX_REFUSED: Final = 64  # documents remembered that were not taken, so that nobody sends them again and again

Clock = Callable[[], tuple[float, bool]]  # Unix seconds, and whether they can be trusted


class Standing:
    """One per node. `first`: the bundle of the configuration; the newer of that and the disk's is in force.

    All in the event loop; `save` may run in a thread. KeyFileError, BundleError: the disk has another mesh's.
    """

    def __init__(self, files: NodeFiles, first: Bundle, clock: Clock, grace: float) -> None:
        self._files, self._clock, self._grace = files, clock, grace
        self.floor = TimeFloor(files.folder / TIME_FLOOR)
        kept = files.bundle(first.trust_domain)
        self.bundle = kept if kept is not None and kept.sequence >= first.sequence else first
        self.lists, self.wrong = files.revocations(self.bundle)
        self.changes = 0  # counted up with everything taken
        self.saved = 0 if kept is self.bundle else -1  # of `changes`, what is on disk
        self.trouble = ""  # why something is not on disk, "" where it is
        self.issuer_reachable = False
        self._written = self._mark()  # the file of lists as we know it
        self._updates = self._kept_updates()
        self._refused: dict[bytes, None] = {}

    # -- what others judge by

    @property
    def revoked(self) -> Revoked:
        """What is revoked."""
        return self.lists.revoked

    def moment(self) -> Moment:
        """Now: the clock where it is trusted, else the floor."""
        at, trusted = self._clock()
        if trusted:
            self.floor.saw_clock(at)
        return self.floor.moment(at, trusted=trusted)

    def trust(self, issuers: tuple[bytes, ...] = ()) -> Trust:
        """All of it, with the grace that holds now."""
        allowed = grace.allowance(self._grace, issuer_reachable=self.issuer_reachable)
        return Trust(self.bundle, self.moment(), self.revoked, allowed, issuers)

    # -- what comes

    def take_list(self, data: bytes) -> bool:
        """A revocation list: is it news, now in force? RevocationError: it is refused."""
        return self._noted(data, self._take_list)

    def take_bundle(self, data: bytes) -> bool:
        """An update of the bundle, likewise. BundleError."""
        return self._noted(data, self._take_bundle)

    def take(self, data: bytes) -> bool:
        """Either, where nobody said which it is. IdentityError: it is neither, or refused."""
        try:
            return self.take_list(data)
        except IdentityError as first:
            try:
                return self.take_bundle(data)
            except IdentityError as second:
                raise IdentityError(f"{first.what}; as a bundle: {second.what}", second.mend) from None

    def _noted(self, data: bytes, take: Callable[[bytes], bool]) -> bool:
        try:
            news = take(data)
        except IdentityError:
            if len(self._refused) >= MAX_REFUSED:
                self._refused.pop(next(iter(self._refused)))
            self._refused[hashlib.sha256(data).digest()] = None
            raise
        if news:
            self.changes += 1
            self._refused.clear()  # what was refused may be good now
        return news

    def _take_list(self, data: bytes) -> bool:
        found = revocation.load(data, self.bundle, self.moment(), self.revoked)
        news = self.lists.take(found)
        self.floor.saw_signed(found.issued, found.end)
        return news

    def _take_bundle(self, data: bytes) -> bool:
        new = bundleupdate.take(data, self.bundle, self.moment(), self.revoked)
        if new is self.bundle:
            return False
        self.bundle = new
        self.lists.settle(new)
        self._updates = [*self._updates, (new.sequence, data)][-MAX_UPDATES:]
        return True

    # -- what is handed on

    def documents(self) -> dict[bytes, bytes]:
        """Every list by its SHA-256, roots' first."""
        return {hashlib.sha256(each.data).digest(): each.data for each in self.lists.all()}

    def updates_after(self, sequence: int) -> list[bytes]:
        """What brings a bundle of that number to ours, in order."""
        return [data for number, data in self._updates if number > sequence]

    def known(self) -> frozenset[bytes]:
        """SHA-256 of what need not be sent to us: what is here, and what was refused."""
        return frozenset(self.documents()) | frozenset(self._refused)

    def reread(self) -> bool:
        """Take what somebody else has put into the file of lists: was it news? Blocks for a look, at most.

        Lists only grow, so nothing that is in force is lost by it.
        """
        if self._mark() == self._written:
            return False
        self._written = self._mark()
        lists, self.wrong = self._files.revocations(self.bundle)
        news = [each for each in lists.all() if self._merged(each)]
        self.changes += len(news)
        return bool(news)

    def _merged(self, each: revocation.RevocationList) -> bool:
        try:
            return self.lists.take(each)
        except RevocationError as error:
            self.wrong = (*self.wrong, error.what)
            return False

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = (self._files.folder / REVOCATIONS).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def save(self) -> None:
        """Blocks. What cannot be written stands in `trouble`; it is in force all the same."""
        upto = self.changes
        try:
            self._files.put_bundle(self.bundle)
            self._files.put_revocations(self.lists)
            self._written = self._mark()
            rows = [[number, data] for number, data in self._updates]
            write(self._path, cbor.encode(rows), PUBLIC)
        except KeyFileError as error:
            self.trouble = str(error)
        else:
            self.saved, self.trouble = upto, ""

    @property
    def _path(self) -> Path:
        return self._files.folder / UPDATES

    def _kept_updates(self) -> list[tuple[int, bytes]]:
        """Only what leads to the bundle in force; a damaged file costs no trust, as others have the same."""
        if not self._path.exists():
            return []
        try:
            rows = cbor.decode(read_public(self._path, UPDATES_BYTES), UPDATES_BYTES)
        except (CodecError, KeyFileError) as error:
            self.trouble = f"{self._path}: {error}"
            return []
        found = [pair for row in rows if (pair := _update(row))] if isinstance(rows, list) else []
        return [each for each in found if each[0] <= self.bundle.sequence][-MAX_UPDATES:]


def _update(row: object) -> tuple[int, bytes] | None:
    if isinstance(row, list) and len(row) == 2:
        number, data = row
        if type(number) is int and isinstance(data, bytes):
            return number, data
    return None


def first_bundle(text: str, mesh: str) -> Bundle:
    """The bundle of the configuration: a path, or the JWKS itself. BundleError, KeyFileError."""
    data = text.encode() if text.lstrip().startswith("{") else read_public(Path(text))
    found = bundles.load(data, mesh)
    if not found.roots:
        raise BundleError("the bundle has no root, so nobody can be trusted", bundles.MEND)
    return found
