# SPDX-License-Identifier: Apache-2.0
"""`lab shell`: this terminal, passed through to a shell in a node; or a script given as input to it."""

import contextlib
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
from tools.lab.errors import LabError
from tools.lab.guest import frames

SHELL = ["sh", "-c", "exec $(command -v bash || echo sh) -i"]
SCRIPT = ["sh", "-c", "exec $(command -v bash || echo sh) -s"]


def shell(lab: Lab, node: str | None) -> int:
    """Run a shell in a node (None: the machine) and return its exit code: interactive on a terminal.

    Otherwise it reads our input as a script: on a terminal of its own the input's end could be lost, which is
    an end only while nothing stands before it and no program has changed the terminal's mode.
    """
    if not sys.stdin.isatty():
        with lab.connect(node, {"op": "exec", "node": node, "argv": SCRIPT, "stdin": True}, None) as link:
            return _pass(link)
    columns, rows = shutil.get_terminal_size()
    term = os.environ.get("TERM", "linux")
    request = {"op": "shell", "node": node, "argv": SHELL, "rows": rows, "columns": columns, "term": term}
    with lab.connect(node, request, None) as link:
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
    """Pass input and output on until the program ends; return its exit code. Raises LabError."""
    sources: list[Any] = [link.socket, sys.stdin]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if sys.stdin in ready:
            typed = os.read(sys.stdin.fileno(), frames.CHUNK)
            with contextlib.suppress(ConnectionError):  # the program has ended: its answer says how
                link.send(frames.pack(frames.STDIN, typed))
            if not typed:
                sources.remove(sys.stdin)
        if link.socket in ready:
            channel, payload = link.receive()
            if channel == frames.CONTROL:
                answer = json.loads(payload)
                if "error" in answer:
                    raise LabError(answer["error"])
                return int(answer["exit"])
            os.write((sys.stderr if channel == frames.STDERR else sys.stdout).fileno(), payload)
