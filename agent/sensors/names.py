# SPDX-License-Identifier: Apache-2.0
"""What the nodes of the mesh are called, as their agents tell each other: `names`.

No `make` here: it needs the running Hello, so the composition root builds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

PERIOD = 2.0  # s; words for people


class Table(Protocol):
    """What of hello.service.Hello is used."""

    def names(self) -> Mapping[str, str]: ...


class NamesSensor:
    """Originator > node name."""

    name: ClassVar[str] = "names"

    def __init__(self, hello: Table) -> None:
        self._hello = hello

    def period(self, attention: bool) -> float:
        """Seconds between two looks; nothing urgent hangs on it."""
        return PERIOD

    def read(self, now: float) -> Mapping[str, str]:
        """The table of this moment; it is not changed any more."""
        return self._hello.names()
