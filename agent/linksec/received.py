# SPDX-License-Identifier: Apache-2.0
"""One neighbour's keys at our end, pure: install what it offers, confirm, remove what it no longer uses.

Bounded by the four association numbers: a new offer under a number replaces what was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from agent.kernel.secret import Secret
from agent.linksec.errors import ChannelError, Reason
from agent.linksec.keyactions import Sak
from agent.linksec.messages import Active, Offer

UNKNOWN: Final = float("inf")


class Install(msgspec.Struct, frozen=True):
    """Put it into the kernel in place of what has its number; report `installed` or cut the peer."""

    sak: Sak
    pn: int


class Confirm(msgspec.Struct, frozen=True):
    """Tell the peer that we can receive under this key."""

    key_id: bytes


class Forget(msgspec.Struct, frozen=True):
    """Remove a receive association."""

    an: int


RxAction = Install | Confirm | Forget


class _Held:
    __slots__ = ("going_at", "installed", "key_id", "order")

    def __init__(self, key_id: bytes, order: int, *, installed: bool) -> None:
        self.key_id, self.order, self.installed = key_id, order, installed
        self.going_at = UNKNOWN


class Received:
    """`inherited`: association number > key identifier, what an earlier run of ours left in the kernel."""

    def __init__(self, inherited: Mapping[int, bytes] | None = None) -> None:
        self._held = {an: _Held(key_id, 0, installed=True) for an, key_id in (inherited or {}).items()}
        self._order = 0

    @property
    def any(self) -> bool:
        """Can anything be received from it?"""
        return any(held.installed for held in self._held.values())

    def next_due(self) -> float:
        """When `tick` has something to do (s)."""
        return min((held.going_at for held in self._held.values()), default=UNKNOWN)

    def offered(self, offer: Offer) -> list[RxAction]:
        """A key; one that is here already is confirmed again, its packet numbers go on."""
        self._order += 1
        held = self._held.get(offer.an)
        if held is not None and held.key_id == offer.key_id:
            held.order, held.going_at = self._order, UNKNOWN
            return [Confirm(offer.key_id)] if held.installed else []
        self._held[offer.an] = _Held(offer.key_id, self._order, installed=False)
        return [Install(Sak(offer.an, offer.key_id, Secret(offer.key)), offer.pn)]

    def installed(self, key_id: bytes) -> list[RxAction]:
        """The kernel has it. Nothing is said where another took its number meanwhile."""
        for held in self._held.values():
            if held.key_id == key_id:
                held.installed = True
                return [Confirm(key_id)]
        return []

    def active(self, message: Active, now: float) -> None:
        """It sends under this key: what was offered before goes. ChannelError: a key we never confirmed."""
        used = next((h for h in self._held.values() if h.key_id == message.key_id and h.installed), None)
        if used is None:
            raise ChannelError("the peer sends under a key it did not give us", Reason.MESSAGE)
        used.going_at = UNKNOWN
        for held in self._held.values():
            if held.order < used.order:
                held.going_at = min(held.going_at, now + message.retire_ms / 1000)

    def tick(self, now: float) -> list[RxAction]:
        """Remove what is due."""
        gone = [an for an, held in self._held.items() if held.going_at <= now]
        for an in gone:
            del self._held[an]
        return [Forget(an) for an in gone]
