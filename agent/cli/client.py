# SPDX-License-Identifier: Apache-2.0
"""The command's side of the control socket (agent/control.py): one request, one answer."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = "/run/x0/agent.sock"
DEFAULT_CONFIG = "/etc/x0/x0.yaml"
TIMEOUT = 15.0  # s for the whole exchange; the agent gives its handlers 10
ANSWER_MAX = 1024 * 1024  # bytes; as agent/control.py
CONFIG_MAX = 64 * 1024  # bytes; as agent/configfile.py


class ClientError(Exception):
    """What failed and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}. Mend: {mend}")
        self.what = what
        self.mend = mend


class UnreachableError(ClientError):
    """The agent does not answer."""


class RefusedError(ClientError):
    """The agent answered: no."""


def socket_path(given: str | None, config: Path = Path(DEFAULT_CONFIG)) -> str:
    """`given`, else $X0_SOCKET, else what the node's configuration says, else the default."""
    if given:
        return given
    if os.environ.get("X0_SOCKET"):
        return os.environ["X0_SOCKET"]
    try:
        with config.open(encoding="utf-8") as file:
            text = file.read(CONFIG_MAX)
    except (OSError, UnicodeDecodeError):
        return DEFAULT_SOCKET
    if not re.search(r"^[^#\n]*\bcontrol_socket\b", text, re.MULTILINE):
        return DEFAULT_SOCKET  # and the YAML parser, most of the command's start-up time, is not needed
    from agent.config import ConfigError, load

    try:
        return load(config).node.control_socket
    except ConfigError:
        return (
            DEFAULT_SOCKET  # the running agent may be older than the mistake; `x0 config check` tells of it
        )


def ask(path: str, command: str, args: dict[str, Any] | None = None, timeout: float = TIMEOUT) -> Any:
    """The result of one command; raises UnreachableError or RefusedError."""
    request = json.dumps({"command": command, "args": args or {}}).encode() + b"\n"
    try:
        line = _exchange(path, request, timeout)
    except FileNotFoundError:
        raise UnreachableError(f"no agent runs here: there is no {path}", START) from None
    except ConnectionRefusedError:
        raise UnreachableError(f"the agent is gone: nobody listens at {path}", START) from None
    except PermissionError:
        mend = "run it as root (sudo x0 ...), or join the agent's group"
        raise UnreachableError(f"{path} may not be used by this user", mend) from None
    except TimeoutError:
        mend = "look at its log: journalctl -u x0-agent -n 50; then systemctl restart x0-agent"
        raise UnreachableError(f"the agent did not answer within {timeout:g} s", mend) from None
    except OSError as error:
        words = error.strerror or str(error)
        raise UnreachableError(
            f"{path} cannot be used ({words})", "check the path given with --socket"
        ) from None
    return _result(line)


START = "start it: systemctl start x0-agent; or name its socket with --socket PATH"


def _exchange(path: str, request: bytes, timeout: float) -> bytes:
    """Send, and read one line of at most ANSWER_MAX bytes, all within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout)
        sock.connect(path)
        with contextlib.suppress(
            BrokenPipeError, ConnectionResetError
        ):  # refused unread: its answer says why
            sock.sendall(request)
        chunks: list[bytes] = []
        size = 0
        while size <= ANSWER_MAX:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = sock.recv(65536)
            if not chunk:
                break
            chunks.append(chunk)
            size += len(chunk)
            if chunk.endswith(b"\n"):
                break
    return b"".join(chunks)


def _result(line: bytes) -> Any:
    if not line:
        raise UnreachableError(
            "the agent closed the connection without an answer", "try again; look at its log"
        )
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        what, mend = str(answer["error"]["what"]), str(answer["error"]["mend"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UnreachableError(
            "the answer cannot be read", "does an agent of this version listen there?"
        ) from None
    raise RefusedError(what, mend)
