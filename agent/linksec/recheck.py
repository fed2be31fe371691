# SPDX-License-Identifier: Apache-2.0
"""Trust has changed: who of all that have keys of ours, or whose keys are here, is trusted no more? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.kernel.macsecrows import Sci
from agent.linksec.errors import PeerRefusedError
from agent.linksec.holders import Holders, Refused
from agent.linksec.inherited import Orphans
from agent.linksec.judged import Chain, Judged, Verifier
from agent.linksec.link import Link


class Untrusted(NamedTuple):
    """`left`: who is no neighbour now and was given a key that is still in use."""

    links: list[tuple[Link, PeerRefusedError]]
    left: list[Refused]
    orphans: list[tuple[Sci, str, PeerRefusedError]]
    key_ids: frozenset[bytes]  # of ours that any of them was given

    @property
    def peers(self) -> tuple[str, ...]:
        """Each once."""
        names = [link.peer for link, _ in self.links] + [one.peer for one in self.left]
        return tuple(dict.fromkeys(names + [peer for _, peer, _ in self.orphans]))


def untrusted(verify: Verifier, links: Iterable[Link], holders: Holders, orphans: Orphans) -> Untrusted:
    """Judge all. Who is refused is no holder and no orphan any more; the links are the caller's."""
    verify = _once(verify)
    refused = []
    for link in links:
        try:
            verify(link.chain)
        except PeerRefusedError as error:
            refused.append((link, error))
    held = holders.refused(verify)
    cut = {link.peer for link, _ in refused}
    key_ids = frozenset[bytes]().union(*(one.key_ids for one in held))
    return Untrusted(refused, [one for one in held if one.peer not in cut], orphans.refused(verify), key_ids)


def _once(verify: Verifier) -> Verifier:
    """Each chain is judged once: most neighbours are holders, too, and signatures cost time."""
    known: dict[Chain, Judged | PeerRefusedError] = {}

    def judge(chain: Chain) -> Judged:
        if chain not in known:
            try:
                known[chain] = verify(chain)
            except PeerRefusedError as error:
                known[chain] = error
        found = known[chain]
        if isinstance(found, PeerRefusedError):
            raise found
        return found

    return judge
