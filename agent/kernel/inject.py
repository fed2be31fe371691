# SPDX-License-Identifier: Apache-2.0
"""Give the kernel a frame as if it had come in on an interface. Needs CAP_BPF and CAP_NET_ADMIN, Linux 5.18.

bpf(2) can run an XDP program over a frame in "live frames" mode: what the program passes goes up the stack of
the interface named as its ingress. The program is two instructions, is attached to nothing and lives for one
call; no driver support is asked for (Documentation/bpf/bpf_prog_run.rst).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from typing import Final

from agent.kernel.errors import KernelError, NotPermittedError, from_errno

# linux/bpf.h
PROG_LOAD: Final = 5
PROG_TEST_RUN: Final = 10
PROG_TYPE_XDP: Final = 6
TEST_XDP_LIVE_FRAMES: Final = 1 << 1
SYSCALL: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "armv7l": 386, "armv6l": 386, "i686": 357}
_INSTRUCTION: Final = struct.Struct("=BBhi")
PASS: Final = _INSTRUCTION.pack(0xB7, 0, 0, 2) + _INSTRUCTION.pack(0x95, 0, 0, 0)  # r0 = XDP_PASS; exit
LICENSE: Final = b"Apache-2.0\0"  # the program calls nothing that asks for another
_LOAD: Final = struct.Struct("=IIQQ")  # type, instructions, their address, licence's
# program, return value, sizes in and out, data in and out, repeat, duration, context's sizes and addresses,
# flags, CPU, frames a batch
_RUN: Final = struct.Struct("=IIIIQQIIIIQQIII")
_CONTEXT: Final = struct.Struct("=6I")  # struct xdp_md: data, end, meta, ingress interface, queue, egress
SHORTEST: Final = 60  # bytes of an Ethernet frame without its checksum
LONGEST: Final = 1514  # one page of headroom and all; nothing longer is ever wanted here

_libc = ctypes.CDLL(None, use_errno=True)


def receive(ifname: str, frame: bytes) -> None:
    """Let the interface receive this Ethernet frame (padded to 60 bytes). KernelError, ValueError."""
    if not 14 <= len(frame) <= LONGEST:
        raise ValueError(f"a frame of {len(frame)} bytes; 14 to {LONGEST} are possible")
    what = f"giving {ifname} a frame to receive"
    try:
        index = socket.if_nametoindex(ifname)
    except OSError as error:
        raise from_errno(error.errno or errno.ENODEV, what) from None
    data = ctypes.create_string_buffer(frame.ljust(SHORTEST, b"\0"), max(SHORTEST, len(frame)))
    size = len(data)
    context = ctypes.create_string_buffer(_CONTEXT.pack(0, size, 0, index, 0, 0), _CONTEXT.size)
    program = _load(what)
    try:
        into, around = ctypes.addressof(data), ctypes.addressof(context)
        sizes = _CONTEXT.size, 0
        run = _RUN.pack(program, 0, size, 0, into, 0, 1, 0, *sizes, around, 0, TEST_XDP_LIVE_FRAMES, 0, 1)
        _bpf(PROG_TEST_RUN, run, what)
    finally:
        os.close(program)


def _load(what: str) -> int:
    code = ctypes.create_string_buffer(PASS, len(PASS))
    text = ctypes.create_string_buffer(LICENSE, len(LICENSE))
    count = len(PASS) // _INSTRUCTION.size
    addresses = ctypes.addressof(code), ctypes.addressof(text)
    return _bpf(PROG_LOAD, _LOAD.pack(PROG_TYPE_XDP, count, *addresses), what)


def _bpf(command: int, attributes: bytes, what: str) -> int:
    call = SYSCALL.get(platform.machine())
    if call is None:
        raise KernelError(what, f"the number of bpf(2) on {platform.machine()} is not known here")
    # zeros behind what is said: the kernel takes a longer struct if the rest is zero
    room = ctypes.create_string_buffer(attributes, 128)
    done = int(_libc.syscall(call, command, room, len(room)))
    if done < 0:
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.EACCES):
            raise NotPermittedError(what, "run the agent with CAP_BPF and CAP_NET_ADMIN", number)
        raise from_errno(number, what)
    return done
