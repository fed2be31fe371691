# SPDX-License-Identifier: Apache-2.0
"""What an open undo record tells beyond how it is undone, by its action."""

from __future__ import annotations

DETACHING = frozenset({"detach-hardif"})  # its `hardif` is held out of the mesh
AVOIDING = frozenset({"avoid-link"})  # its `hardif` is said to carry next to nothing
MUTING = frozenset({"mute-neighbour"})  # its `neighbour` on `hardif` is left out of the mesh
RESTING = frozenset({"rest"})  # the agent looks half as often
# What these changed the kernel forgets with a reboot.
FORGOTTEN = (
    DETACHING
    | AVOIDING
    | {"hasten-ogms", "leave-gateway", "withdraw-gateway", "rejoin-mesh", "restart-radio", "mute-neighbour"}
    | {"raise-neighbour-limit", "rest", "set-mac"}
)
