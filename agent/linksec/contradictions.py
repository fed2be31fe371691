# SPDX-License-Identifier: Apache-2.0
"""Does a new session contradict a neighbour there is: two of one identity, of one channel, too many? Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from agent.kernel.macsec import MAX_CHANNELS
from agent.kernel.macsecrows import Sci
from agent.linksec.errors import Reason
from agent.linksec.inherited import Orphans
from agent.linksec.link import Link
from agent.linksec.session import Session

MAX_CHANNELS_EACH: Final = 4  # of one identity: a node has at most so many interfaces on one segment


class Contradiction(NamedTuple):
    """Why a session is cut."""

    reason: Reason
    text: str


def found(
    session: Session,
    sci: Sci,
    links: Iterable[Link],
    orphans: Orphans,
    leaving: Iterable[Sci],
    we_dial: Callable[[str], bool],
) -> Contradiction | None:
    """What speaks against it, None where nothing does. `leaving`: channels the kernel has not removed yet."""
    links = tuple(links)
    return _claims(session, sci, links, orphans) or _rivals(session, sci, links, we_dial) or _room(
        session, sci, links, orphans, leaving
    )  # fmt: skip


def _claims(session: Session, sci: Sci, links: Iterable[Link], orphans: Orphans) -> Contradiction | None:
    """Another's channel, also of one that an earlier run of ours left and that has not come back yet."""
    owner = next((link.peer for link in links if link.sci == sci), orphans.owner(sci))
    if owner in {"", session.peer}:
        return None
    return Contradiction(Reason.IDENTITY, f"{session.peer} claims the channel {sci} of {owner}")


def _rivals(
    session: Session, sci: Sci, links: Iterable[Link], we_dial: Callable[[str], bool]
) -> Contradiction | None:
    """Another session of this identity that is alive: a second dial, a second interface or a second node?"""
    assert session.channel is not None
    for link in links:
        other = link.session
        if link.peer != session.peer or other is None or not other.alive or other.channel is None:
            continue
        same_run = other.channel.instance == session.channel.instance
        if link.sci == sci:
            if same_run and not _prefer(session, other, we_dial):
                return Contradiction(Reason.REPLACED, f"a better channel to {session.peer}")
        elif not same_run:
            text = f"two nodes show the identity {link.peer}: one at {link.sci.mac}, one at {sci.mac}"
            return Contradiction(Reason.DUPLICATE, text)
    return None


def _prefer(new: Session, old: Session, we_dial: Callable[[str], bool]) -> bool:
    """Of two with one neighbour: the one dialled by the end whose part it is; of two such the newer.

    Both ends come to the same answer whatever the order in which they see them.
    """
    ours = we_dial(new.address)
    return (new.dialled == ours) or (old.dialled != ours)


def _room(
    session: Session, sci: Sci, links: Iterable[Link], orphans: Orphans, leaving: Iterable[Sci]
) -> Contradiction | None:
    """A channel more in the kernel, of this identity and of the interface."""
    held = {link.sci: link.peer for link in links}
    if sci in held or sci in orphans:
        return None
    if sum(peer == session.peer for peer in held.values()) >= MAX_CHANNELS_EACH:
        text = f"{session.peer} has {MAX_CHANNELS_EACH} channels here already"
        return Contradiction(Reason.FULL, text)
    if len({*held, *orphans.owners(), *leaving} - {sci}) >= MAX_CHANNELS:
        text = f"{session.peer} is one neighbour too many for this interface"
        return Contradiction(Reason.FULL, text)
    return None
