# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949, 4.2) into checked structs: one way to say a thing, anything else is refused.

Messages are arrays whose structs bound every field. A later version may append elements, which are skipped.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agent.codec import cbor
from agent.codec.errors import CodecError

ARRAY: Final = 4  # CBOR's major type


def encode(message: msgspec.Struct) -> bytes:
    """The bytes of an array-like struct."""
    return cbor.encode(msgspec.to_builtins(message, builtin_types=(bytes,)))


def decode(data: bytes, kind: Any, limit: int) -> Any:
    """The struct (or one of a union) in these bytes. ValueError: what is wrong with them."""
    if not data or data[0] >> 5 != ARRAY:
        raise ValueError("no array")
    try:
        found = cbor.decode(data, limit)
        return msgspec.convert(found, kind, builtin_types=(bytes,))
    except (CodecError, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from None
