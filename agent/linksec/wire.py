# SPDX-License-Identifier: Apache-2.0
"""Deterministic CBOR (RFC 8949, 4.2) into checked structs: one way to say a thing, anything else is refused.

Messages are arrays whose structs bound every field. A later version may append elements, which are skipped.
"""

from __future__ import annotations

from typing import Any, Final

import cbor2
import msgspec

MAX_DEPTH: Final = 3  # an array in an array in a message
ARRAY: Final = 4  # CBOR's major type


def encode(message: msgspec.Struct) -> bytes:
    """The bytes of an array-like struct."""
    return cbor2.dumps(msgspec.to_builtins(message, builtin_types=(bytes,)), canonical=True)


def decode(data: bytes, kind: Any, limit: int) -> Any:
    """The struct (or one of a union) in these bytes. ValueError: what is wrong with them."""
    if len(data) > limit:
        raise ValueError(f"{len(data)} bytes, at most {limit}")
    if not data or data[0] >> 5 != ARRAY:
        raise ValueError("no array")
    try:
        found = cbor2.loads(data, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False)
        if not _plain(found) or cbor2.dumps(found, canonical=True) != data:
            raise ValueError("not in the one deterministic form")
        return msgspec.convert(found, kind, builtin_types=(bytes,))
    except (cbor2.CBORError, msgspec.MsgspecError, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _plain(value: object) -> bool:
    """Numbers, texts, bytes, truth and arrays of them: no tag, map, float or null has a place in a
    message."""
    if isinstance(value, list):
        return all(_plain(one) for one in value)
    return isinstance(value, int | str | bytes)
