# SPDX-License-Identifier: Apache-2.0
"""A key, and what the life of our own key asks to be done with it."""

from __future__ import annotations

import msgspec

from agent.kernel.secret import Secret
from agent.linksec.errors import Reason


class Sak(msgspec.Struct, frozen=True):
    """A key, its association number and its identifier (random, not made of the key)."""

    an: int
    key_id: bytes
    key: Secret


class Give(msgspec.Struct, frozen=True):
    """Offer the key to a peer; `pn`: the lowest packet number it has to take."""

    peer: str
    sak: Sak
    pn: int


class ChangeOver(msgspec.Struct, frozen=True):
    """Add the key for sending and switch to it; report `switched` or `failed`."""

    sak: Sak


class Tell(msgspec.Struct, frozen=True):
    """Tell a peer that we send under this key now and what it had before can go."""

    peer: str
    key_id: bytes
    retire: float


class Remove(msgspec.Struct, frozen=True):
    """Remove a transmit association."""

    an: int


class Cut(msgspec.Struct, frozen=True):
    """End the peer's channel and take its keys away."""

    peer: str
    reason: Reason


Action = Give | ChangeOver | Tell | Remove | Cut
