# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between two neighbours. Each failure has a word of `Reason`, under which it is
counted."""

from __future__ import annotations

import enum

# before what a verifier said, in the text of a handshake that failed for it
JUDGED = "the peer's certificates: "


class Reason(enum.StrEnum):
    """Why a neighbour's link is not secured; the label of the failure counter."""

    TLS = "tls"  # the handshake failed: version, group, signature, garbage
    CERTIFICATE = "certificate"  # the peer's chain was refused
    TOO_LONG = "too-long"  # more bytes than a bound allows
    TIMEOUT = "timeout"
    MESSAGE = "message"  # what came inside the channel is no message of ours, or out of turn
    FLOOD = "flood"  # more messages than the rate
    IDENTITY = "identity"  # the ends do not agree on who they are
    DUPLICATE = "duplicate"  # one identity from two nodes
    REVOKED = "revoked"
    POLICY = "policy"  # it is of the mesh, but the policy keeps it from being a neighbour
    REKEY = "rekey"  # a new key was not confirmed in time
    KERNEL = "kernel"  # the kernel refused a key
    FULL = "full"  # no room for another neighbour
    CLOSED = "closed"  # the other end or the network ended it
    REPLACED = "replaced"  # a newer channel to the same neighbour took its place
    SILENT = "silent"  # no answer to keep-alives
    STOPPED = "stopped"  # we ended it


class LinksecError(Exception):
    """Root of this package's errors. `reason`: the word it is counted under."""

    def __init__(self, text: str, reason: Reason) -> None:
        super().__init__(text)
        self.reason = reason


class BeaconError(LinksecError):
    """A datagram that is no beacon of ours: what is wrong with it. It is dropped and counted."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Reason.MESSAGE)


class PeerRefusedError(LinksecError):
    """What a verifier raises: whose certificates, which rule they break."""

    def __init__(self, text: str, reason: Reason = Reason.CERTIFICATE) -> None:
        super().__init__(text, reason)


class TlsError(LinksecError):
    """The handshake or the record layer failed; the connection is of no more use."""


class ChannelError(LinksecError):
    """What came inside the channel cannot be; the connection is cut."""
