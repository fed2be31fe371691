# SPDX-License-Identifier: Apache-2.0
"""What neighbouring agents said, from the hello service's tables: `peers`, `reports` and `twins`.

No `make` here: all need the running Hello, so the composition root builds them.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from agent.readings import Peer, Report, Twin

CALM_PERIOD = 1.0  # s; changes wake the monitor by the hello's own call-back
ATTENTIVE_PERIOD = 0.05  # s; a table of at most some thousand bytes is copied


class Tables(Protocol):
    """What of hello.service.Hello is used."""

    def peers(self) -> tuple[Peer, ...]: ...
    def reports(self) -> tuple[Report, ...]: ...
    def twins(self) -> tuple[Twin, ...]: ...


class PeersSensor:
    """The peers on every interface."""

    name: ClassVar[str] = "peers"

    def __init__(self, hello: Tables) -> None:
        self._hello = hello

    def period(self, attention: bool) -> float:
        """Seconds between two copies."""
        return ATTENTIVE_PERIOD if attention else CALM_PERIOD

    def read(self, now: float) -> tuple[Peer, ...]:
        """The peers; ages are counted from this moment."""
        return self._hello.peers()


class ReportsSensor:
    """The reports of the last seconds."""

    name: ClassVar[str] = "reports"

    def __init__(self, hello: Tables) -> None:
        self._hello = hello

    def period(self, attention: bool) -> float:
        """Seconds between two copies."""
        return ATTENTIVE_PERIOD if attention else CALM_PERIOD

    def read(self, now: float) -> tuple[Report, ...]:
        """The reports; ages are counted from this moment."""
        return self._hello.reports()


class TwinsSensor:
    """Who uses our addresses; not so urgent that attention would read it oftener."""

    name: ClassVar[str] = "twins"

    def __init__(self, hello: Tables) -> None:
        self._hello = hello

    def period(self, attention: bool) -> float:
        """Seconds between two copies."""
        return CALM_PERIOD

    def read(self, now: float) -> tuple[Twin, ...]:
        """The twins; ages are counted from this moment."""
        return self._hello.twins()
