# SPDX-License-Identifier: Apache-2.0
"""Who the certificates are about: one SPIFFE ID of this mesh."""

from __future__ import annotations

from agent.identity import spiffe
from agent.identity.errors import SpiffeIdError
from agent.identity.limits import ROLES
from agent.identity.rules.base import NEW_ISSUER, REISSUE, Case, rule


@rule("one-uri", "SVID", "has exactly one URI among its names", REISSUE)
def one_uri(case: Case) -> str:
    """X509-SVID 2: with two, two readers would see two nodes."""
    return "" if len(case.leaf.uris) == 1 else f"{len(case.leaf.uris)} URIs"


@rule("no-other-name", "SVID", "has no DNS name, address or other name beside it", REISSUE)
def no_other_name(case: Case) -> str:
    """Stricter than SPIFFE: nothing in the mesh reads one, and software beside it would."""
    return "" if not case.leaf.other_names else f"{case.leaf.other_names} other names"


@rule("spiffe-id", "SVID", "has a SPIFFE ID as its URI", REISSUE)
def spiffe_id(case: Case) -> str:
    """SPIFFE-ID 2."""
    if len(case.leaf.uris) != 1:
        return ""  # one-uri speaks
    try:
        spiffe.parse(case.leaf.uris[0])
    except SpiffeIdError as error:
        return error.what
    return ""


@rule("trust-domain", "SVID", "is of this mesh", "the node belongs to another mesh: give it this one's YAML")
def trust_domain(case: Case) -> str:
    """X509-SVID 5.1."""
    uri = case.leaf.uris[0] if len(case.leaf.uris) == 1 else ""
    try:
        domain = spiffe.parse(uri).trust_domain
    except SpiffeIdError:
        return ""  # spiffe-id speaks
    return "" if domain == case.trust_domain else f"of {domain}, this mesh is {case.trust_domain}"


@rule("node-path", "SVID", "names a node: its path is /node/<name>", REISSUE)
def node_path(case: Case) -> str:
    """X509-SVID 3.1 wants a path; ours has one form."""
    uri = case.leaf.uris[0] if len(case.leaf.uris) == 1 else ""
    try:
        found = spiffe.parse(uri)
    except SpiffeIdError:
        return ""
    return "" if found.node else f"path {found.path!r}"


@rule("named-by-its-issuer", "SVID", "has its issuer's name, or that, a hyphen and more as its own",
      "enrol the node at the issuer whose name its own begins with")  # fmt: skip
def named_by_its_issuer(case: Case) -> str:
    """So a name belongs to one issuer, by the root's word, and no issuer can speak for another's nodes."""
    issuer = case.issuer.common_name
    if not case.node or spiffe.within(issuer, case.node):
        return ""  # spiffe-id or node-path speaks where there is no name
    return f"{case.node} under issuer {issuer or 'without a name'}"


@rule("roles", "SVID", "has at most 8 well-formed roles and nothing else in its subject", REISSUE)
def roles(case: Case) -> str:
    """What the table of authorisation reads."""
    if len(case.leaf.roles) > ROLES or len(set(case.leaf.roles)) != len(case.leaf.roles):
        return f"{len(case.leaf.roles)} roles, or one twice"
    if case.leaf.other_subject or case.leaf.common_name:
        return f"{', '.join(case.leaf.other_subject) or 'a common name'} in its subject"
    try:
        for name in case.leaf.roles:
            spiffe.role(name)
    except SpiffeIdError as error:
        return error.what
    return ""


@rule("issuer-constrained", "issuer", "is constrained, critically, to names of this mesh", NEW_ISSUER)
def issuer_constrained(case: Case) -> str:
    """X509-SVID 4.2: software that follows only RFC 5280 is held to it, too."""
    permitted = case.issuer.permitted_uris
    if permitted != (case.trust_domain,) or case.issuer.other_constraints:
        return f"permits {', '.join(permitted) or 'every name'}"
    return "" if case.issuer.constraints_critical else "not critical"


@rule("issuer-domain", "issuer", "carries the mesh's own ID, without a path", NEW_ISSUER)
def issuer_domain(case: Case) -> str:
    """X509-SVID 3.2."""
    own = str(spiffe.SpiffeId(case.trust_domain))
    return "" if case.issuer.uris == (own,) else f"carries {', '.join(case.issuer.uris) or 'none'}"
