# SPDX-License-Identifier: Apache-2.0
"""MACsec's answers (linux/if_macsec.h, kernel 6.12), decoded. Pure; nonsense is a NetlinkFormatError.

The kernel never gives a key back: what is read has key identifiers only.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple, TypeVar

import msgspec

from agent.kernel import netlink as nl
from agent.kernel.errors import NetlinkFormatError
from agent.kernel.genl import GENL_HEADER

T = TypeVar("T")
SCI_BYTES: Final = 8
KEY_ID_BYTES: Final = 16
MAX_AN: Final = 3  # IEEE 802.1AE: two bits
VALIDATIONS: Final = ("disabled", "check", "strict")  # enum macsec_validation_type


class Attr(enum.IntEnum):
    """enum macsec_attrs."""

    IFINDEX = 1
    RXSC_CONFIG = 2
    SA_CONFIG = 3
    SECY = 4
    TXSA_LIST = 5
    RXSC_LIST = 6
    TXSC_STATS = 7
    SECY_STATS = 8


class SecyAttr(enum.IntEnum):
    """enum macsec_secy_attrs."""

    SCI = 1
    ENCODING_SA = 2
    WINDOW = 3
    CIPHER_SUITE = 4
    ICV_LEN = 5
    PROTECT = 6
    REPLAY = 7
    OPER = 8
    VALIDATE = 9
    ENCRYPT = 10
    INC_SCI = 11


class RxscAttr(enum.IntEnum):
    """enum macsec_rxsc_attrs."""

    SCI = 1
    ACTIVE = 2
    SA_LIST = 3
    STATS = 4


class SaAttr(enum.IntEnum):
    """enum macsec_sa_attrs."""

    AN = 1
    ACTIVE = 2
    PN = 3
    KEY = 4
    KEYID = 5
    STATS = 6


class Sci(NamedTuple):
    """A secure channel's identifier: the sender's MAC at creation and a port number of 1 to 65535."""

    mac: str
    port: int = 1

    @property
    def packed(self) -> bytes:
        """Its eight bytes, as on the wire. ValueError: no MAC or port."""
        if not 0 < self.port < 0x10000:
            raise ValueError(f"port {self.port} of a secure channel: 1 to 65535")
        return nl.mac_bytes(self.mac) + self.port.to_bytes(2, "big")

    @classmethod
    def unpack(cls, raw: bytes) -> Sci:
        """Of eight bytes. ValueError: another length."""
        if len(raw) != SCI_BYTES:
            raise ValueError(f"a secure channel identifier of {len(raw)} bytes: {SCI_BYTES}")
        return cls(raw[:6].hex(":"), int.from_bytes(raw[6:], "big"))

    def __str__(self) -> str:
        return f"{self.mac}/{self.port}"


class RxSaStats(msgspec.Struct, frozen=True):
    """Packets received under one association."""

    ok: int = 0
    invalid: int = 0
    not_valid: int = 0
    not_using_sa: int = 0
    unused_sa: int = 0


class Sa(msgspec.Struct, frozen=True):
    """One association. `pn`: the next packet number to send, or the lowest the receiver takes."""

    an: int
    active: bool
    pn: int
    key_id: bytes
    protected: int = 0  # packets sent authenticated only
    encrypted: int = 0
    received: RxSaStats = RxSaStats()


class RxChannel(msgspec.Struct, frozen=True):
    """What is received from one neighbour."""

    sci: Sci
    active: bool
    sas: tuple[Sa, ...]
    ok: int = 0
    invalid: int = 0  # failed the integrity check
    late: int = 0  # below the replay window, dropped
    delayed: int = 0
    not_valid: int = 0
    not_using_sa: int = 0  # no association of that number: its key is not here
    unused_sa: int = 0


class SecY(msgspec.Struct, frozen=True):
    """One macsec interface as the kernel has it."""

    index: int
    sci: Sci
    cipher: int
    icv_bytes: int
    encoding_sa: int
    encrypt: bool
    protect: bool
    include_sci: bool
    replay_protect: bool
    window: int
    validation: str
    operational: bool
    transmit: tuple[Sa, ...]
    receive: tuple[RxChannel, ...]
    out_encrypted: int = 0  # packets
    out_octets_encrypted: int = 0
    out_untagged: int = 0
    out_too_long: int = 0
    in_untagged: int = 0
    in_no_tag: int = 0  # plain frames, refused where validation is strict
    in_bad_tag: int = 0
    in_unknown_sci: int = 0  # of senders without a receive channel, let through
    in_no_sci: int = 0  # the same, refused
    in_overrun: int = 0


def secy(buffer: bytearray | bytes, start: int, end: int) -> SecY:
    """One row of GET_TXSC: an interface with everything in it."""
    found = nl.attributes(buffer, start + GENL_HEADER, end)
    index = _must(nl.get_u32(buffer, found, Attr.IFINDEX), "an interface")
    place = _must(found.get(Attr.SECY), "its settings")
    settings = nl.attributes(buffer, *place)
    validation = nl.get_u8(buffer, settings, SecyAttr.VALIDATE) or 0
    out = _counters(buffer, found, Attr.TXSC_STATS, 4)
    own = _counters(buffer, found, Attr.SECY_STATS, 8)

    def flag(kind: SecyAttr) -> bool:
        return bool(nl.get_u8(buffer, settings, kind))

    return SecY(
        index=index,
        sci=_sci(buffer, settings, SecyAttr.SCI),
        cipher=_must(nl.get_u64(buffer, settings, SecyAttr.CIPHER_SUITE), "a cipher suite"),
        icv_bytes=nl.get_u8(buffer, settings, SecyAttr.ICV_LEN) or 0,
        encoding_sa=_an(nl.get_u8(buffer, settings, SecyAttr.ENCODING_SA)),
        encrypt=flag(SecyAttr.ENCRYPT),
        protect=flag(SecyAttr.PROTECT),
        include_sci=flag(SecyAttr.INC_SCI),
        replay_protect=flag(SecyAttr.REPLAY),
        window=nl.get_u32(buffer, settings, SecyAttr.WINDOW) or 0,
        validation=VALIDATIONS[validation] if validation < len(VALIDATIONS) else str(validation),
        operational=flag(SecyAttr.OPER),
        transmit=tuple(_sa(buffer, place) for place in _listed(buffer, found, Attr.TXSA_LIST)),
        receive=tuple(_channel(buffer, place) for place in _listed(buffer, found, Attr.RXSC_LIST)),
        out_encrypted=out[1],
        out_octets_encrypted=out[3],
        out_untagged=own[0],
        in_untagged=own[1],
        out_too_long=own[2],
        in_no_tag=own[3],
        in_bad_tag=own[4],
        in_unknown_sci=own[5],
        in_no_sci=own[6],
        in_overrun=own[7],
    )


def _channel(buffer: bytearray | bytes, place: tuple[int, int]) -> RxChannel:
    found = nl.attributes(buffer, *place)
    counted = _counters(buffer, found, RxscAttr.STATS, 10)
    return RxChannel(
        sci=_sci(buffer, found, RxscAttr.SCI),
        active=bool(nl.get_u8(buffer, found, RxscAttr.ACTIVE)),
        sas=tuple(_sa(buffer, place) for place in _listed(buffer, found, RxscAttr.SA_LIST)),
        delayed=counted[3],
        ok=counted[4],
        invalid=counted[5],
        late=counted[6],
        not_valid=counted[7],
        not_using_sa=counted[8],
        unused_sa=counted[9],
    )


def _sa(buffer: bytearray | bytes, place: tuple[int, int]) -> Sa:
    found = nl.attributes(buffer, *place)
    key_id = nl.get_bytes(buffer, found, SaAttr.KEYID)
    if key_id is None or len(key_id) != KEY_ID_BYTES:
        raise NetlinkFormatError("a MACsec association without a key identifier")
    stats = found.get(SaAttr.STATS)
    counted = nl.attributes(buffer, *stats) if stats else {}
    numbers = [nl.get_u32(buffer, counted, kind) or 0 for kind in range(1, 8)]
    return Sa(
        an=_an(nl.get_u8(buffer, found, SaAttr.AN)),
        active=bool(nl.get_u8(buffer, found, SaAttr.ACTIVE)),
        pn=_must(nl.get_u32(buffer, found, SaAttr.PN), "a packet number"),
        key_id=key_id,
        received=RxSaStats(*numbers[:5]),
        protected=numbers[5],
        encrypted=numbers[6],
    )


def _listed(buffer: bytearray | bytes, found: nl.Attributes, kind: int) -> list[tuple[int, int]]:
    place = found.get(kind)
    return list(nl.attributes(buffer, *place).values()) if place else []


def _counters(buffer: bytearray | bytes, found: nl.Attributes, kind: int, count: int) -> list[int]:
    """The first `count` counters of a nest of 64-bit statistics, in the order of their numbers."""
    place = found.get(kind)
    inner = nl.attributes(buffer, *place) if place else {}
    return [nl.get_u64(buffer, inner, number) or 0 for number in range(1, count + 1)]


def _sci(buffer: bytearray | bytes, found: nl.Attributes, kind: int) -> Sci:
    raw = nl.get_bytes(buffer, found, kind)
    if raw is None or len(raw) != SCI_BYTES:
        raise NetlinkFormatError("a MACsec row without a channel identifier")
    return Sci.unpack(raw)


def _an(value: int | None) -> int:
    if value is None or value > MAX_AN:
        raise NetlinkFormatError(f"a MACsec association number of {value}: 0 to {MAX_AN}")
    return value


def _must(value: T | None, thing: str) -> T:
    if value is None:
        raise NetlinkFormatError(f"a MACsec row without {thing}")
    return value
