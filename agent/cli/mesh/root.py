# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh root`: a new root beside the old one, then the old one's end."""

from __future__ import annotations

import argparse
import time

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_folder, add_passphrase, answer, authority, passphrase

NEXT = {
    "rotate": "Bring it to any node; when every node has it, make each issuer anew (x0 mesh issuer NAME); "
    "when every node has renewed (one SVID's life), x0 mesh root retire.",
    "retire": "Bring it to any node, and the list below with it where one is named. Nodes that missed a "
    "bundle take them in order: keep them all.",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The step."""
    parser.add_argument(
        "step",
        choices=tuple(NEXT),
        help="rotate: make the next root, trusted beside this one; retire: trust the old one no more",
    )
    add_folder(parser)
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where the new bundle was made."""
    mesh = authority(options)
    step = mesh.rotate if options.step == "rotate" else mesh.retire
    bundle = step(passphrase(options), time.time())
    path = mesh.folder / f"bundle-{bundle.sequence}.cose"
    revoked = mesh.newest_list if options.step == "retire" else None
    further = f"\nWhat is revoked, under the root that stays: {revoked}" if revoked else ""
    answer(
        options,
        f"Bundle {bundle.sequence}, roots: {len(bundle.roots)}, is in {path}.\n{NEXT[options.step]}{further}",
        sequence=bundle.sequence,
        roots=[root.fingerprint for root in bundle.roots],
        update=str(path),
        list=str(revoked or ""),
    )
    return OK


COMMAND = Command("root", "rotate the mesh's root, with both trusted for a while", add, run)
