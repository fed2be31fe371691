# SPDX-License-Identifier: Apache-2.0
"""What stands on the host about a running lab: build/labs/NAME/lab.json, consoles, process ids."""

import os
import re
from pathlib import Path

import msgspec

from tools.lab.errors import NoLabError, UsageError

TREE = Path(__file__).resolve().parents[2]
LABS = TREE / "build" / "labs"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
PANIC = re.compile(r"Kernel panic|Oops:|x0-lab: the guest server ended")
CONSOLE_TAIL = 1 << 20  # bytes of a console that are searched; a panic is at its end


class Machine(msgspec.Struct, frozen=True):
    """One QEMU process. `pages`: node: host port of its status page."""

    name: str
    pid: int
    port: int
    nodes: tuple[str, ...]
    pages: dict[str, int]


class LabState(msgspec.Struct, frozen=True):
    """A running lab. `agents`: it was started with agents. `started`: seconds since 1970, host clock.

    `secured`: its links are encrypted.
    """

    name: str
    topology: str
    agents: bool
    started: float
    token: str
    machines: tuple[Machine, ...]
    secured: bool = False


def folder(name: str) -> Path:
    """Return a lab's directory. Raises UsageError."""
    if NAME.fullmatch(name) is None:
        raise UsageError(f"lab name {name!r}: use up to 31 lower-case letters, digits and -")
    return LABS / name


def save(state: LabState) -> None:
    """Write a lab's state; readable by its owner only, for the token opens a shell in the machine."""
    path = folder(state.name) / "lab.json"
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(msgspec.json.encode(state))
    temporary.replace(path)


def load(name: str) -> LabState:
    """Read a lab's state. Raises NoLabError."""
    path = folder(name) / "lab.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=LabState)
    except FileNotFoundError as error:
        running = ", ".join(names()) or "none"
        raise NoLabError(
            f"no lab {name!r} runs (running: {running}); start it: lab up --name {name}"
        ) from error
    except msgspec.MsgspecError as error:
        raise NoLabError(f"{path} is damaged ({error}); end the lab with: lab down --name {name}") from error


def names() -> list[str]:
    """Return the labs that have a state."""
    return sorted(path.parent.name for path in LABS.glob("*/lab.json"))


def owns(pid: int, lab: str) -> bool:
    """Whether process `pid` is a QEMU of this lab, and not another that got its number."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return os.fsencode(str(folder(lab)) + "/") in command and b"qemu" in command


def panic(lab: str, machine: str) -> str | None:
    """Return the first line of a machine's console that tells of its end, or None."""
    try:
        with (folder(lab) / f"{machine}.console").open("rb") as console:
            console.seek(max(0, console.seek(0, os.SEEK_END) - CONSOLE_TAIL))
            text = console.read().decode(errors="replace")
    except FileNotFoundError:
        return None
    found = PANIC.search(text)
    return None if found is None else text[found.start() :].splitlines()[0]
