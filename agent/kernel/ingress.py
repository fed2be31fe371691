# SPDX-License-Identifier: Apache-2.0
"""Drops batman-adv's frames of one neighbour where they come in (tc: clsact, flower), and lets them in again.

Everything else of that neighbour still arrives, so it can be asked whether it answers. Needs CAP_NET_ADMIN
and the kernel's sch_ingress, cls_flower and act_gact. Every method raises KernelError.
"""

from __future__ import annotations

import errno
import socket
from struct import Struct
from typing import Final

from agent.kernel import netlink as nl
from agent.kernel.errors import InterfaceGoneError, RefusedError
from agent.kernel.links import NETLINK_ROUTE
from agent.kernel.nlsocket import NetlinkSocket

RTM_NEWQDISC: Final = 36
RTM_NEWTFILTER: Final = 44
RTM_DELTFILTER: Final = 45
TCMSG: Final = Struct("=BxxxiIII")  # family, interface, handle, parent, info
CLSACT: Final = 0xFFFFFFF1  # TC_H_CLSACT: where the qdisc is
CLSACT_HANDLE: Final = 0xFFFF0000
INGRESS: Final = 0xFFFFFFF2  # TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
PRIORITY: Final = 7830  # our own place among the filters: what others put there is not touched
ETH_P_BATMAN: Final = 0x4305
TCA_KIND: Final = 1
TCA_OPTIONS: Final = 2
FLOWER_ACT: Final = 3
FLOWER_ETH_SRC: Final = 6
FLOWER_ETH_SRC_MASK: Final = 7
FLOWER_ETH_TYPE: Final = 8
ACT_KIND: Final = 1
ACT_OPTIONS: Final = 2
GACT_PARMS: Final = 2
GACT: Final = Struct("=IIiii")  # index, capabilities, action, references, bindings
SHOT: Final = 2  # TC_ACT_SHOT
FIRST_ACTION: Final = 1
HANDLE_BITS: Final = 0x7FFFFFFF  # a filter's handle: the last bits of the address, never 0


class Ingress:
    """Our filters on the interfaces of the namespace of the process at the first call."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket(NETLINK_ROUTE)

    def drop(self, ifindex: int, mac: str) -> None:
        """From now on nothing of batman-adv comes in from there. Already so: nothing."""
        what = f"leaving out {mac} on interface {ifindex}"
        qdisc = TCMSG.pack(socket.AF_UNSPEC, ifindex, CLSACT_HANDLE, CLSACT, 0) + nl.text(TCA_KIND, "clsact")
        new = nl.NLM_F_CREATE | nl.NLM_F_EXCL
        for kind, payload in ((RTM_NEWQDISC, qdisc), (RTM_NEWTFILTER, _head(ifindex, mac) + _filter(mac))):
            try:
                self._socket.request(kind, payload, new, what)
            except RefusedError as error:
                if error.errno != errno.EEXIST:
                    raise

    def let_in(self, ifindex: int, mac: str) -> None:
        """Take the filter away. Where there is none, or no interface, nothing."""
        payload = _head(ifindex, mac) + nl.text(TCA_KIND, "flower")
        try:
            self._socket.request(RTM_DELTFILTER, payload, 0, f"letting {mac} in on interface {ifindex}")
        except InterfaceGoneError:
            return
        except RefusedError as error:
            # EINVAL: there is no qdisc that could hold one
            if error.errno not in {errno.ENOENT, errno.EINVAL}:
                raise

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _head(ifindex: int, mac: str) -> bytes:
    handle = int.from_bytes(nl.mac_bytes(mac)[-4:], "big") & HANDLE_BITS or 1
    info = PRIORITY << 16 | socket.htons(ETH_P_BATMAN)
    return TCMSG.pack(socket.AF_UNSPEC, ifindex, handle, INGRESS, info)


def _filter(mac: str) -> bytes:
    shot = nl.attribute(GACT_PARMS, GACT.pack(0, 0, SHOT, 0, 0))
    action = nl.nested(FIRST_ACTION, nl.text(ACT_KIND, "gact"), nl.nested(ACT_OPTIONS, shot))
    options = nl.nested(
        TCA_OPTIONS,
        nl.attribute(FLOWER_ETH_SRC, nl.mac_bytes(mac)),
        nl.attribute(FLOWER_ETH_SRC_MASK, b"\xff" * 6),
        nl.attribute(FLOWER_ETH_TYPE, ETH_P_BATMAN.to_bytes(2, "big")),
        nl.nested(FLOWER_ACT, action),
    )
    return nl.text(TCA_KIND, "flower") + options
