# SPDX-License-Identifier: Apache-2.0
"""Reads a configuration file: text, YAML tree, structs, checks.

Every mistake is collected, nothing half-applied. Loading adds 0.8 MB PSS, half of it libyaml; forgetting its
modules afterwards frees nothing (the C extension holds them), PyYAML's own parser would save 0.4 MB.
"""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec

from agent.config import Config, ConfigError, Problem
from agent.configchecks import check
from agent.configwalk import Walk
from agent.configyaml import parse

MAX_BYTES = (
    64 * 1024
)  # the largest example has 3 KiB; a node with 32 interfaces and 64 services stays under 20
MAX_PROBLEMS = 50  # nobody mends more in one go, and a file of noise must not fill the memory
EXAMPLE = "start from one of configs/*.yaml"


def load_file(path: Path) -> Config:
    """Read, check and return; raises ConfigError with every mistake, in the file's order."""
    return load_text(_read(path), str(path))


def load_text(text: str, file: str = "<text>") -> Config:
    """The same of a text; `file` is what the messages call it."""
    problems: list[Problem] = []

    def report(line: int, column: int, found: str, allowed: str, mend: str, key: str = "") -> None:
        if len(problems) < MAX_PROBLEMS:
            problems.append(Problem(file, line, column, key, found, allowed, mend))

    tree = parse(text, report)
    if tree is None:
        if not problems:
            report(
                1, 1, "an empty file", "a configuration", f"write at least node: {{name: NAME}}, or {EXAMPLE}"
            )
        raise ConfigError(tuple(problems))
    walk = Walk(report)
    config = walk.config(tree)
    if config is not None:
        check(config, walk)
    if problems or config is None:
        raise ConfigError(tuple(sorted(problems, key=lambda p: (p.line, p.column))))
    # The walk is ours; that its result fits the types is checked by the library they are written for.
    return msgspec.convert(msgspec.to_builtins(config), Config)


def _read(path: Path) -> str:
    """The file's text; raises ConfigError where it cannot be had."""

    def refuse(found: str, allowed: str, mend: str, line: int = 1, column: int = 1) -> ConfigError:
        return ConfigError((Problem(str(path), line, column, "", found, allowed, mend),))

    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would block for ever, a device never ends
            what = "a directory" if path.is_dir() else "no regular file"
            raise refuse(what, "a regular file", "give the path of the YAML file itself")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("no such file", "a readable file", f"check the path, or {EXAMPLE}") from None
    except PermissionError:
        mend = "run as root or as the file's owner, or change its permissions"
        raise refuse("a file that may not be read", "a readable file", mend) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        words = getattr(error, "strerror", None) or str(error)
        raise refuse(
            f"a file that cannot be read ({words})", "a readable file", "check the path and the disk"
        ) from None
    if len(data) > MAX_BYTES:
        found = f"more than {MAX_BYTES // 1024} KiB"
        raise refuse(found, "a small text file", "is this the right file? Remove what is no configuration")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise refuse("UTF-16 text", "UTF-8 text", "save the file as UTF-8 (without BOM)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        found = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        raise refuse(
            found, "UTF-8 text", "save the file as UTF-8, or retype the letter", line, column
        ) from None
