# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between us and the kernel. Every text says what was asked, where, and how to mend it."""

from __future__ import annotations

import errno as _errno
import os


class KernelError(Exception):
    """The kernel did not do or tell what was asked. `errno`: its number, 0 where there is none."""

    def __init__(self, what: str, mend: str = "", errno: int = 0) -> None:
        super().__init__(f"{what}: {mend}" if mend else what)
        self.what = what
        self.mend = mend
        self.errno = errno


class NetlinkFormatError(KernelError):
    """An answer that breaks netlink's own format: truncated, oversized or nonsense."""


class FamilyMissingError(KernelError):
    """A generic netlink family is not there: its module is not loaded."""


class InterfaceGoneError(KernelError):
    """The interface does not exist, or vanished while it was being read."""


class NotPermittedError(KernelError):
    """A capability is missing."""


class TimedOutError(KernelError):
    """The kernel gave no answer in time."""


class UnsteadyError(KernelError):
    """A table changed during every attempt to read it, or the answer was lost: read it again later."""


class RefusedError(KernelError):
    """The kernel refused for a reason of its own; see `errno`."""


_MENDS = {
    _errno.EPERM: "run the agent with CAP_NET_ADMIN (and CAP_NET_RAW for echo)",
    _errno.EACCES: "run the agent with CAP_NET_ADMIN (and CAP_NET_RAW for echo)",
    _errno.ENODEV: "the interface does not exist (any more); look with `ip link`",
    _errno.ENXIO: "the interface does not exist (any more); look with `ip link`",
    _errno.ENOENT: "what was asked for does not exist",
    _errno.EOPNOTSUPP: "this kernel or driver cannot do it; load the module or use another device",
    _errno.EINVAL: "the kernel does not accept the value, or the interface is of another kind",
    _errno.EBUSY: "the device is busy; it is tried again",
    _errno.EEXIST: "it exists already",
    _errno.ENETDOWN: "the interface is down; `ip link set DEV up`",
    _errno.ENETUNREACH: "the interface is gone, down or without an IPv6 link-local address",
    _errno.EADDRNOTAVAIL: "the interface has no such address",
    _errno.ERFKILL: "the radio is switched off; `rfkill unblock wifi`",
    _errno.ENOMEM: "the kernel has no memory left",
    _errno.EAFNOSUPPORT: "the kernel has no such protocol; for IPv6 start it without ipv6.disable=1",
    _errno.EMFILE: "the agent has too many files open; restart it and raise LimitNOFILE",
    _errno.ENFILE: "the machine has too many files open; raise fs.file-max",
    _errno.ENOBUFS: "the receive buffer overflowed; it is read again",
}
_CLASSES: dict[int, type[KernelError]] = {
    _errno.EPERM: NotPermittedError,
    _errno.EACCES: NotPermittedError,
    _errno.ENODEV: InterfaceGoneError,
    _errno.ENXIO: InterfaceGoneError,
}


def from_errno(code: int, what: str, said: str = "") -> KernelError:
    """The error for a (positive) errno; `said`: the kernel's own words (extended ack), if any."""
    text = f"{what}: {os.strerror(code)} ({_errno.errorcode.get(code, code)})"
    if said:
        text += f", the kernel says {said!r}"
    return _CLASSES.get(code, RefusedError)(text, _MENDS.get(code, ""), code)
