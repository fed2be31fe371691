# SPDX-License-Identifier: Apache-2.0
"""One run of an agent, shared by all its interfaces: what it is called in public, and to one neighbour.

The public mark stands in every beacon, so whoever hears one can copy it: it helps to know our own beacons and
to notice a restart, and proves nothing. Inside a channel each neighbour is told a name of its own, made with
a secret of the run. All interfaces of this run tell it the same; another node with our identity cannot,
so two nodes with one identity are told from one node with two interfaces.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import msgspec

from agent.kernel.secret import Secret
from agent.linksec.beacon import INSTANCE_BYTES

SECRET_BYTES = 32


class AgentRun(msgspec.Struct, frozen=True):
    """`mark`: INSTANCE_BYTES, public."""

    mark: bytes
    secret: Secret

    def towards(self, peer: str) -> bytes:
        """What this run is called to the peer (SPIFFE id): INSTANCE_BYTES, which only it is told."""
        return hmac.digest(self.secret.reveal(), b"x0 link run\0" + peer.encode(), "sha256")[:INSTANCE_BYTES]


def begin(random: Callable[[int], bytes]) -> AgentRun:
    """A new run; `random` gives so many unguessable bytes."""
    return AgentRun(random(INSTANCE_BYTES), Secret(random(SECRET_BYTES)))
