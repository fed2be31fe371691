# SPDX-License-Identifier: Apache-2.0
"""`link_security` and `links` of the configuration (agent/config.py), and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Struct

from agent.configtypes import about
from agent.meshdevices import may_be_ours

if TYPE_CHECKING:
    from agent.config import Config
    from agent.configwalk import Walk

LinkSecurity = Literal["auto", "required", "off"]
LINK_SECURITY = about(
    "Whether links are encrypted (MACsec, keys by post-quantum TLS). Required: nothing passes in clear. Off: "
    "everything does. Auto: required where identity.mesh is set, else off."
)


class Links(Struct, frozen=True, forbid_unknown_fields=True):
    """How links are secured, where they are."""

    suite: Annotated[
        Literal["hybrid", "cnsa-hybrid", "cnsa"],
        about(
            "Algorithms of the handshake, the same on every node. hybrid: X25519MLKEM768, ML-DSA-65; "
            "cnsa-hybrid: SecP384R1MLKEM1024, ML-DSA-87; cnsa: MLKEM1024, ML-DSA-87."
        ),
    ] = "hybrid"
    rekey_period: Annotated[
        float, about("How long a key is used; a tenth more or less, by chance.", "s", ge=10, le=3_600)
    ] = 600.0


def secured(config: Config) -> bool:
    """Shall this node's links be secured?"""
    if not config.mesh.enabled or config.link_security == "off":
        return False
    return config.link_security == "required" or _has_identity(config)


def _has_identity(config: Config) -> bool:
    """Does the configuration name the mesh of certificates this node is of?"""
    return getattr(getattr(config, "identity", None), "mesh", None) is not None


def check_links(config: Config, walk: Walk) -> None:
    """Report what does not fit together."""
    if config.link_security == "required" and not config.mesh.enabled:
        mend = "delete link_security, or set mesh.enabled: true"
        found = "required with mesh.enabled: false"
        walk.problem("link_security", found, "off or auto where no mesh is set up", mend, ("mesh.enabled",))
    if not secured(config):
        return
    for index, interface in enumerate(config.mesh.interfaces):
        if may_be_ours(interface.name):
            name = f"{walk.item('mesh.interfaces', index)}.name"
            mend = "list the interface below it (the agent makes its own), or set link_security: off"
            found = f"{interface.name} where links are secured"
            walk.problem(name, found, "wires and radios", mend, ("link_security",))
