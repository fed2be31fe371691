# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh issuer`: a new issuer, a new certificate for one, or a node that stands in for one."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_folder, add_passphrase, answer, authority, day, passphrase, seconds

if TYPE_CHECKING:
    from agent.identity.authority import NewIssuer


def add(parser: argparse.ArgumentParser) -> None:
    """Name, life, what kind."""
    parser.add_argument(
        "name", help="the issuer's name, with which the names of all its nodes begin: NAME-..."
    )
    parser.add_argument("--life", type=seconds, metavar="TIME", help="how long it may issue (default 730d)")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        "--stand-in",
        default="",
        metavar="SITE",
        help="make a second place that renews its nodes, enrols none",
    )
    kind.add_argument(
        "--new-token-key", action="store_true", help="make all join tokens void that were given out for it"
    )
    add_folder(parser)
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where it was made."""
    from agent.identity.limits import DAY, ISSUER_LIFE

    mesh = authority(options)
    life = ISSUER_LIFE if options.life is None else max(DAY, min(options.life, ISSUER_LIFE * 5))
    before = mesh.issuers.seats()
    made = mesh.make_issuer(
        options.name,
        passphrase(options),
        time.time(),
        life,
        stand_in=options.stand_in,
        new_token_key=options.new_token_key,
    )
    name = made.certificate.common_name
    again = mesh.issuers.seats() == before
    answer(
        options,
        _text(made, name, options.stand_in.lower(), again=again),
        issuer=name,
        stand_in=options.stand_in.lower(),
        folder=str(made.folder),
        ends=int(made.certificate.not_after),
        key=made.certificate.key_id.hex(),
        renewed=again,
        tokens_void=made.void,
        earlier=[{"key": each.key_id.hex(), "ends": int(each.not_after)} for each in made.earlier],
    )
    return OK


def _text(made: NewIssuer, name: str, site: str, *, again: bool) -> str:
    where = f" (standing in at {site})" if site else ""
    done, until = "made anew" if again else "made", day(made.certificate.not_after)
    lines = [
        f"Issuer {name}{where} is {done}, until {until}.",
        f"Bring the folder {made.folder} to the issuing node, over a way only you can read: "
        "it holds the issuer's key.",
    ]
    if made.void:
        lines.append("All join tokens given out for it are void: make new ones.")
    if made.earlier:
        last = max(each.not_after for each in made.earlier)
        lines.append(
            f"Earlier keys that are still good, as nodes hold certificates under them: {len(made.earlier)}, "
            f"until {day(last)}. If one may be stolen: x0 mesh revoke issuer {name}, then this again."
        )
    if site:
        lines.append(f"It renews {name}'s nodes and enrols none: tokens are for {name} itself.")
    else:
        lines.append(f"Next: x0 mesh token {name} --uses 5, for nodes named {name}-...")
    return "\n".join(lines)


COMMAND = Command("issuer", "make an issuer (or renew one): it enrols nodes and renews them", add, run)
