# SPDX-License-Identifier: Apache-2.0
"""A card that failed: the root can only be read. The node must be a machine."""

from tools.lab.faults.base import Fault, Operation, Target, run

# mount(2) itself: mount(8) hands an overlay its own options back, which it refuses
REMOUNT = """\
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"none", b"/", None, ctypes.c_ulong(int(sys.argv[1])), None):
    sys.exit("remounting the root: " + os.strerror(ctypes.get_errno()))
"""
MS_RDONLY, MS_REMOUNT = 1, 32


def _remount(target: Target, flags: int) -> list[Operation]:
    return [run(target, "python3", "-S", "-c", REMOUNT, str(flags))]


FAULT = Fault(
    id="root-readonly",
    what="the root of --node, a machine of its own, is remounted read-only, as the kernel does after errors",
    peer=False,
    inject=lambda target: _remount(target, MS_REMOUNT | MS_RDONLY),
    clear=lambda target: _remount(target, MS_REMOUNT),
)
