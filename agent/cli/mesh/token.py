# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh token`: a join token for the YAML of one node or of a batch."""

from __future__ import annotations

import argparse
import time

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_folder, answer, authority, day, seconds


def add(parser: argparse.ArgumentParser) -> None:
    """Issuer, uses, end, roles, device, name."""
    parser.add_argument(
        "issuer", nargs="?", help="the issuer that shall take it (needed where there are several)"
    )
    parser.add_argument(
        "--uses", type=int, default=1, metavar="N", help="how many nodes may enrol with it (default 1)"
    )
    parser.add_argument(
        "--for", type=seconds, dest="life", metavar="TIME", help="how long it is good (default 7d)"
    )
    parser.add_argument("--role", action="append", default=[], help="a role of the nodes; may be given again")
    parser.add_argument("--serial", default="", help="the only device it is meant for, by its serial number")
    parser.add_argument(
        "--name", default="", help="the only name it gives: hill-roof; or how that begins: 'hill-farm-*'"
    )
    add_folder(parser)


def run(options: argparse.Namespace) -> int:
    """0 where it was made."""
    from agent.identity import spiffe, token
    from agent.identity.errors import AuthorityError
    from agent.identity.issuerfolders import Seat
    from agent.identity.limits import TOKEN_LIFE

    mesh = authority(options)
    names = mesh.issuers.names()
    if options.issuer is None and len(names) != 1:
        raise AuthorityError(
            f"which issuer? There are {', '.join(names) or 'none yet'}",
            "name one: x0 mesh token NAME" if names else "x0 mesh issuer NAME",
        )
    signer, key = mesh.issuers.open(Seat(spiffe.node_name(options.issuer or names[0])))
    text, found = token.make(
        key,
        mesh.mesh,
        signer.certificate.common_name,
        time.time(),
        uses=options.uses,
        life=TOKEN_LIFE if options.life is None else options.life,
        roles=tuple(options.role),
        serial=options.serial,
        name=options.name,
    )
    roles = f", as {', '.join(found.roles)}" if found.roles else ""
    device = f", for device {found.serial} only" if found.serial else ""
    named = found.name or f"{found.issuer}-..."
    answer(
        options,
        f"{text}\n\nGood for {found.uses} node{'s' if found.uses > 1 else ''} until {day(found.end)} at "
        f"issuer {found.issuer}, for names {named}{roles}{device}.\n"
        "Whoever reads it can use it: into the YAML, nowhere else.",
        token=text,
        mesh=found.mesh,
        issuer=found.issuer,
        uses=found.uses,
        ends=found.end,
        roles=list(found.roles),
        serial=found.serial,
        name=found.name,
    )
    return OK


COMMAND = Command("token", "make a join token, with which nodes enrol", add, run)
