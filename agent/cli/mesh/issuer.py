# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh issuer`: a new issuer, or a new certificate for one."""

from __future__ import annotations

import argparse
import time

from agent.cli.base import OK, Command
from agent.cli.mesh.common import add_folder, add_passphrase, answer, authority, day, passphrase, seconds


def add(parser: argparse.ArgumentParser) -> None:
    """Name and life."""
    parser.add_argument("name", help="the issuer's name, best that of the node it runs on")
    parser.add_argument("--life", type=seconds, metavar="TIME", help="how long it may issue (default 730d)")
    add_folder(parser)
    add_passphrase(parser)


def run(options: argparse.Namespace) -> int:
    """0 where it was made."""
    from agent.identity.limits import DAY, ISSUER_LIFE

    mesh = authority(options)
    again = options.name.lower() in mesh.issuers()
    life = ISSUER_LIFE if options.life is None else max(DAY, min(options.life, ISSUER_LIFE * 5))
    folder = mesh.make_issuer(options.name, passphrase(options), time.time(), life)
    certificate = mesh.issuer(options.name)[0].certificate
    name = certificate.common_name
    answer(
        options,
        f"Issuer {name} is {'made anew' if again else 'made'}, until {day(certificate.not_after)}.\n"
        f"Bring the folder {folder} to the issuing node, over a way only you can read: "
        f"it holds the issuer's key.\nNext: x0 mesh token {name} --uses 5",
        issuer=name,
        folder=str(folder),
        ends=int(certificate.not_after),
        key=certificate.key_id.hex(),
        renewed=again,
    )
    return OK


COMMAND = Command("issuer", "make an issuer (or renew one): it enrols nodes and renews them", add, run)
