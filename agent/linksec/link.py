# SPDX-License-Identifier: Apache-2.0
"""One secured neighbour: a SPIFFE id and a secure channel, its session and its keys here."""

from __future__ import annotations

from agent.kernel.macsecrows import Sci
from agent.linksec.judged import Judged
from agent.linksec.received import Received
from agent.linksec.session import Session


def name_of(peer: str, sci: Sci) -> str:
    """What a neighbour is called among the neighbours of an interface."""
    return f"{peer} {sci}"


class Link:
    """`session` is None while the channel is lost and the keys are held."""

    __slots__ = ("address", "chain", "name", "peer", "received", "sci", "session", "since", "up")

    def __init__(self, session: Session, sci: Sci, received: Received, now: float) -> None:
        self.peer, self.sci, self.name = session.peer, sci, name_of(session.peer, sci)
        self.session: Session | None = session
        self.address, self.chain = session.address, session.chain
        self.received, self.since, self.up = received, now, False

    @property
    def owner(self) -> Judged:
        """Whose channel it is, and what that one was judged by."""
        return Judged(self.peer, self.chain)
