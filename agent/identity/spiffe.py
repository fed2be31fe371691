# SPDX-License-Identifier: Apache-2.0
"""SPIFFE IDs as the mesh uses them: `spiffe://<mesh>/node/<name>`. Source: SPIFFE-ID.md, sections 2 and 3."""

from __future__ import annotations

import re

import msgspec

from agent.identity.errors import SpiffeIdError
from agent.identity.limits import ROLE_CHARS, SPIFFE_ID_BYTES, TRUST_DOMAIN_CHARS

SCHEME = "spiffe://"
NODE = "node"
# A host name's labels: the trust domain is also the host of a name constraint, which knows no underscores.
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+\Z")
_NODE_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")  # a host name, as node.name, in lower case
_ROLE = re.compile(r"[a-z][a-z0-9-]*\Z")


class SpiffeId(msgspec.Struct, frozen=True, order=True):
    """A trust domain and a path without its leading slash, "" for the domain itself."""

    trust_domain: str
    path: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.trust_domain}/{self.path}" if self.path else SCHEME + self.trust_domain

    @property
    def node(self) -> str | None:
        """The node's name where this is a node's ID."""
        kind, slash, name = self.path.partition("/")
        return name if kind == NODE and slash and _NODE_NAME.match(name) else None


def trust_domain(text: str) -> str:
    """`text` where it can name a mesh; SpiffeIdError otherwise."""
    if len(text) > TRUST_DOMAIN_CHARS or not _DOMAIN.match(text):
        raise SpiffeIdError(
            f"{text[:80]!r} cannot name a mesh",
            f"use at most {TRUST_DOMAIN_CHARS} of a-z, 0-9, - and ., as in a host name: valley.mesh",
        )
    return text


def node_name(text: str) -> str:
    """The name a node has in its ID: lower case, as host names do not tell the cases apart."""
    name = text.lower()
    if not _NODE_NAME.match(name):
        raise SpiffeIdError(
            f"{text[:80]!r} cannot name a node", "use at most 63 of a-z, 0-9 and -, as in node.name"
        )
    return name


def within(issuer: str, name: str) -> bool:
    """May this issuer name that node? Its own name, or one that begins with it and a hyphen."""
    return bool(issuer) and (name == issuer or name.startswith(f"{issuer}-"))


def role(text: str) -> str:
    """`text` where it can name a role; SpiffeIdError otherwise."""
    if len(text) > ROLE_CHARS or not _ROLE.match(text):
        raise SpiffeIdError(
            f"{text[:80]!r} cannot name a role",
            f"use at most {ROLE_CHARS} of a-z, 0-9 and -: router, gateway",
        )
    return text


def of_node(domain: str, name: str) -> SpiffeId:
    """A node's ID in a mesh."""
    return SpiffeId(trust_domain(domain), f"{NODE}/{node_name(name)}")


def of_domain(domain: str) -> SpiffeId:
    """The ID of the mesh itself, which issuers and roots carry."""
    return SpiffeId(trust_domain(domain))


def parse(text: str) -> SpiffeId:
    """The SPIFFE ID `text` is, letter by letter; nothing is normalised. SpiffeIdError names what is wrong."""
    mend = "an ID reads spiffe://<mesh>/node/<name>, without %, port, query or a slash at its end"
    shown = repr(text[:120])
    if len(text.encode("utf-8", "replace")) > SPIFFE_ID_BYTES:
        raise SpiffeIdError(f"{shown}... is longer than {SPIFFE_ID_BYTES} bytes", mend)
    if not text.startswith(SCHEME):
        raise SpiffeIdError(f"{shown} does not begin with {SCHEME}", mend)
    domain, slash, path = text[len(SCHEME) :].partition("/")
    if len(domain) > TRUST_DOMAIN_CHARS or not _DOMAIN.match(domain):
        raise SpiffeIdError(f"{shown} has no trust domain we know the form of", mend)
    if slash and not path:
        raise SpiffeIdError(f"{shown} ends with a slash", mend)
    for segment in path.split("/") if path else ():
        if not _SEGMENT.match(segment) or segment in (".", ".."):
            raise SpiffeIdError(f"{shown} has the path segment {segment[:40]!r}", mend)
    return SpiffeId(domain, path)
