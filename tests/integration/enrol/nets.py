# SPDX-License-Identifier: Apache-2.0
"""Namespaces in a row: `a` and `b` on one wire and on a mesh interface `m0`, `b` and `c` on another wire.

a.e1 -- e1.b.e2 -- e1.c        wires, as mesh interfaces are
a.m0 -- m0.b                   in the place of bat0
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.netns import ADDRESS_S, inside, ip

MACS = {
    ("a", "e1"): "02:00:00:00:0a:01",
    ("a", "m0"): "02:00:00:00:0a:00",
    ("b", "e1"): "02:00:00:00:0b:01",
    ("b", "e2"): "02:00:00:00:0b:02",
    ("b", "m0"): "02:00:00:00:0b:00",
    ("c", "e1"): "02:00:00:00:0c:01",
}
CABLES = [("a", "e1", "b", "e1"), ("b", "e2", "c", "e1"), ("a", "m0", "b", "m0")]


@contextmanager
def row(tag: str) -> Iterator[dict[str, str]]:
    """The namespaces by their letter, all interfaces up and addressed."""
    names = {letter: f"x0{tag}{letter}{os.getpid()}" for letter in "abc"}
    made = []
    try:
        for name in names.values():
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        for one, at, other, there in CABLES:
            ip("link", "add", at, "netns", names[one], "address", MACS[one, at], "type", "veth",
               "peer", there, "netns", names[other], "address", MACS[other, there])  # fmt: skip
            for letter, interface in ((one, at), (other, there)):
                with inside(names[letter]):
                    Path(f"/proc/sys/net/ipv6/conf/{interface}/accept_dad").write_text("0")
                ip("-n", names[letter], "link", "set", interface, "up")
        for letter, interface in MACS:
            _addressed(names[letter], interface)
        yield names
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=20)


def _addressed(namespace: str, interface: str) -> None:
    end = time.monotonic() + ADDRESS_S
    with inside(namespace):
        while f" {interface}\n" not in Path("/proc/thread-self/net/if_inet6").read_text():
            assert time.monotonic() < end, f"{interface} in {namespace} has no address"
            time.sleep(0.005)
