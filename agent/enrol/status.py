# SPDX-License-Identifier: Apache-2.0
"""What enrolment tells page, metrics and commands. Plain values; times are Unix seconds."""

from __future__ import annotations

import enum

import msgspec


class State(enum.StrEnum):
    """How far the node has come."""

    OFF = "off"  # no mesh is configured
    UNUSABLE = "unusable"  # configuration or files; `problem` says what
    BLANK = "blank"  # no certificate yet
    ENROLLED = "enrolled"
    DUE = "due"  # enrolled; a renewal is due and did not succeed yet
    OVER = "over"  # its certificate is over
    REVOKED = "revoked"


class Problem(msgspec.Struct, frozen=True):
    """Why the last try failed: a word (errors.Word, or an issuer's), what went wrong, what to do."""

    reason: str
    what: str
    mend: str
    tries: int = 0
    next_in: float = 0.0  # s from then on, 0 where nothing is tried


class IssuerStatus(msgspec.Struct, frozen=True):
    """Of the issuer on this node."""

    name: str
    enrols: bool
    enrolled: int
    renewed: int
    refused: dict[str, int]
    taken: int
    limited: int
    open: int


class LeadStatus(msgspec.Struct, frozen=True):
    """Of this node as a join proxy."""

    through: int
    limited: int
    unknown: int
    unreachable: int


class ListStatus(msgspec.Struct, frozen=True):
    """Bundle and revocations."""

    bundle: int
    lists: int
    revoked: int
    taken: int
    failed: int
    refused: int
    last: str
    wrong: tuple[str, ...]


class Status(msgspec.Struct, frozen=True):
    """All of it."""

    state: State
    node: str = ""  # its SPIFFE ID, as far as it is known
    issuer: str = ""
    roles: tuple[str, ...] = ()
    not_after: float | None = None
    renew_at: float | None = None
    time_trusted: bool = False
    issuer_reachable: bool = False
    problem: Problem | None = None
    troubles: tuple[str, ...] = ()  # beside it, each a sentence
    here: IssuerStatus | None = None
    lead: LeadStatus | None = None
    lists: ListStatus | None = None
