# SPDX-License-Identifier: Apache-2.0
"""`x0 mesh show`: what stands in the mesh's folder, and what will soon need a hand."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from agent.cli.base import OK, PROBLEM, Command
from agent.cli.mesh.common import add_folder, answer, authority, day
from agent.cli.text import table

if TYPE_CHECKING:
    from agent.identity.authority import Authority


def add(parser: argparse.ArgumentParser) -> None:
    """The folder; or the bundle alone."""
    parser.add_argument(
        "--bundle", action="store_true", help="print the trust bundle (SPIFFE JWKS), for a YAML"
    )
    add_folder(parser)


def run(options: argparse.Namespace) -> int:
    """0 where nothing needs a hand."""
    from agent.identity import bundle

    mesh = authority(options)
    if options.bundle:
        print(bundle.dump(mesh.bundle).decode())
        return OK
    fields = _fields(mesh, time.time())
    answer(options, _text(fields), **fields)
    return PROBLEM if fields["warnings"] else OK


def _fields(mesh: Authority, now: float) -> dict[str, Any]:
    from agent.identity.limits import ISSUER_WARNING

    issuers, warnings, lost = [], [], mesh.lists(now).revoked
    for seat in mesh.issuers.seats():
        certificate = mesh.issuers.open(seat)[0].certificate
        under = [root for root in mesh.bundle.roots if certificate.signed_by(root)]
        earlier = () if seat.site else mesh.issuers.replaced(seat.name, mesh.bundle, lost, now)
        issuers.append(
            {
                "name": seat.name,
                "stand_in": seat.site,
                "ends": int(certificate.not_after),
                "key": certificate.key_id.hex(),
                "earlier": [{"key": each.key_id.hex(), "ends": int(each.not_after)} for each in earlier],
            }
        )
        if certificate.not_after < now + ISSUER_WARNING:
            over = "is over since" if certificate.not_after < now else "ends"
            warnings.append(f"issuer {seat} {over} {day(certificate.not_after)}: {seat.command}")
        if not under:
            warnings.append(f"issuer {seat} is under no root in force: {seat.command}")
        elif len(mesh.bundle.roots) > 1 and under[0].der != mesh.root_certificate(mesh.record.root).der:
            warnings.append(f"issuer {seat} is still under the old root: {seat.command}")
        if lost.issuer(certificate.key_id):
            tokens = "" if seat.site else " and makes its tokens void"
            warnings.append(f"issuer {seat} is revoked: {seat.command} gives it a new key{tokens}")
    revoked = [
        {"kind": entry.kind.value, "value": entry.value, "at": entry.at, "reason": entry.reason}
        for entry in lost.entries.values()
    ]
    return {
        "mesh": mesh.mesh,
        "suite": mesh.suite.name,
        "sequence": mesh.bundle.sequence,
        "roots": [
            {"fingerprint": root.fingerprint, "ends": int(root.not_after)} for root in mesh.bundle.roots
        ],
        "issuers": issuers,
        "revoked": revoked,
        "warnings": warnings,
    }


def _text(fields: dict[str, Any]) -> str:
    lines = [f"Mesh {fields['mesh']} ({fields['suite']}), bundle {fields['sequence']}"]
    lines += [f"Root {root['fingerprint'][:16]} until {day(root['ends'])}" for root in fields["roots"]]
    if fields["issuers"]:
        lines += [
            "",
            table(
                ("ISSUER", "STANDS IN AT", "UNTIL", "KEY", "EARLIER KEYS"),
                [
                    (i["name"], i["stand_in"], day(i["ends"]), i["key"][:16], str(len(i["earlier"])))
                    for i in fields["issuers"]
                ],
            ),
        ]
    else:
        lines.append("No issuer yet: x0 mesh issuer NAME")
    if fields["revoked"]:
        rows = [(e["kind"], e["value"][:24], day(e["at"]), e["reason"]) for e in fields["revoked"]]
        lines += ["", table(("REVOKED", "WHICH", "SINCE", "REASON"), rows)]
    lines += [f"! {warning}" for warning in fields["warnings"]]
    return "\n".join(lines)


COMMAND = Command("show", "what the mesh's folder holds and what needs a hand", add, run)
