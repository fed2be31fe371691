# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh revoke`: takes a node, a key or an issuer out of the mesh, by a list the root signs."""

from __future__ import annotations

import argparse
import time

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_folder, add_passphrase, answer, authority, passphrase


def add(parser: argparse.ArgumentParser) -> None:
    """What, which, why."""
    parser.add_argument(
        "kind",
        choices=("node", "key", "issuer"),
        help="node: a name with all its keys, for good; key: one key, by SHA-256; issuer: all it issued",
    )
    parser.add_argument("which", help="the node's or issuer's name, or the key's 64 hexadecimal digits")
    parser.add_argument("--reason", default="", help="a few words, kept in the list for everybody to read")
    add_folder(parser)
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where it is in the list."""
    from agent.identity import spiffe
    from agent.identity.revoked import Entry, Kind

    mesh, now = authority(options), time.time()
    if options.kind == "issuer":
        entry = mesh.issuer_entry(options.which, now, options.reason)
    elif options.kind == "node":
        entry = Entry(Kind.NODE, spiffe.node_name(options.which), int(now), options.reason)
    else:
        entry = Entry(Kind.KEY, options.which.lower(), int(now), options.reason)
    found = mesh.revoke([entry], passphrase(options), now)
    path = mesh.folder / "revocations" / f"root-{mesh.record.root}.cose"
    answer(
        options,
        f"{options.kind.capitalize()} {options.which} is revoked: list {found.sequence} with "
        f"{len(found.entries)} in all.\n"
        f"Bring {path} to any node of the mesh; it spreads from there.",
        kind=options.kind,
        which=options.which,
        value=entry.value,
        sequence=found.sequence,
        entries=len(found.entries),
        list=str(path),
    )
    return OK


COMMAND = Command("revoke", "revoke a node, a key or an issuer", add, run)
