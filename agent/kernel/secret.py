# SPDX-License-Identifier: Apache-2.0
"""Key bytes that no log, repr, traceback of ours or pickle shows."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A key. `reveal()` is the one way to its bytes, so that every use can be found by searching for it."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = bytes(raw)

    def reveal(self) -> bytes:
        """The bytes, for whoever must put them on the wire or into the kernel."""
        return self._raw

    def __len__(self) -> int:
        return len(self._raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        raise TypeError("a key is no dictionary's key: use its key identifier")

    def __repr__(self) -> str:
        return f"<Secret of {len(self._raw)} bytes>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never serialised by accident: use reveal()")
