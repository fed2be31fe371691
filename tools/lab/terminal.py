# SPDX-License-Identifier: Apache-2.0
"""`lab shell`: this terminal, passed through to a shell in a node."""

import json
import os
import select
import shutil
import signal
import sys
import termios
import tty
from types import FrameType
from typing import Any

from tools.lab.client import Lab
from tools.lab.connection import Connection
from tools.lab.guest import frames

SHELL = ["sh", "-c", "exec $(command -v bash || echo sh) -i"]


def shell(lab: Lab, node: str | None) -> int:
    """Run an interactive shell in a node (None: the machine) and return its exit code."""
    columns, rows = shutil.get_terminal_size()
    term = os.environ.get("TERM", "linux")
    request = {"op": "shell", "node": node, "argv": SHELL, "rows": rows, "columns": columns, "term": term}
    with lab.connect(node, request, None) as link:
        if not sys.stdin.isatty():
            return _pass(link)
        before = termios.tcgetattr(sys.stdin)

        def resized(_number: int, _frame: FrameType | None) -> None:
            wide, high = shutil.get_terminal_size()
            link.send(frames.pack_json({"rows": high, "columns": wide}))

        signal.signal(signal.SIGWINCH, resized)
        try:
            tty.setraw(sys.stdin)
            return _pass(link)
        finally:
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pass(link: Connection) -> int:
    sources: list[Any] = [link.socket, sys.stdin]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if sys.stdin in ready:
            typed = os.read(sys.stdin.fileno(), 4096)
            link.send(frames.pack(frames.STDIN, typed or b"\x04"))  # the terminal's end-of-file character
            if not typed:
                sources.remove(sys.stdin)
        if link.socket in ready:
            channel, payload = link.receive()
            if channel == frames.CONTROL:
                return int(json.loads(payload).get("exit", 1))
            os.write(sys.stdout.fileno(), payload)
