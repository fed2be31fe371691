# SPDX-License-Identifier: Apache-2.0
"""Who was given which of our keys, whether or not it is still a neighbour, pure.

A neighbour that leaves keeps the key it was given. When it is revoked later, that key has to go as well, so
each is remembered with what it was trusted by, from the offer until the key is out of use.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from agent.linksec.errors import PeerRefusedError
from agent.linksec.judged import Chain, Verifier

MAX_HOLDERS: Final = 96  # chains (11 KB) of one key: twice the neighbours; beyond, a new key begins anew


class Refused(NamedTuple):
    """One that is trusted no more, and the keys it was given."""

    peer: str
    key_ids: frozenset[bytes]
    error: PeerRefusedError


class Holders:
    """Of one interface. A peer that has shown another certificate since is there with both."""

    def __init__(self) -> None:
        self._of: dict[bytes, dict[Chain, str]] = {}

    def given(self, key_id: bytes, peer: str, chain: Chain) -> None:
        """This key is offered to it now."""
        self._of.setdefault(key_id, {})[chain] = peer

    def keep(self, key_ids: Collection[bytes]) -> None:
        """These keys are or will be sent under; all others are of no more use to anybody."""
        for gone in self._of.keys() - set(key_ids):
            del self._of[gone]

    def full(self, chain: Chain) -> bool:
        """Would this one be one too many for some key?"""
        return any(len(held) >= MAX_HOLDERS and chain not in held for held in self._of.values())

    def refused(self, verify: Verifier) -> list[Refused]:
        """Judge all anew; those who are refused are not asked about again."""
        found = []
        for chain, peer in {
            chain: peer for held in self._of.values() for chain, peer in held.items()
        }.items():
            try:
                verify(chain)
            except PeerRefusedError as error:
                had = frozenset(key_id for key_id, held in self._of.items() if chain in held)
                found.append(Refused(peer, had, error))
                for held in self._of.values():
                    held.pop(chain, None)
        return found
