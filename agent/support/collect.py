# SPDX-License-Identifier: Apache-2.0
"""What the machine says of itself for a support bundle: each part bounded in time and size, none needed."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

COMMAND_S = 5.0  # of one command; together well below the bundle's own limit
PART_MAX = 512 * 1024  # bytes of one part; what is longer loses its beginning (logs) or its end
LOG_LINES = 2000
VERSION_FILES = ("/etc/os-release", "/etc/x0/image-version", "/proc/version", "/proc/cmdline")

COMMANDS: dict[str, tuple[str, ...]] = {
    "log.txt": (
        "journalctl",
        "--no-pager",
        "--quiet",
        "--output=short-iso-precise",
        f"--lines={LOG_LINES}",
        "--unit={unit}",
    ),
    "kernel.txt": ("journalctl", "--no-pager", "--quiet", "--dmesg", "--boot", "--lines=500"),
    "ip-link.json": ("ip", "-json", "-details", "-statistics", "link"),
    "ip-address.json": ("ip", "-json", "address"),
    "ip-route.json": ("ip", "-json", "route"),
    "ip-route6.json": ("ip", "-json", "-6", "route"),
    "batctl-interfaces.txt": ("batctl", "meshif", "{mesh}", "interface"),
    "batctl-neighbours.txt": ("batctl", "meshif", "{mesh}", "neighbors"),
    "batctl-originators.txt": ("batctl", "meshif", "{mesh}", "originators"),
    "batctl-gateways.txt": ("batctl", "meshif", "{mesh}", "gwl"),
    "batctl-version.txt": ("batctl", "-v"),
    "macsec.txt": ("ip", "-statistics", "macsec", "show"),  # identifiers of keys; the kernel tells no key
    "wireless.txt": ("iw", "dev"),
    "units.txt": ("systemctl", "--no-pager", "--failed", "--plain"),
}
"""File name > command. No tables of clients (translation, leases, neighbour caches): they name phones."""


def run(words: tuple[str, ...]) -> str:
    """A command's output; what went wrong in words, where it did."""
    try:
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            try:
                output, _ = process.communicate(timeout=COMMAND_S)
            except subprocess.TimeoutExpired:
                process.kill()
                return f"({words[0]} did not answer within {COMMAND_S:g} s)\n"
    except OSError as error:
        return f"({words[0]} cannot be run: {error.strerror or error})\n"
    return cut(output.decode("utf-8", "replace"), keep_end=words[0] == "journalctl")


def versions(agent: str) -> str:
    """Of the agent, Python, the kernel and the image."""
    lines = [f"agent {agent}", f"python {platform.python_version()}", f"machine {platform.machine()}"]
    for name in VERSION_FILES:
        try:
            with Path(name).open(encoding="utf-8", errors="replace") as file:
                lines += ["", f"{name}:", file.read(4096).strip()]
        except OSError:
            continue
    return "\n".join(lines) + "\n"


def cut(text: str, keep_end: bool = False) -> str:
    """At most PART_MAX characters, and a word where some were left out."""
    if len(text) <= PART_MAX:
        return text
    left_out = f"(... {len(text) - PART_MAX} characters left out ...)\n"
    return left_out + text[-PART_MAX:] if keep_end else text[:PART_MAX] + left_out
