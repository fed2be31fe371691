# SPDX-License-Identifier: Apache-2.0
"""The system clock (adjtimex(2)) and the machine's uptime; setting needs CAP_SYS_TIME."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from typing import Final, NamedTuple

from agent.kernel.errors import from_errno

STA_UNSYNC: Final = 0x0040
STA_NANO: Final = 0x2000
TIME_ERROR: Final = 5


class _Timex(ctypes.Structure):
    """struct timex of glibc and musl (sys/timex.h)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_us", ctypes.c_long),
        ("tick", ctypes.c_long),
        (
            "rest",
            ctypes.c_long * 20,
        ),  # 8 PPS fields, tai and 11 reserved words; more room than any layout has
    )


class ClockState(NamedTuple):
    """Is the clock disciplined, how far off it is being corrected (s), and the kernel's error bound (s)."""

    synchronised: bool
    offset_s: float
    max_error_s: float


def state() -> ClockState:
    """What the kernel believes of its clock. KernelError."""
    timex = _Timex()
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.adjtimex(ctypes.byref(timex))
    if result < 0:
        raise from_errno(ctypes.get_errno() or os.EX_OSERR, "reading the clock's state")
    unit = 1e9 if timex.status & STA_NANO else 1e6
    synchronised = result != TIME_ERROR and not timex.status & STA_UNSYNC
    return ClockState(synchronised, timex.offset / unit, timex.maxerror / 1e6)


def uptime() -> float:
    """Seconds since boot, suspension included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def set_offset(offset_s: float) -> None:
    """Sets the wall clock to the time since boot plus so many seconds. KernelError."""
    try:
        time.clock_settime(time.CLOCK_REALTIME, uptime() + offset_s)
    except (OSError, OverflowError, ValueError) as error:
        raise from_errno(getattr(error, "errno", None) or errno.EINVAL, "setting the clock") from error
