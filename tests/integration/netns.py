# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of a test's own: sockets opened inside stay inside. Needs root and ip(8)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x4000_0000
ADDRESS_S = 10.0
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Why namespaces cannot be used here, "" where they can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    return "" if shutil.which("ip") else "needs ip(8) of iproute2"


def ip(*args: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *args], check=True, capture_output=True, timeout=20)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace while the context lasts."""
    with Path("/proc/thread-self/ns/net").open() as before, Path(f"/run/netns/{namespace}").open() as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(before.fileno())


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _await_address(namespace: str) -> None:
    """Until e1 has its link-local address: the kernel's own thread gives it, late on a busy machine."""
    end = time.monotonic() + ADDRESS_S
    with inside(namespace):
        while "e1" not in Path("/proc/thread-self/net/if_inet6").read_text():
            if time.monotonic() > end:
                raise TimeoutError(f"e1 in {namespace} has no IPv6 link-local address after {ADDRESS_S} s")
            time.sleep(0.005)


@contextmanager
def pair(tag: str) -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth pair called `e1` in both, with MACs 02:00:00:00:00:01 and :02, up."""
    a, b = f"x0{tag}a{os.getpid()}", f"x0{tag}b{os.getpid()}"
    ip("netns", "add", a)
    try:
        ip("netns", "add", b)
        ip("link", "add", "e1", "netns", a, "address", "02:00:00:00:00:01", "type", "veth",
           "peer", "e1", "netns", b, "address", "02:00:00:00:00:02")  # fmt: skip
        for namespace in (a, b):
            # without duplicate address detection the link-local address can be used at once
            with inside(namespace):
                Path("/proc/sys/net/ipv6/conf/e1/accept_dad").write_text("0")
            ip("-n", namespace, "link", "set", "e1", "up")
        for namespace in (a, b):
            _await_address(namespace)
        yield a, b
    finally:
        for namespace in (a, b):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True, timeout=20)
