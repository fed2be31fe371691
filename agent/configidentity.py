# SPDX-License-Identifier: Apache-2.0
"""`identity` of the configuration (agent/config.py): which mesh, whom it trusts, how the node gets in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from agent.configtypes import AbsolutePath, HostPort, Port, about, words

DAY = 86_400.0
MESH_PATTERN = r"^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
MESH_WORDS = words(
    "a name of at most 63 of a-z, 0-9, - and .", "write what `x0 mesh show` names, e.g. valley.mesh"
)
ISSUER_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
ISSUER_WORDS = words("an issuer's name, in lower case", "write what `x0 mesh show` names, e.g. hill")
BUNDLE_CHARS = 60_000  # what fits beside the rest of the file; four roots of the CNSA set have 44 KB
BUNDLE_PATTERN = r"^\s*(/[^\n]{1,254}|\{[\s\S]*\})\s*$"
BUNDLE_WORDS = words(
    "a path, or the bundle itself in single quotes", "paste the line `x0 mesh show --bundle` prints, in '...'"
)
JOIN_PATTERN = r"^x0join\.[A-Za-z0-9_-]{1,1017}$"
JOIN_WORDS = words("a join token, which begins with x0join.", "paste the line `x0 mesh token` prints, whole")


class IssuerAddress(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an issuer, or one that stands in for it, can be reached."""

    name: Annotated[str, Meta(pattern=ISSUER_PATTERN, extra=ISSUER_WORDS), about("The issuer's name.")]
    address: Annotated[HostPort, about("HOST:PORT; an IPv6 host in brackets.")]


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Which mesh the node belongs to. Without `mesh` it has no identity and asks for none."""

    mesh: Annotated[
        Annotated[str, Meta(pattern=MESH_PATTERN, extra=MESH_WORDS)] | None,
        about("Name of the mesh, its trust domain. Empty: no identity."),
    ] = None
    bundle: Annotated[
        Annotated[str, Meta(pattern=BUNDLE_PATTERN, max_length=BUNDLE_CHARS, extra=BUNDLE_WORDS)] | None,
        about("The mesh's trust bundle, or a file that holds it: all the node believes at first."),
    ] = None
    token: Annotated[
        Annotated[str, Meta(pattern=JOIN_PATTERN, extra=JOIN_WORDS)] | None,
        about("Join token. Used until the node is enrolled, then of no more use."),
    ] = None
    issuer: Annotated[bool, about("This node issues: `x0 mesh issuer` made a folder for it.")] = False
    issuer_dir: Annotated[AbsolutePath | None, about("That folder. Empty: `issuer` in node.state_dir.")] = (
        None
    )
    listen: Annotated[
        HostPort | None,
        about("HOST:PORT where the issuer listens beside the mesh interface, e.g. on a gateway."),
    ] = None
    svid_life: Annotated[
        float, about("Life of the certificates this issuer makes.", "s", ge=3_600.0, le=90 * DAY)
    ] = 14 * DAY
    issuers: Annotated[
        Annotated[tuple[IssuerAddress, ...], Meta(max_length=16)],
        about("Addresses of issuers that are not heard of on the mesh interface."),
    ] = ()
    lead: Annotated[bool, about("Lead new neighbours to an issuer (join proxy).")] = True
    grace: Annotated[
        float,
        about(
            "How long a certificate that is over still counts while no issuer is reachable.",
            "s",
            ge=0.0,
            le=90 * DAY,
        ),
    ] = 14 * DAY
    trust_clock: Annotated[
        bool,
        about("The clock is right though nothing disciplines it: an issuer with a battery and without NTP."),
    ] = False
    port: Annotated[
        Port, about("TCP port on mesh interfaces, for new neighbours and for lists; the same on every node.")
    ] = 7079
    issuer_port: Annotated[
        Port, about("TCP port of issuers, and UDP port of their announcements; the same on every node.")
    ] = 7080
