# SPDX-License-Identifier: Apache-2.0
"""Answers of the macsec family, composed as macsec.c of kernel 6.12 does (the host has no MACsec)."""

from __future__ import annotations

from agent.kernel import netlink as nl
from agent.kernel.macsecrows import Sci


def statistics(kind: int, *values: int) -> bytes:
    """A nest of 64-bit counters."""
    return nl.nested(kind, *(nl.attribute(n, nl.U64.pack(value)) for n, value in enumerate(values, 1)))


def transmit_sa(place: int, an: int, pn: int, key_id: bytes, encrypted: int = 0) -> bytes:
    """One of the list of transmit associations."""
    counted = nl.nested(6, nl.u32(6, 0), nl.u32(7, encrypted))
    return nl.nested(place, nl.u8(1, an), counted, nl.u32(3, pn), nl.attribute(5, key_id), nl.u8(2, 1))


def receive_sa(place: int, an: int, pn: int, key_id: bytes, ok: int = 0) -> bytes:
    """One of a channel's list of receive associations."""
    counted = nl.nested(6, *(nl.u32(n, value) for n, value in enumerate((ok, 1, 2, 3, 4), 1)))
    return nl.nested(place, nl.u8(1, an), counted, nl.u32(3, pn), nl.attribute(5, key_id), nl.u8(2, 1))


def channel(place: int, sci: Sci, *sas: bytes) -> bytes:
    """One of the list of receive channels."""
    counted = statistics(4, 1000, 2000, 3, 4, 5, 6, 7, 8, 9, 10)
    return nl.nested(
        place, nl.u8(2, 1), nl.attribute(1, sci.packed), counted, nl.nested(3, *sas) if sas else b""
    )


def secy(index: int, sci: Sci, *, transmit: bytes = b"", receive: bytes = b"", encoding: int = 0) -> bytes:
    """The payload of one row, behind netlink's header."""
    settings = nl.nested(
        4,
        nl.attribute(1, sci.packed),
        nl.attribute(4, nl.U64.pack(0x0080C20001000002)),
        nl.u8(5, 16),
        nl.u8(8, 1),
        nl.u8(6, 1),
        nl.u8(7, 1),
        nl.u8(9, 2),
        nl.u8(10, 1),
        nl.u8(11, 1),
        nl.u8(2, encoding),
        nl.u32(3, 64),
    )
    return b"".join(
        (
            b"\0\1\0\0",  # command, version, reserved
            nl.u32(1, index),
            settings,
            statistics(7, 11, 12, 13, 14),
            statistics(8, 21, 22, 23, 24, 25, 26, 27, 28),
            nl.nested(5, transmit),
            nl.nested(6, receive),
        )
    )
