# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh init`: a new mesh: its root, its trust bundle, its folder."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_passphrase, answer, day, passphrase


def add(parser: argparse.ArgumentParser) -> None:
    """Name, folder, set of algorithms."""
    parser.add_argument(
        "name", help="the mesh's name, like a host name: valley.mesh; it can never be changed"
    )
    parser.add_argument("--dir", metavar="FOLDER", help="where its folder is made (default: ./NAME)")
    parser.add_argument(
        "--suite",
        choices=("standard", "cnsa"),
        default="standard",
        help="standard: ML-DSA-65, X25519MLKEM768; cnsa: ML-DSA-87, ML-KEM-1024 (larger handshakes)",
    )
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where the mesh was made."""
    from agent.identity.authority import Authority

    folder = Path(options.dir or options.name)
    made = Authority.create(folder, options.name, options.suite, passphrase(options, new=True), time.time())
    root = made.bundle.roots[0]
    answer(
        options,
        f"Mesh {made.mesh} is made in {folder}: root until {day(root.not_after)}, "
        f"{made.suite.signature}.\nBack this folder up, and keep the passphrase apart from it: without both, "
        f"the mesh cannot be renewed.\n"
        f"Next: x0 mesh issuer NAME --dir {folder}",
        mesh=made.mesh,
        folder=str(folder),
        suite=made.suite.name,
        root=root.fingerprint,
        root_ends=int(root.not_after),
        bundle=str(folder / "bundle.json"),
    )
    return OK


COMMAND = Command("init", "make a new mesh: its root and trust bundle", add, run)
