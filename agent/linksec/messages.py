# SPDX-License-Identifier: Apache-2.0
"""What two neighbours say inside the channel: small arrays in deterministic CBOR behind a length of two
bytes.

Kept apart from `channel.py`, which holds the rules of turn.
"""

from __future__ import annotations

from struct import Struct
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from agent.kernel.macsec import KEY_BYTES, MAX_PN
from agent.kernel.macsecrows import KEY_ID_BYTES, MAX_AN, SCI_BYTES
from agent.linksec import wire
from agent.linksec.beacon import Instance
from agent.linksec.errors import ChannelError, Reason

VERSION: Final = 1
MAX_FRAME: Final = 640  # bytes of one message; the largest is a greeting with two identities of 255
MAX_ID: Final = 255  # characters of a SPIFFE id; the standard allows 2,048, a mesh's are below 100
MAX_RETIRE_MS: Final = 3000  # MKA's retirement of an old key (IEEE 802.1X)
LENGTH: Final = Struct("!H")

SpiffeId = Annotated[str, Meta(pattern=r"^spiffe://[\x21-\x7e]+\Z", max_length=MAX_ID)]
KeyId = Annotated[bytes, Meta(min_length=KEY_ID_BYTES, max_length=KEY_ID_BYTES)]
Number = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]


class Greeting(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The first message of both: who I am, who I take you for, and where my frames come from.

    `instance`: what my run is called to you (AgentRun.towards), not what my beacon says.
    """

    version: Literal[1]
    me: SpiffeId
    you: SpiffeId
    instance: Instance
    sci: Annotated[bytes, Meta(min_length=SCI_BYTES, max_length=SCI_BYTES)]


class Ready(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """I have verified your certificate and your greeting. Its instance is given back."""

    instance: Instance


class Offer(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A key of mine: install it for receiving. `pn`: take no packet numbered lower."""

    an: Annotated[int, Meta(ge=0, le=MAX_AN)]
    key_id: KeyId
    key: Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    pn: Annotated[int, Meta(ge=1, le=MAX_PN)]

    def __repr__(self) -> str:
        return f"Offer(an={self.an}, key_id={self.key_id.hex()}, key=<hidden>, pn={self.pn})"


class Installed(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """I can receive under this key now."""

    key_id: KeyId


class Active(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """I send under this key now: remove what you had of me before, after so many milliseconds."""

    key_id: KeyId
    retire_ms: Annotated[int, Meta(ge=0, le=MAX_RETIRE_MS)]


class Ping(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Are you there?"""

    number: Number


class Pong(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """I am."""

    number: Number


class Bye(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """I end this, for this reason."""

    reason: Annotated[str, Meta(pattern=r"^[a-z-]*\Z", max_length=16)]


Message = Greeting | Ready | Offer | Installed | Active | Ping | Pong | Bye


def frame(message: Message) -> bytes:
    """The message with its length."""
    data = wire.encode(message)
    return LENGTH.pack(len(data)) + data


class Deframer:
    """Cuts a stream into messages; holds at most one unfinished one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, clear: bytes) -> list[Message]:
        """The messages that are complete. ChannelError: nonsense, or one longer than MAX_FRAME."""
        data = self._rest + clear
        found: list[Message] = []
        at = 0
        while len(data) - at >= LENGTH.size:
            (size,) = LENGTH.unpack_from(data, at)
            if size > MAX_FRAME:
                text = f"the peer announces a message of {size} bytes: at most {MAX_FRAME}"
                raise ChannelError(text, Reason.TOO_LONG)
            end = at + LENGTH.size + size
            if end > len(data):
                break
            try:
                found.append(wire.decode(data[at + LENGTH.size : end], Message, MAX_FRAME))
            except ValueError as error:
                raise ChannelError(f"the peer sent no message of ours: {error}", Reason.MESSAGE) from None
            at = end
        self._rest = data[at:]
        return found
