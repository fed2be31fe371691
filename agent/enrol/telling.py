# SPDX-License-Identifier: Apache-2.0
"""What the parts of enrolment on a node say of themselves, as one status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.enrol.desk import ROLE
from agent.enrol.issuing import IssuerService
from agent.enrol.leading import Leading
from agent.enrol.status import IssuerStatus, LeadStatus, ListStatus, Status
from agent.identity import spiffe

if TYPE_CHECKING:
    from agent.enrol.parts import Parts


def status_of(parts: Parts) -> Status:
    """All of it."""
    own, standing = parts.obtaining, parts.standing
    verified = own.verified
    troubles = (standing.trouble, _other_name(parts), _role(parts))
    return Status(
        state=own.state,
        node=str(verified.id) if verified else "",
        issuer=verified.issuer_name if verified else "",
        roles=verified.roles if verified else (),
        not_after=verified.not_after if verified else None,
        renew_at=own.renew_at,
        time_trusted=standing.moment().trusted,
        issuer_reachable=own.reachable,
        problem=own.problem,
        troubles=tuple(each for each in troubles if each),
        here=_issuer(parts.issuing) if parts.issuing is not None else None,
        lead=_lead(parts.leading) if parts.leading is not None else None,
        lists=_lists(parts),
    )


def _lists(parts: Parts) -> ListStatus:
    standing, spread = parts.standing, parts.spreading.counts
    return ListStatus(
        standing.bundle.sequence,
        len(standing.lists.all()),
        len(standing.revoked.entries),
        spread.taken,
        spread.failed,
        spread.refused,
        spread.last,
        (*standing.lists.wrong, *standing.wrong),
    )


def _issuer(issuing: IssuerService) -> IssuerStatus:
    desk, tally, door = issuing.desk, issuing.tally, issuing.door
    return IssuerStatus(
        desk.name,
        desk.enrols,
        tally.enrolled,
        tally.renewed,
        dict(tally.refused),
        door.counts.taken,
        door.counts.refused,
        door.open,
    )


def _lead(leading: Leading) -> LeadStatus:
    counts = leading.counts
    return LeadStatus(counts.through, counts.limited, counts.unknown, counts.unreachable)


def _other_name(parts: Parts) -> str:
    verified, name = parts.obtaining.verified, spiffe.node_name(parts.config.node.name)
    if verified is None or verified.node == name:
        return ""
    return (
        f"the certificate names {verified.node}, the configuration {name}. Mend: name it as before, or "
        "remove svid.pem and signer.pem and give it a new token to make it another node"
    )


def _role(parts: Parts) -> str:
    verified = parts.obtaining.verified
    if parts.desk is None or verified is None or ROLE in verified.roles:
        return ""
    return (
        f"this node issues for {parts.desk.name}, but its certificate lacks the role {ROLE}, so it is not "
        f"asked. Mend: enrol it with a token of that role (x0 mesh token ISSUER --role {ROLE})"
    )
