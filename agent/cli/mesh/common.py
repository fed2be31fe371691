# SPDX-License-Identifier: Apache-2.0
"""What the commands of `x0 mesh` share: the folder, the passphrase, the answer."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.text import as_json, parse_duration

if TYPE_CHECKING:
    from agent.identity.authority import Authority

FOLDER_VARIABLE, PASSPHRASE_VARIABLE = "X0_MESH_DIR", "X0_MESH_PASSPHRASE"
PASSPHRASE_BYTES = 4_096  # of a passphrase file's first line


def add_folder(parser: argparse.ArgumentParser) -> None:
    """`--dir`."""
    parser.add_argument(
        "--dir", metavar="FOLDER", help=f"the mesh's folder (else ${FOLDER_VARIABLE}, else the one we are in)"
    )


def add_passphrase(parser: argparse.ArgumentParser) -> None:
    """`--passphrase-file`. Never the passphrase itself: others see a command's arguments."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        help=f"first line: the root's passphrase (else ${PASSPHRASE_VARIABLE}, else it is asked for)",
    )


def authority(options: argparse.Namespace) -> Authority:
    """The mesh in the folder the options name."""
    from agent.identity.authority import Authority

    return Authority(Path(options.dir or os.environ.get(FOLDER_VARIABLE) or "."))


def passphrase(options: argparse.Namespace, *, new: bool = False) -> Callable[[], str]:
    """Asks at the first call and remembers; a new one is asked for twice."""
    known: list[str] = []

    def ask() -> str:
        if not known:
            known.append(_passphrase(options.passphrase_file, new=new))
        return known[0]

    return ask


def seconds(text: str) -> float:
    """A duration of the command line: 12h, 7d, 730d."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def answer(options: argparse.Namespace, text: str, **fields: Any) -> None:
    """Prints text, or `fields` as JSON."""
    print(as_json({"ok": True, **fields}) if options.json else text)


def day(at: float) -> str:
    """A date for people."""
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d")


def _passphrase(file: str | None, *, new: bool) -> str:
    from agent.identity.errors import KeyFileError
    from agent.identity.keyfile import read_private

    if file:
        line = read_private(Path(file), PASSPHRASE_BYTES).split(b"\n")[0]
        try:
            return line.decode().rstrip("\r")
        except UnicodeDecodeError:
            raise KeyFileError(
                f"{file} is no text", "write the passphrase in its first line, as UTF-8"
            ) from None
    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise KeyFileError(
            "the root's passphrase is needed and there is no terminal to ask on",
            f"name a file with --passphrase-file, or set {PASSPHRASE_VARIABLE}",
        )
    from getpass import getpass  # late: termios

    first = getpass("New passphrase of the mesh's root: " if new else "Passphrase of the mesh's root: ")
    if new and getpass("Again: ") != first:
        raise KeyFileError("the two are not the same", "type it again")
    return first
