# SPDX-License-Identifier: Apache-2.0
"""Two neighbours even out what they know: each says what it has, each sends what the other lacks. asyncio.

Inside mutual TLS (ALPN LISTS), both ends do the same. Nothing is believed for who sent it: each document is
verified against our own bundle before it counts, and so before it is passed on.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from agent.enrol.errors import MessageError
from agent.enrol.standing import ITEM_BYTES, MAX_REFUSED, MAX_UPDATES, Standing
from agent.enrol.stream import TlsStream
from agent.identity.errors import IdentityError
from agent.identity.limits import BUNDLE_ROOTS, LISTS_OF_ONE, REVOCATION_LISTS, SEQUENCE_MAX
from agent.linksec import wire

MAX_LISTS: Final = BUNDLE_ROOTS * LISTS_OF_ONE + REVOCATION_LISTS  # a node keeps no more
MAX_KNOWN: Final = MAX_LISTS + MAX_REFUSED
MAX_ITEMS: Final = MAX_LISTS + MAX_UPDATES  # of one evening
MAX_BAD: Final = 4  # documents refused before the peer is cut: a newer peer may know a signer we do not yet
FRAME_BYTES: Final = ITEM_BYTES + 32

Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Have(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The number of my bundle, and what need not be sent to me (SHA-256)."""

    version: Literal[1]
    bundle: Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)]
    known: Annotated[tuple[Hash, ...], Meta(max_length=MAX_KNOWN)]


class Update(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A bundle's update, as a root signed it."""

    data: Annotated[bytes, Meta(min_length=1, max_length=ITEM_BYTES)]


class Listed(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A revocation list, as its signer signed it."""

    data: Annotated[bytes, Meta(min_length=1, max_length=ITEM_BYTES)]


class Done(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """That was all of mine."""


Message = Have | Update | Listed | Done


class Result(msgspec.Struct):
    """What an evening brought. `refused`: the words of what was not taken."""

    taken: int = 0
    sent: int = 0
    refused: list[str] = []


def decode(data: bytes) -> Message:
    """A message. MessageError where it is none."""
    try:
        found: Any = wire.decode(data, Message, FRAME_BYTES)
    except ValueError as error:
        raise MessageError(f"no word on lists: {str(error)[:120]}") from None
    message: Message = found
    return message


async def even_out(stream: TlsStream, standing: Standing) -> Result:
    """Both ends call this once the handshake is done. LinksecError, OSError, MessageError: it broke off."""
    await stream.send(wire.encode(Have(1, standing.bundle.sequence, tuple(sorted(standing.known())))))
    have = decode(await stream.receive())
    if not isinstance(have, Have):
        raise MessageError("a neighbour did not begin by saying what it has")
    result = Result()
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_send(stream, standing, have, result))
            both.create_task(_take(stream, standing, result))
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return result


async def _send(stream: TlsStream, standing: Standing, have: Have, result: Result) -> None:
    known = frozenset(have.known)
    updates: list[Update | Listed] = [Update(data) for data in standing.updates_after(have.bundle)]
    lists = [Listed(data) for mark, data in standing.documents().items() if mark not in known]
    for each in updates + lists:
        await stream.send(wire.encode(each))
        result.sent += 1
    await stream.send(wire.encode(Done()))


async def _take(stream: TlsStream, standing: Standing, result: Result) -> None:
    for _ in range(MAX_ITEMS + 1):
        message = decode(await stream.receive())
        if isinstance(message, Done):
            return
        if isinstance(message, Have):
            raise MessageError("a neighbour says a second time what it has")
        take = standing.take_bundle if isinstance(message, Update) else standing.take_list
        try:
            result.taken += take(message.data)
        except IdentityError as error:
            result.refused.append(error.what)
            if len(result.refused) > MAX_BAD:
                raise MessageError(f"a neighbour sends what nobody may sign: {error.what[:200]}") from None
        await asyncio.sleep(0)  # each costs a millisecond: others have their turn
    raise MessageError(f"a neighbour sends more than {MAX_ITEMS} documents")
