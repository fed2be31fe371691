# SPDX-License-Identifier: Apache-2.0
"""A radio that hears nobody until it scans, as ath9k radios do (Gluon #605).

hwsim has no receiver that could go deaf: the radio's edges are cut, and let go when the kernel tells of a
scan. So the neighbours do not hear it either, and the cure is shown as far as that the scan takes place.
"""

from tools.lab.faults.base import Fault, Operation, Target


def deafen(target: Target, until: str) -> list[Operation]:
    """Return the operation that makes the node's radio deaf until then; the machine refuses without one."""
    return [{"op": "deafen", "node": target.name, "until": until}]


def undeafen(target: Target) -> list[Operation]:
    """Return the operation that makes it hear, whatever was done to it."""
    return [{"op": "undeafen", "node": target.name}]


FAULT = Fault(
    id="wifi-deaf",
    what="the radio of --node hears nobody (and nobody hears it) until it scans",
    peer=False,
    inject=lambda target: deafen(target, "scan"),
    clear=undeafen,
)
