# SPDX-License-Identifier: Apache-2.0
"""What an earlier run of the agent left in the kernel: our own key, and the channels of its neighbours. Pure.

Nobody here knows the key bytes, nor who else was given them, so none of it stays for long, and nothing of it
stays for whoever is trusted no more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.kernel.macsecrows import Sci, SecY
from agent.linksec.errors import PeerRefusedError, Reason
from agent.linksec.judged import Judged, Verifier


class OwnKey(msgspec.Struct, frozen=True):
    """Our transmit associations. `sending`: the one in use, None where nothing is sent."""

    sending: int | None = None
    others: tuple[int, ...] = ()
    neighbours: int = 0  # whose channels were there: so many are waited for before the key is given up


NOTHING = OwnKey()


def own_key(found: SecY) -> OwnKey:
    """What of ours is in a macsec interface."""
    numbers = tuple(sa.an for sa in found.transmit)
    sending = found.encoding_sa if found.encoding_sa in numbers else None
    return OwnKey(sending, tuple(an for an in numbers if an != sending), len(found.receive))


class Orphan(msgspec.Struct, frozen=True):
    """A channel whose neighbour has not come back yet. `held`: association number > key identifier."""

    owner: Judged
    held: dict[int, bytes]


class Orphans:
    """`owners`: whose channel each was, as it was kept on disk; `until`: when they are given up."""

    def __init__(self, found: SecY, owners: Mapping[Sci, Judged], until: float) -> None:
        self._of = {
            channel.sci: Orphan(owners[channel.sci], {sa.an: sa.key_id for sa in channel.sas})
            for channel in found.receive
            if channel.sci in owners
        }
        self._until = until
        # nobody can say whose these are, so nobody may go on with them
        self.nobodys = tuple(channel.sci for channel in found.receive if channel.sci not in owners)

    def __contains__(self, sci: Sci) -> bool:
        return sci in self._of

    def __len__(self) -> int:
        return len(self._of)

    def owners(self) -> dict[Sci, Judged]:
        """Whose they are."""
        return {sci: orphan.owner for sci, orphan in self._of.items()}

    def owner(self, sci: Sci) -> str:
        """Whose channel this is (SPIFFE id), "" where it is no orphan."""
        return self._of[sci].owner.peer if sci in self._of else ""

    def claim(self, sci: Sci) -> dict[int, bytes] | None:
        """Its owner is back: what is in the kernel of it, None where nothing was left."""
        orphan = self._of.pop(sci, None)
        return orphan.held if orphan is not None else None

    def refused(self, verify: Verifier) -> list[tuple[Sci, str, PeerRefusedError]]:
        """Judge the owners; those who are refused are orphans no more, and must go from the kernel."""
        found = []
        for sci, (peer, chain) in self.owners().items():
            try:
                if verify(chain).peer != peer:
                    raise PeerRefusedError(
                        f"the certificates kept for {sci} are not of {peer}", Reason.IDENTITY
                    )
            except PeerRefusedError as error:
                del self._of[sci]
                found.append((sci, peer, error))
        return found

    def expired(self, now: float) -> tuple[Sci, ...]:
        """All of them once their time is over, and none afterwards."""
        if now < self._until:
            return ()
        gone = tuple(self._of)
        self._of.clear()
        return gone
