# SPDX-License-Identifier: Apache-2.0
"""MACsec (IEEE 802.1AE) over netlink: interfaces, channels, associations. Mechanism only: keys are given.

The kernel's defaults are unsafe (GCM-AES-128, encryption off, no replay protection): `create` sets all of it.
Every method raises KernelError. Changing needs CAP_NET_ADMIN. Keys stand in no error and no repr.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Final

from agent.kernel import linkrows, macsecrows
from agent.kernel import netlink as nl
from agent.kernel.errors import FamilyMissingError, InterfaceGoneError, KernelError
from agent.kernel.genl import Family, interface_index
from agent.kernel.links import NETLINK_ROUTE, NEW, RTM_NEWLINK
from agent.kernel.macsecrows import KEY_ID_BYTES, MAX_AN, Attr, RxscAttr, SaAttr, Sci, SecY
from agent.kernel.nlsocket import NetlinkSocket
from agent.kernel.secret import Secret

CIPHER_GCM_AES_256: Final = 0x0080C20001000002  # IEEE 802.1AE-2018, table 14-1
KEY_BYTES: Final = 32
ICV_BYTES: Final = 16
OVERHEAD: Final = 32  # bytes of the tag with its channel identifier, and the ICV; what the MTU loses
VALIDATE_STRICT: Final = 2
DEFAULT_WINDOW: Final = 64  # packets: an 802.11 aggregate holds at most 64 frames, delivered in any order
MAX_PN: Final = 0xFFFFFFFF
MAX_CHANNELS: Final = 48  # with four associations each a dumped row has 25 KB; the kernel cuts it at 32

CMD_GET_TXSC: Final = 0
CMD_ADD_RXSC: Final = 1
CMD_DEL_RXSC: Final = 2
CMD_UPD_RXSC: Final = 3
CMD_ADD_TXSA: Final = 4
CMD_DEL_TXSA: Final = 5
CMD_UPD_TXSA: Final = 6
CMD_ADD_RXSA: Final = 7
CMD_DEL_RXSA: Final = 8
CMD_UPD_RXSA: Final = 9

IFLA_MACSEC_SCI: Final = 1
IFLA_MACSEC_ICV_LEN: Final = 3
IFLA_MACSEC_CIPHER_SUITE: Final = 4
IFLA_MACSEC_WINDOW: Final = 5
IFLA_MACSEC_ENCODING_SA: Final = 6
IFLA_MACSEC_ENCRYPT: Final = 7
IFLA_MACSEC_PROTECT: Final = 8
IFLA_MACSEC_INC_SCI: Final = 9
IFLA_MACSEC_REPLAY_PROTECT: Final = 12
IFLA_MACSEC_VALIDATION: Final = 13


class Macsec:
    """Reads and sets MACsec in the namespace of the process at the first call."""

    def __init__(self) -> None:
        self._family = Family("macsec", "macsec")
        self._route = NetlinkSocket(NETLINK_ROUTE)

    def create(self, name: str, lower: str, sci: Sci, *, window: int = DEFAULT_WINDOW) -> None:
        """Make a macsec interface over `lower`: GCM-AES-256, all safe settings on.

        `window`: how many packets late one may be. Cipher, ICV and SCI are fixed from here on.
        """
        if not 0 < window <= MAX_PN:
            raise ValueError(f"replay window of {window} packets: 1 to {MAX_PN}")
        settings = b"".join(
            (
                nl.attribute(IFLA_MACSEC_SCI, sci.packed),
                nl.attribute(IFLA_MACSEC_CIPHER_SUITE, nl.U64.pack(CIPHER_GCM_AES_256)),
                nl.u8(IFLA_MACSEC_ICV_LEN, ICV_BYTES),
                nl.u8(IFLA_MACSEC_PROTECT, 1),
                nl.u8(IFLA_MACSEC_ENCRYPT, 1),
                nl.u8(IFLA_MACSEC_INC_SCI, 1),
                nl.u8(IFLA_MACSEC_REPLAY_PROTECT, 1),
                nl.u32(IFLA_MACSEC_WINDOW, window),
                nl.u8(IFLA_MACSEC_VALIDATION, VALIDATE_STRICT),
            )
        )
        what = f"creating macsec interface {name} over {lower}"
        payload = linkrows.IFINFO.pack(0, 0, 0, 0, 0) + nl.text(linkrows.IFLA_IFNAME, name)
        payload += nl.u32(linkrows.IFLA_LINK, _index(lower, what)) + _info(settings)
        self._route.request(RTM_NEWLINK, payload, NEW, what)

    def set_encoding_sa(self, name: str, an: int) -> None:
        """Send under this association from now on. It should be there: without one nothing is sent."""
        what = f"switching {name} to association {_an(an)}"
        payload = linkrows.IFINFO.pack(0, 0, _index(name, what), 0, 0)
        payload += _info(nl.u8(IFLA_MACSEC_ENCODING_SA, an))
        self._route.request(RTM_NEWLINK, payload, 0, what)

    def add_tx(self, name: str, an: int, key: Secret, key_id: bytes, pn: int = 1) -> None:
        """Add an active transmit association, not yet used unless it is the encoding one."""
        what = f"adding transmit association {an} to {name}"
        self._ask(CMD_ADD_TXSA, _index(name, what), what, _new_sa(an, key, key_id, pn))

    def delete_tx(self, name: str, an: int) -> None:
        """Remove a transmit association; one that is not there is no error."""
        what = f"removing transmit association {an} of {name}"
        index = _index(name, what)
        with _absent_is_fine():
            self._ask(CMD_UPD_TXSA, index, what, _sa(an, nl.u8(SaAttr.ACTIVE, 0)))  # else it is "busy"
            self._ask(CMD_DEL_TXSA, index, what, _sa(an))

    def add_channel(self, name: str, sci: Sci) -> None:
        """Receive from this sender; one that is there already is no error."""
        what = f"adding receive channel {sci} to {name}"
        index = _index(name, what)
        try:
            self._ask(CMD_ADD_RXSC, index, what, _rxsc(sci, active=True))
        except KernelError as error:
            if error.errno != errno.EEXIST:
                raise

    def delete_channel(self, name: str, sci: Sci) -> None:
        """Receive nothing more from this sender, at once; one that is not there is no error."""
        what = f"removing receive channel {sci} of {name}"
        index = _index(name, what)
        with _absent_is_fine():
            self._ask(CMD_DEL_RXSC, index, what, _rxsc(sci))

    def add_rx(self, name: str, sci: Sci, an: int, key: Secret, key_id: bytes, pn: int = 1) -> None:
        """Add an active receive association; `pn`: the lowest packet number taken."""
        what = f"adding receive association {an} of {sci} to {name}"
        self._ask(CMD_ADD_RXSA, _index(name, what), what, _rxsc(sci) + _new_sa(an, key, key_id, pn))

    def delete_rx(self, name: str, sci: Sci, an: int) -> None:
        """Remove a receive association; one that is not there is no error."""
        what = f"removing receive association {an} of {sci} from {name}"
        index = _index(name, what)
        with _absent_is_fine():
            self._ask(CMD_UPD_RXSA, index, what, _rxsc(sci) + _sa(an, nl.u8(SaAttr.ACTIVE, 0)))
            self._ask(CMD_DEL_RXSA, index, what, _rxsc(sci) + _sa(an))

    def state(self, name: str) -> SecY:
        """Settings, channels, associations, packet numbers and statistics. InterfaceGoneError: not macsec.

        Asked twice before that is said: a fresh socket's first dump has room for 4 KB a row, and the kernel
        leaves out what does not fit without a word (an interface with ten neighbours).
        """
        what = f"reading {name}"
        index = _index(name, what)
        for _ in range(2):
            for row in self._family.dump(CMD_GET_TXSC, b"", macsecrows.secy, what):
                if row.index == index:
                    return row
        raise InterfaceGoneError(f"{what}: it is no macsec interface", "`ip -d link show`", errno.ENODEV)

    def close(self) -> None:
        """Close the sockets."""
        self._family.close()
        self._route.close()

    def _ask(self, command: int, index: int, what: str, payload: bytes) -> None:
        self._family.request(command, nl.u32(Attr.IFINDEX, index) + payload, what)


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    """Removing what is not there: the kernel says ENODEV of an association or channel it does not know."""
    try:
        yield
    except KernelError as error:
        if error.errno not in {errno.ENODEV, errno.ENOENT} or isinstance(error, FamilyMissingError):
            raise


def _index(name: str, what: str) -> int:
    found = interface_index(name)
    if found is None:
        text = f"{what}: interface {name} does not exist"
        raise InterfaceGoneError(text, "look with `ip link`", errno.ENODEV)
    return found


def _info(settings: bytes) -> bytes:
    kind = nl.text(linkrows.IFLA_INFO_KIND, "macsec")
    return nl.nested(linkrows.IFLA_LINKINFO, kind, nl.nested(linkrows.IFLA_INFO_DATA, settings))


def _rxsc(sci: Sci, *, active: bool = False) -> bytes:
    inner = nl.attribute(RxscAttr.SCI, sci.packed)
    return nl.nested(Attr.RXSC_CONFIG, inner, nl.u8(RxscAttr.ACTIVE, 1) if active else b"")


def _sa(an: int, *inner: bytes) -> bytes:
    return nl.nested(Attr.SA_CONFIG, nl.u8(SaAttr.AN, _an(an)), *inner)


def _new_sa(an: int, key: Secret, key_id: bytes, pn: int) -> bytes:
    if len(key) != KEY_BYTES or len(key_id) != KEY_ID_BYTES:
        lengths = f"a key of {len(key)} bytes and an identifier of {len(key_id)}"
        raise ValueError(f"{lengths}: {KEY_BYTES} and {KEY_ID_BYTES}")
    if not 0 < pn <= MAX_PN:
        raise ValueError(f"packet number {pn}: 1 to {MAX_PN}")
    return _sa(
        an,
        nl.u32(SaAttr.PN, pn),
        nl.attribute(SaAttr.KEY, key.reveal()),
        nl.attribute(SaAttr.KEYID, key_id),
        nl.u8(SaAttr.ACTIVE, 1),
    )


def _an(an: int) -> int:
    if not 0 <= an <= MAX_AN:
        raise ValueError(f"association number {an}: 0 to {MAX_AN}")
    return an
