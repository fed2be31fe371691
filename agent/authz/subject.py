# SPDX-License-Identifier: Apache-2.0
"""Who asks: a kind and, of a node, what its certificate proves. Made by who has authenticated it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from agent.authz.errors import AuthzError
from agent.policyterms import ROLE, SPIFFE, SUBJECTS, TEXT_MAX, near

Life = Literal["valid", "grace", "deferred"]  # agent/identity/grace.py: Standing

_ID = re.compile(r"spiffe://[a-z0-9][a-z0-9.-]*/node/([a-z0-9]([a-z0-9-]*[a-z0-9])?)\Z")
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")


class Subject(msgspec.Struct, frozen=True):
    """`kind`: a word of policyterms.SUBJECTS. The rest is a member's."""

    kind: str
    id: str = ""  # its SPIFFE ID
    node: str = ""  # the name in it
    roles: tuple[str, ...] = ()
    life: Life = "valid"
    key_id: bytes = b""  # SHA-256 of its TLS key
    issuer_key_id: bytes = b""
    serial: int = 0

    def __str__(self) -> str:
        if self.kind != "member":
            return self.kind
        return ", ".join([*([self.id] if self.id else []), *(ROLE + name for name in self.roles)]) or "member"


ROOT: Final = Subject("root")
PIN: Final = Subject("pin")
READER: Final = Subject("reader")
SELF: Final = Subject("self")
HINT: Final = Subject("hint")


class Proof(Protocol):
    """What of identity.svid.Verified is used; not imported, as it brings the crypto libraries along."""

    @property
    def id(self) -> object: ...
    @property
    def node(self) -> str: ...
    @property
    def roles(self) -> tuple[str, ...]: ...
    @property
    def standing(self) -> str: ...
    @property
    def serial(self) -> int: ...
    @property
    def key_id(self) -> bytes: ...
    @property
    def issuer_key_id(self) -> bytes: ...


def member(proof: Proof) -> Subject:
    """The node that a checked chain proved."""
    life: Life = {"valid": "valid", "grace": "grace"}.get(str(proof.standing), "deferred")  # type: ignore[assignment]
    return Subject(
        "member",
        str(proof.id),
        proof.node,
        proof.roles,
        life,
        proof.key_id,
        proof.issuer_key_id,
        proof.serial,
    )


def parse(text: str, roles: Sequence[str] = ()) -> Subject:
    """The subject a person names: a kind, role:NAME, or a SPIFFE ID with `roles`. AuthzError."""
    if text in SUBJECTS and (not roles or text == "member"):
        return Subject(text, roles=_roles(roles))
    if text in SUBJECTS:
        raise AuthzError(f"{text} with roles", "only a node of the mesh has roles: name its SPIFFE ID")
    if text.startswith(ROLE):
        return Subject("member", roles=_roles((text.removeprefix(ROLE), *roles)))
    found = _ID.match(text) if len(text) <= TEXT_MAX else None
    if found:
        return Subject("member", text, found[1], _roles(roles))
    mend = "write spiffe://MESH/node/NAME" if text.startswith(SPIFFE) else ""
    known = ", ".join(SUBJECTS)
    raise AuthzError(
        f"{text[:80]!r} is nobody who could ask",
        mend or near(text, list(SUBJECTS), f"name one of {known}, role:NAME or a SPIFFE ID"),
    )


def _roles(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not _ROLE.match(name):
            raise AuthzError(f"{name[:40]!r} names no role", "use at most 32 of a-z, 0-9 and -: gateway")
    return tuple(dict.fromkeys(names))
