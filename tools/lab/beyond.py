# SPDX-License-Identifier: Apache-2.0
"""What lies beyond a gateway's uplink in the lab: a namespace with one host that answers ping and DNS.

A program of its own, whose text tools/lab/internet.py sends into a node: it makes the veth pair wan0 - inet0,
gives inet0 to a namespace of its own and answers there until it is ended. SIGUSR1: no ping is answered any
more; SIGUSR2: it is again. "KBIT SECONDS" to UDP port FLOOD: so much is sent to the node.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HOST, NODE, LENGTH = "198.51.100.1", "198.51.100.2", 24  # RFC 5737
FLOOD = 9999
DISCARD = 9  # UDP port of the node: nobody listens there
ANSWER_TTL = 5  # s: nobody is to remember
SILENCE = "/proc/sys/net/ipv4/icmp_echo_ignore_all"  # of the namespace of who opens it


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True)


def inside(pidfile: str, text: str) -> None:
    """In the node: make the uplink and the namespace, and wait for its end."""
    ip("link", "add", "wan0", "type", "veth", "peer", "name", "inet0")
    ip("address", "add", f"{NODE}/{LENGTH}", "dev", "wan0")
    argv = ["unshare", "-n", "python3", "-c", text, "beyond", pidfile]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as beyond:
        assert beyond.stdin is not None
        assert beyond.stdout is not None
        beyond.stdout.readline()  # its namespace is there
        ip("link", "set", "inet0", "netns", str(beyond.pid))
        ip("link", "set", "wan0", "up")
        ip("route", "add", "default", "via", HOST)
        beyond.stdin.write(b"go\n")
        beyond.stdin.flush()
        with contextlib.suppress(KeyboardInterrupt):
            beyond.wait()
        beyond.kill()


def beyond(pidfile: str) -> None:
    """In the namespace: every name is HOST."""
    print("there", flush=True)
    sys.stdin.readline()
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{HOST}/{LENGTH}", "dev", "inet0")
    ip("link", "set", "inet0", "up")
    signal.signal(signal.SIGUSR1, lambda *_: Path(SILENCE).write_text("1"))
    signal.signal(signal.SIGUSR2, lambda *_: Path(SILENCE).write_text("0"))
    threading.Thread(target=flood, daemon=True).start()
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((HOST, 53))
    Path(pidfile).write_text(str(os.getpid()))
    while True:
        packet, sender = listening.recvfrom(512)
        with contextlib.suppress(ValueError, OSError):  # no question, or wan0 is just down
            listening.sendto(answer(packet), sender)


def flood() -> None:
    """Send to the node what it asks for."""
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind((HOST, FLOOD))
    while True:
        kbit, seconds = (float(word) for word in asked.recv(64).split())
        begun, sent = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            while sent * 8 / 1000 < kbit * passed:
                sent += asked.sendto(bytes(1400), (NODE, DISCARD)) + 42  # and its headers
            time.sleep(0.005)


def answer(packet: bytes) -> bytes:
    """The answer to a question. ValueError where it is none."""
    question = packet[12 : packet.index(b"\0", 12) + 5]
    head = packet[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    return head + question + struct.pack("!HHHIH", 0xC00C, 1, 1, ANSWER_TTL, 4) + socket.inet_aton(HOST)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(sys.argv[2], sys.argv[3])
    else:
        beyond(sys.argv[2])
