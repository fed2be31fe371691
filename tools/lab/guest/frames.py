# SPDX-License-Identifier: Apache-2.0
"""The frames between host and guest: one byte channel, four bytes length, payload. Used on both sides."""

import json
import struct
from typing import Any

HEADER = struct.Struct(">BI")
CONTROL = 0  # JSON: the request, the closing answer, a window size
STDOUT = 1
STDERR = 2
STDIN = 3  # empty payload: end of input
MAX_FRAME = 1 << 20  # bytes; a longer frame is a protocol error, never an allocation
CHUNK = 1 << 16  # bytes a stream is cut into

Message = dict[str, Any]


def pack(channel: int, payload: bytes) -> bytes:
    """Return one frame."""
    return HEADER.pack(channel, len(payload)) + payload


def pack_json(message: Message) -> bytes:
    """Return a control frame."""
    return pack(CONTROL, json.dumps(message).encode())
