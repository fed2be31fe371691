# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a node and an issuer. Each failure has a word, under which it is told."""

from __future__ import annotations

import enum

from agent.identity.errors import IdentityError


class Word(enum.StrEnum):
    """Our own words; an issuer's refusals carry those of token.REASONS and enrolment.REASONS beside them."""

    UNREACHABLE = "unreachable"  # no connection to an issuer, by no way
    NO_WAY = "no-way"  # no issuer is known, and no neighbour that could lead to one
    PROXY = "proxy"  # a neighbour could not lead to the issuer
    ISSUER = "issuer"  # who answered is not the issuer that is wanted, or is not trusted
    CLOCK = "clock"  # a certificate is early or over by our clock: it, or the issuer's, is wrong
    CLOSED = "closed"  # the other end broke off: its handshake, or its bounds
    TIMEOUT = "timeout"
    ANSWER = "answer"  # what was given is not what was asked for
    FORM = "form"  # what came is no message of ours
    CERTIFICATE = "certificate"  # a renewal without a certificate
    TROUBLE = "trouble"  # the issuer itself cannot work now
    DISK = "disk"  # our own files cannot be read or written
    SETTINGS = "settings"  # the configuration's identity section cannot be used


class EnrolError(IdentityError):
    """A node that is not enrolled or renewed now. `reason`: a Word, or an issuer's word."""

    def __init__(self, reason: str, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.reason = str(reason)


class RefusedError(EnrolError):
    """An issuer that is trusted said no; `reason` is its word."""


class MessageError(EnrolError):
    """Bytes from the network that are no message of ours."""

    def __init__(self, what: str) -> None:
        super().__init__(Word.FORM, what, "both sides need the same version of the agent")
