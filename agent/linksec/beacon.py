# SPDX-License-Identifier: Apache-2.0
"""The beacon: one bounded datagram on IPv6 link-local multicast, by which neighbours find each other. Pure.

Anybody on the link can send one: it is a hint whom to dial, never a reason to trust, and names no node.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from agent.linksec import wire
from agent.linksec.errors import BeaconError

VERSION: Final = 1
GROUP: Final = "ff02::7078"  # link-local scope; unassigned by IANA
PORT: Final = 7078  # UDP for beacons, TCP for the handshake
MAX_BYTES: Final = 128  # the worst case is 90 (a test builds it); the rest is a later version's
MAX_ISSUERS: Final = 4  # issuers a node can tell others it knows; the nearest ones
ISSUER_BYTES: Final = 8  # of a hash: enough to tell a mesh's issuers apart, nothing is trusted for it
MESH_BYTES: Final = 8
INSTANCE_BYTES: Final = 8  # random at each start of an agent; public, so it proves nothing
MAX_INTERVAL_MS: Final = 60_000

Instance = Annotated[bytes, Meta(min_length=INSTANCE_BYTES, max_length=INSTANCE_BYTES)]
IssuerTag = Annotated[bytes, Meta(min_length=ISSUER_BYTES, max_length=ISSUER_BYTES)]


class Beacon(msgspec.Struct, frozen=True, array_like=True):
    """What a node says of itself on one interface."""

    version: Literal[1]
    mesh: Annotated[bytes, Meta(min_length=MESH_BYTES, max_length=MESH_BYTES)]
    instance: Instance
    port: Annotated[int, Meta(ge=1, le=65_535)]  # TCP, of its listener
    suite: Annotated[str, Meta(pattern=r"^[a-z0-9-]+\Z", max_length=16)]
    mode: Literal["required", "preferred"]
    interval_ms: Annotated[int, Meta(ge=100, le=MAX_INTERVAL_MS)]
    issuers: Annotated[tuple[IssuerTag, ...], Meta(max_length=MAX_ISSUERS)] = ()  # need not be sent to it


def encode(beacon: Beacon) -> bytes:
    """The datagram. BeaconError: a receiver would refuse it."""
    data = wire.encode(beacon)
    decode(data)
    return data


def decode(data: bytes) -> Beacon:
    """The beacon in a datagram. BeaconError: it is anything else."""
    try:
        beacon: Beacon = wire.decode(data, Beacon, MAX_BYTES)
    except ValueError as error:
        raise BeaconError(f"no beacon of version {VERSION}: {error}") from None
    return beacon


def mesh_tag(trust_domain: str) -> bytes:
    """Tells meshes on one link apart; everybody may compute it."""
    return hashlib.sha256(b"x0 mesh\0" + trust_domain.encode()).digest()[:MESH_BYTES]


def issuer_tag(certificate: bytes) -> bytes:
    """Names an issuer by its certificate (DER)."""
    return hashlib.sha256(certificate).digest()[:ISSUER_BYTES]
