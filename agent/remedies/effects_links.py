# SPDX-License-Identifier: Apache-2.0
"""What actions may do to secured links: the contract. Implemented by agent/effects/links.py."""

from __future__ import annotations

from typing import Protocol


class SecuredLinks(Protocol):
    """Channels and keys of this node's neighbours. Every method raises ActionError."""

    def renew(self, hardif: str, mac: str) -> None:
        """Give up channel and keys of the neighbour that sends from this MAC; both ends begin anew."""
        ...

    def rekey(self, hardif: str) -> None:
        """Change the key this node sends under on the interface."""
        ...
