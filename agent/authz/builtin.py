# SPDX-License-Identifier: Apache-2.0
"""The built-in table: what is allowed on a node whose configuration says nothing. All else is refused.

It allows and never denies, so that a rule of the configuration has the last word in both directions.
"""

from __future__ import annotations

from typing import Final

from agent.configpolicy import Rule


def _allow(name: str, who: str, actions: str, resources: str, why: str) -> Rule:
    return Rule(name, "allow", tuple(who.split()), tuple(actions.split()), tuple(resources.split()), why=why)


BUILT_IN: Final = (
    _allow(
        "local-commands",
        "root own group",
        "control.call",
        "*",
        "the kernel says who they are, and root owns the node anyway",
    ),
    _allow(
        "page-is-open",
        "reader pin",
        "page.read",
        "*",
        "a technician under the mast sees the state without asking anybody",
    ),
    _allow("pin-is-looked-at", "reader", "page.sign-in", "*", "the lock-out bounds the guesses"),
    _allow(
        "pin-acts",
        "pin",
        "page.act page.download page.read-private",
        "*",
        "who knows the PIN has the node's label before them",
    ),
    _allow("own-node", "self", "remedy.act", "node/*", "what concerns this node alone is its own business"),
    _allow(
        "own-links",
        "self",
        "remedy.act",
        "neighbours/avoid-link neighbours/detach-hardif neighbours/mute-neighbour neighbours/rejoin-mesh "
        "neighbours/rekey-link neighbours/renew-link neighbours/restart-radio neighbours/scan-radio "
        "neighbours/set-mac",
        "each end may leave a link; the refusals and bounds of these remedies protect the other",
    ),
    _allow(
        "own-announcements",
        "self",
        "remedy.act",
        "mesh/hasten-ogms mesh/withdraw-gateway",
        "bounded airtime, and the truth about this node's own uplink",
    ),
    _allow(
        "own-share",
        "self",
        "mesh.act",
        "*",
        "set-up in motion that is bounded where it is done",
    ),
    _allow(
        "neighbours-words",
        "hint",
        "hint.take",
        "*",
        "they raise attention and are checked by this node's own echoes before it acts on a link",
    ),
    _allow("members-link", "member", "link.secure", "*", "its certificate says that it is of the mesh"),
    _allow("neighbours-haste", "hint", "mesh.act", "hasten-ogms", "a few seconds each, few times a minute"),
)
