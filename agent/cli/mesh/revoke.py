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
        help="node: a name with all its keys, for good; key: one key, by SHA-256; issuer: every key it ever "
        "had, and so all it issued",
    )
    parser.add_argument("which", help="the node's or issuer's name, or the key's 64 hexadecimal digits")
    parser.add_argument("--reason", default="", help="a few words, kept in the list for everybody to read")
    parser.add_argument(
        "--stand-in",
        default="",
        metavar="SITE",
        help="issuer: only the key of the place that stands in for it",
    )
    parser.add_argument(
        "--void",
        action="store_true",
        help="issuer: what it revoked itself is void, too (a thief may have done it); else it stays revoked",
    )
    add_folder(parser)
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where it is in the list."""
    from agent.identity import spiffe
    from agent.identity.errors import AuthorityError
    from agent.identity.revoked import Entry, Kind

    mesh, now = authority(options), time.time()
    if options.kind == "issuer":
        entries = mesh.issuer_entries(
            options.which, now, options.reason, stand_in=options.stand_in.lower(), void=options.void
        )
    elif options.void or options.stand_in:
        raise AuthorityError(
            f"--void and --stand-in are for issuers, not for a {options.kind}", "leave them out"
        )
    elif options.kind == "node":
        entries = (Entry(Kind.NODE, spiffe.node_name(options.which), int(now), options.reason),)
    else:
        entries = (Entry(Kind.KEY, options.which.lower(), int(now), options.reason),)
    found = mesh.revoke(entries, passphrase(options), now)
    path = mesh.newest_list
    values = list(dict.fromkeys(entry.value for entry in entries))
    keys = f", {len(values)} keys" if len(values) > 1 else ""
    answer(
        options,
        f"{options.kind.capitalize()} {options.which}{keys} is revoked: list {found.sequence} with "
        f"{len(found.entries)} in all.\n"
        f"Bring {path} to any node of the mesh; it spreads from there.",
        kind=options.kind,
        which=options.which,
        values=values,
        sequence=found.sequence,
        entries=len(found.entries),
        list=str(path),
    )
    return OK


COMMAND = Command("revoke", "revoke a node, a key or an issuer", add, run)
