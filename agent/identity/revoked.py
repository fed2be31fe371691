# SPDX-License-Identifier: Apache-2.0
"""What is revoked, as one set to ask: made of the signed lists (revocation.py), by plain look-ups."""

from __future__ import annotations

import enum

import msgspec


class Kind(enum.StrEnum):
    """What an entry names: a node with all its keys, a key with its certificates, one of them, a word."""

    NODE = "node"
    KEY = "key"  # SHA-256 of the subjectPublicKeyInfo, hexadecimal
    SERIAL = "serial"  # SHA-256 of the issuer's key and the serial, both hexadecimal: "<key>:<serial>"
    VOID = "void"  # a signer's key as above, in a root's list: what that signer's lists say does not count


class Entry(msgspec.Struct, frozen=True, order=True):
    """One revocation. `at` is Unix seconds, when it was made."""

    kind: Kind
    value: str
    at: int
    reason: str = ""


class Revoked(msgspec.Struct, frozen=True):
    """The entries in force: those of everybody, and those of roots alone, which alone reach issuers."""

    entries: dict[tuple[Kind, str], Entry] = {}
    by_root: dict[tuple[Kind, str], Entry] = {}

    def node(self, name: str) -> Entry | None:
        """Is this node revoked?"""
        return self.entries.get((Kind.NODE, name))

    def key(self, key_id: bytes) -> Entry | None:
        """Is this key of a node revoked?"""
        return self.entries.get((Kind.KEY, key_id.hex()))

    def certificate(self, issuer_key: bytes, serial: int) -> Entry | None:
        """Is this one certificate revoked?"""
        return self.entries.get((Kind.SERIAL, serial_value(issuer_key, serial)))

    def issuer(self, key_id: bytes) -> Entry | None:
        """Is this issuer's key revoked? Only a root can do that."""
        return self.by_root.get((Kind.KEY, key_id.hex()))


NOTHING = Revoked()


def serial_value(issuer_key: bytes, serial: int) -> str:
    """How a list names one certificate."""
    return f"{issuer_key.hex()}:{serial:x}"
