# SPDX-License-Identifier: Apache-2.0
"""To whom our key on one interface is given: what each neighbour was offered, has confirmed, and whether its
channel stands. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

# s a neighbour stays live without its channel: an agent restarts in 4 to 20 (lab), its kernel works on
HOLD: Final = 30.0
MAX_PEERS: Final = 48  # neighbours on one interface: agent.kernel.macsec.MAX_CHANNELS, and a busy radio cell


class _Peer:
    """What one neighbour has of ours."""

    __slots__ = ("confirmed", "held_until", "instance", "offered")

    def __init__(self, instance: bytes) -> None:
        self.instance = instance
        self.offered: set[bytes] = set()
        self.confirmed: set[bytes] = set()
        self.held_until: float | None = None  # set while its channel is lost


class Audience:
    """Neighbours by name, keys by identifier."""

    def __init__(self) -> None:
        self._peers: dict[str, _Peer] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._peers

    # -- neighbours

    def names(self) -> tuple[str, ...]:
        """Everybody with a channel or held."""
        return tuple(self._peers)

    def present(self) -> list[str]:
        """Those with a channel."""
        return [name for name, peer in self._peers.items() if peer.held_until is None]

    def held_until(self) -> list[float]:
        """The times up to which those without a channel are waited for."""
        return [peer.held_until for peer in self._peers.values() if peer.held_until is not None]

    def joined(self, name: str, instance: bytes) -> bool:
        """A channel was confirmed, for the first time or anew; False where there is no room."""
        found = self._peers.get(name)
        if found is None:
            if len(self._peers) >= MAX_PEERS:
                return False
            found = self._peers[name] = _Peer(instance)
        elif found.instance != instance:
            found.instance = instance
            found.confirmed.clear()  # what its kernel still has is not known
        found.held_until = None
        return True

    def lost(self, name: str, now: float) -> None:
        """Its channel ended: it is held, from the first loss on."""
        found = self._peers[name]
        if found.held_until is None:
            found.held_until = now + HOLD

    def removed(self, name: str) -> set[bytes]:
        """It goes; the keys it was offered."""
        found = self._peers.pop(name, None)
        return found.offered if found is not None else set()

    def overdue(self, now: float) -> list[str]:
        """Those who did not come back in time; they go."""
        late = [n for n, p in self._peers.items() if p.held_until is not None and p.held_until <= now]
        for name in late:
            del self._peers[name]
        return late

    # -- keys

    def offer(self, key_id: bytes, names: Collection[str]) -> None:
        """It is given to these."""
        for name in names:
            self._peers[name].offered.add(key_id)

    def confirmed(self, name: str, key_id: bytes) -> bool:
        """It says that it has this key; False where it was not offered it, or not any more."""
        found = self._peers.get(name)
        if found is None or key_id not in found.offered:
            return False
        found.confirmed.add(key_id)
        return True

    def has_all(self, name: str, key_ids: set[bytes]) -> bool:
        """Has it confirmed all of these, and any at all?"""
        found = self._peers.get(name)
        return found is not None and key_ids <= found.confirmed and bool(found.confirmed)

    def having(self, key_id: bytes) -> list[str]:
        """Those who have confirmed it."""
        return [name for name, peer in self._peers.items() if key_id in peer.confirmed]

    def lacking(self, key_id: bytes) -> list[str]:
        """Those who have not."""
        return [name for name, peer in self._peers.items() if key_id not in peer.confirmed]

    def only(self, key_id: bytes) -> None:
        """This key is in use; what was before counts no more."""
        for peer in self._peers.values():
            peer.offered &= {key_id}
            peer.confirmed &= {key_id}

    def void(self, key_id: bytes) -> None:
        """This key will not be used."""
        for peer in self._peers.values():
            peer.offered.discard(key_id)
            peer.confirmed.discard(key_id)
