# SPDX-License-Identifier: Apache-2.0
"""`python3 -m tools.lab.guest.clock step SECONDS | back`: the machine's clock is put wrong, and right again.

Before it is put wrong the kernel is told that it is synchronised, as a time service would, for long enough
that an agent sees it.
"""

import ctypes
import sys
import time
from pathlib import Path

ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS = 0x0004, 0x0008, 0x0010
STA_PLL = 0x0001
SEEN_S = 8.0  # an agent looks every 5 s
OFFSET = Path("/run/x0-lab/clock.offset")  # wall time less the time since boot, before it was put wrong


class Timex(ctypes.Structure):
    """struct timex: what is set here, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 30),
    )


def synchronised() -> None:
    """Tell the kernel that somebody has set its clock."""
    timex = Timex(modes=ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS, status=STA_PLL)
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


def offset() -> float:
    """Wall time less the time since boot, seconds."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def main(argv: list[str]) -> int:
    """Do it."""
    if argv[:1] == ["step"]:
        synchronised()
        time.sleep(SEEN_S)
        OFFSET.write_text(repr(offset()))
        time.clock_settime(time.CLOCK_REALTIME, time.time() + float(argv[1]))
    elif argv == ["back"] and OFFSET.exists():
        right = float(OFFSET.read_text())
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_BOOTTIME) + right)
        OFFSET.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
